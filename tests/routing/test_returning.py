"""What was given and not answered in time goes to somebody else, its history kept."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk.errors import NotFound, WrongState
from helpdesk.models import Assignment, Conversation, Entry, Staff
from helpdesk.services import assignment, lifecycle, replying, returning
from helpdesk.tenancy import due_organizations, organization_scope
from routing import offers
from routing.models import Offer, Policy
from tests.factories import World
from tests.routing.conftest import route


def late(world: World, conversation_id: int) -> datetime:
    """Return a moment after the time for an answer."""
    due = world.conversation(conversation_id).return_at
    assert due is not None
    return due + timedelta(seconds=1)


def sweep(world: World, now: datetime) -> int:
    with organization_scope(world.organization.pk):
        return returning.return_due(now)


def given(world: World) -> tuple[int, str, str]:
    """Have the engine give a conversation; returns it, who has it and who else could."""
    pk = world.message("怎么退货").conversation_id
    route(world)
    owner = world.conversation(pk).owner
    return (pk, "carol", "dave") if owner == world.carol else (pk, "dave", "carol")


def test_without_an_answer_it_goes_to_somebody_else_with_its_history(world: World) -> None:
    pk, first, other = given(world)
    due = world.conversation(pk).return_at
    assert due is not None
    assert sweep(world, due - timedelta(seconds=1)) == 0
    assert sweep(world, late(world, pk)) == 1
    assert sweep(world, due + timedelta(days=1)) == 0
    conversation = world.conversation(pk)
    assert (conversation.state, conversation.owner, conversation.return_at) == (
        "queued",
        None,
        None,
    )
    route(world)
    assert world.conversation(pk).owner == world.people[other]
    with world.transaction():
        ended = Assignment.objects.get(ended_at__isnull=False)
        assert (ended.staff, ended.ending) == (world.people[first], "unanswered")
        assert Staff.objects.get(pk=world.people[first].pk).load == 0
        kinds = list(Entry.objects.filter(conversation_id=pk).values_list("kind", flat=True))
    assert kinds.count("assigned") == 2
    assert "released" in kinds


def test_whoever_is_alone_is_asked_again_after_a_while(world: World) -> None:
    pk, first, other = given(world)
    with world.transaction():
        Staff.objects.filter(pk=world.people[other].pk).update(capacity=Decimal(0))
    sweep(world, late(world, pk))
    route(world)
    assert world.conversation(pk).owner is None
    with world.transaction():
        past = timezone.now() - timedelta(minutes=3)
        Assignment.objects.filter(conversation_id=pk).update(ended_at=past)
    route(world)
    assert world.conversation(pk).owner == world.people[first]


@pytest.mark.parametrize("act", ["reply", "snooze", "keep", "hand over"])
def test_whoever_acts_keeps_it(world: World, act: str) -> None:
    pk, first, other = given(world)
    now = late(world, pk)
    with world.transaction():
        access = world.access(first)
        if act == "reply":
            replying.reply(access, pk, text="Hello")
        elif act == "snooze":
            lifecycle.snooze(access, pk, timezone.now() + timedelta(days=30))
        elif act == "keep":
            returning.keep(access, pk)
            returning.keep(access, pk)
        else:
            assignment.transfer(access, pk, assignment.Target(staff_id=world.people[other].pk))
    assert sweep(world, now) == 0
    assert world.conversation(pk).owner is not None


def test_only_its_owner_keeps_it(world: World) -> None:
    pk, _first, other = given(world)
    with world.transaction(), pytest.raises(WrongState):
        returning.keep(world.access(other), pk)
    with world.transaction(), pytest.raises(NotFound):
        returning.keep(world.access("erin"), pk)
    assert world.conversation(pk).return_at is not None


def test_an_accepted_offer_is_timed_and_what_people_take_is_not(world: World) -> None:
    with world.transaction():
        Policy.objects.create(mode="offer", return_seconds=60)
    pk = world.message("怎么退货").conversation_id
    route(world)
    with world.transaction():
        offer = Offer.objects.get()
        name = "carol" if offer.staff == world.carol else "dave"
        offers.accept(world.access(name), offer.pk)
    due = world.conversation(pk).return_at
    assert due is not None
    assert timedelta(seconds=55) < due - timezone.now() <= timedelta(seconds=60)
    taken = world.message("怎么退货", "second").conversation_id
    with world.transaction():
        assignment.take(world.access("carol"), taken)
    assert world.conversation(taken).return_at is None


def test_a_policy_may_leave_it_with_whoever_has_it(world: World) -> None:
    with world.transaction():
        Policy.objects.create(return_seconds=0)
    pk, _first, _other = given(world)
    assert world.conversation(pk).return_at is None


def test_the_sweeper_finds_the_organization(world: World) -> None:
    pk, _first, _other = given(world)
    assert due_organizations("return") == []
    with world.transaction():
        Conversation.objects.filter(pk=pk).update(return_at=timezone.now())
    assert due_organizations("return") == [world.organization.pk]


def test_put_back_by_hand_it_goes_to_somebody_else(world: World) -> None:
    pk, first, other = given(world)
    with world.transaction():
        assignment.put_back(world.access(first), pk)
    route(world)
    assert world.conversation(pk).owner == world.people[other]


def test_the_thread_shows_until_when_and_its_owner_keeps_it(world: World) -> None:
    pk, first, _other = given(world)
    client = Client(headers={"accept-language": "en"})
    client.force_login(world.people[first].user, "django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/conversations/{pk}/").content.decode()
    assert "Goes back in" in page
    assert f"/conversations/{pk}/keep/" in page
    assert client.post(f"/conversations/{pk}/keep/").status_code == 302
    page = client.get(f"/conversations/{pk}/").content.decode()
    assert "Goes back in" not in page
    assert f"/conversations/{pk}/keep/" not in page
