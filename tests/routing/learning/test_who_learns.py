"""Learning slots: who is in training gets easy cases first, never alone and never above what they may."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.access import visible_conversations
from helpdesk.errors import NobodyBehind
from helpdesk.models import (
    Assignment,
    Conversation,
    Entry,
    Exam,
    Mention,
    Presence,
    Staff,
    StaffSkill,
    Topic,
)
from helpdesk.services import assignment, grants, lifecycle, mentions
from routing import engine, learning, offers
from routing.candidates import Need
from routing.deciding.rules import Rules
from routing.deciding.team import Team
from routing.facts import facts
from routing.models import Offer, Policy
from routing.narrowing import narrow
from routing.people import people
from routing.recording import is_reproduced
from tests.factories import World
from tests.routing.conftest import decisions, left_out, route


def owner(world: World, conversation_id: int) -> Staff | None:
    return world.conversation(conversation_id).owner


def asks(world: World, visitor: str = "visitor-1") -> int:
    return world.message("怎么退货", visitor).conversation_id


def standing(world: World, conversation_id: int) -> list[Mention]:
    with world.transaction():
        rows = Mention.objects.filter(conversation_id=conversation_id, ended_at__isnull=True)
        return list(rows.order_by("id"))


def change(world: World, name: str, **facts: object) -> None:
    with world.transaction():
        Staff.objects.filter(pk=world.people[name].pk).update(**facts)


def test_the_set_share_of_easy_cases_is_for_people_in_training_and_always_the_same(
    world: World, skill: int
) -> None:
    now = timezone.now()
    with world.transaction():
        Policy.objects.update(learning_percent=20)
        topic = Topic.objects.get(name="退货")
        known = facts()
        team, rules_of = Team.of(people(known, now)), engine.RulesOf(known, now)
        needs = [
            Need(number, world.support.pk, topic.pk, {skill: 3}, queued_at=now)
            for number in range(1, 1001)
        ]
        found = [bool(need.practice) for need in narrow(needs, team, known, now, rules_of)]
        again = narrow(list(reversed(needs)), team, known, now + timedelta(seconds=9), rules_of)
    # 200 expected; five times the deviation of 12.6 on either side.
    assert 137 <= sum(found) <= 263
    assert found == [bool(need.practice) for need in reversed(again)]
    anew = [
        learning.is_drawn(Need(n, 1, episode=2), Rules(learning_percent=20)) for n in range(1, 1001)
    ]
    assert 137 <= sum(anew) <= 263
    assert anew != found
    assert not any(learning.is_drawn(need, Rules()) for need in needs)


def test_somebody_in_training_gets_it_below_the_level_with_a_colleague_behind(
    world: World, drawn: int
) -> None:
    pk = asks(world)
    route(world)
    assert owner(world, pk) == world.dave
    (mention,) = standing(world, pk)
    assert (mention.staff_id, mention.behind_id, mention.by_id) == (
        world.carol.pk,
        world.dave.pk,
        None,
    )
    with world.transaction():
        entry = Entry.objects.get(conversation_id=pk, kind="mentioned")
        assert mention.entry_id == entry.pk
        assert entry.data == {"staff": world.carol.pk, "learner": world.dave.pk, "skill": drawn}
        assert Staff.objects.get(pk=world.carol.pk).load == 0
        numbers = Entry.objects.filter(conversation_id=pk).values_list("number", flat=True)
        assert list(numbers.order_by("number")) == list(range(1, len(numbers) + 1))
    made = decisions(world, pk)[-1]
    assert made.data["need"]["practice"] == {"skill": drawn, "behind": [world.carol.pk]}
    assert left_out(made, "learning") == [world.carol.pk]
    assert is_reproduced(made)


def test_the_level_holds_for_everything_else(
    world: World, skill: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "is_drawn", lambda _need, _policy: False)
    change(world, "carol", load=Decimal(3))
    pk = asks(world)
    route(world)
    assert owner(world, pk) is None
    change(world, "carol", load=Decimal(0))
    route(world)
    assert owner(world, pk) == world.carol
    assert standing(world, pk) == []


@pytest.mark.parametrize("what", ["urgent", "late", "escalated", "wanted", "known", "other topic"])
def test_what_is_not_easy_is_not_for_learning(world: World, drawn: int, what: str) -> None:
    pk = world.message(
        "H2 网关支持 Matter 吗" if what == "other topic" else "怎么退货"
    ).conversation_id
    with world.transaction():
        rows = Conversation.objects.filter(pk=pk)
        now = timezone.now()
        facts_of: dict[str, dict[str, object]] = {
            "urgent": {"urgency": 60, "topic": Topic.objects.get(name="退货"), "route_at": None},
            "late": {
                "queued_at": now - timedelta(hours=1),
                "waiting_since": now - timedelta(hours=1),
            },
            "escalated": {"escalated_to": world.sales},
            "wanted": {"wanted_skill_id": drawn},
        }
        rows.update(**facts_of.get(what, {}))
        if what == "known":
            # Not kept for Carol, yet hers.
            Policy.objects.update(sticky_seconds=0)
            customer = rows.get().customer_id
            old = world_past(world, customer)
            assert old
    route(world)
    assert owner(world, pk) != world.dave
    assert standing(world, pk) == []


def world_past(world: World, customer_id: int) -> int:
    """Have Carol have served the customer yesterday in what is closed by now."""
    like = Conversation.objects.get(customer_id=customer_id)
    yesterday = timezone.now() - timedelta(days=1)
    closed = Conversation.objects.create(
        customer_id=customer_id,
        channel_id=like.channel_id,
        identity_id=like.identity_id,
        department_id=like.department_id,
        state="closed",
        opened_at=yesterday,
        closed_at=yesterday,
    )
    return int(
        Assignment.objects.create(
            conversation=closed,
            staff=world.carol,
            mode="taken",
            starts_at=yesterday,
            ended_at=yesterday,
            ending="resolved",
        ).pk
    )


@pytest.mark.parametrize("why", ["away", "offline", "low", "beginner", "learning", "may not"])
def test_without_a_colleague_behind_nobody_learns(world: World, drawn: int, why: str) -> None:
    with world.transaction():
        if why == "away":
            Presence.objects.filter(staff=world.carol).update(status="busy")
        elif why == "offline":
            Presence.objects.filter(staff=world.carol).update(lease_until=None)
        elif why == "low":
            StaffSkill.objects.filter(staff=world.carol).update(level=2)
        elif why == "beginner":
            StaffSkill.objects.filter(staff=world.carol).update(level=2)
            Topic.objects.filter(name="退货").update(minimum_level=0)
        elif why == "learning":
            StaffSkill.objects.filter(staff=world.carol).update(is_learning=True)
        else:
            StaffSkill.objects.filter(staff=world.carol).update(staff=world.erin)
    pk = asks(world)
    route(world)
    # Where no level is asked for he may get it like anybody else.
    assert owner(world, pk) != world.dave or why == "beginner"
    assert standing(world, pk) == []


@pytest.mark.parametrize("why", ["may not", "exam", "away", "full", "language"])
def test_learning_opens_no_other_door(world: World, drawn: int, why: str) -> None:
    today = timezone.now().date()
    with world.transaction():
        if why == "may not":
            StaffSkill.objects.filter(staff=world.dave).update(staff=world.erin)
        elif why == "exam":
            Topic.objects.filter(name="退货").update(needs_exam=True)
            Exam.objects.create(
                staff=world.carol, skill_id=drawn, taken_on=today, score_percent=90,
                valid_until=today + timedelta(days=9),
            )  # fmt: skip
            grants.refresh()
        elif why == "away":
            Presence.objects.filter(staff=world.dave).update(status="away")
        elif why == "full":
            Staff.objects.filter(pk=world.dave.pk).update(load=Decimal(3))
        else:
            Staff.objects.filter(pk=world.dave.pk).update(languages=["en"])
    pk = asks(world)
    route(world)
    assert owner(world, pk) == world.carol
    assert standing(world, pk) == []


def test_a_learner_has_one_such_case_at_a_time(world: World, drawn: int) -> None:
    first, second = asks(world, "a"), asks(world, "b")
    route(world)
    owners = {owner(world, pk) for pk in (first, second)}
    assert owners == {world.dave, world.carol}
    third = asks(world, "c")
    route(world)
    assert owner(world, third) == world.carol
    mine = first if owner(world, first) == world.dave else second
    # Whoever ends the colleague's access is still learning with it.
    with world.transaction():
        mentions.end_access(world.access("dave"), Mention.objects.get(conversation_id=mine).pk)
    fourth = asks(world, "d")
    route(world)
    assert owner(world, fourth) == world.carol
    with world.transaction():
        lifecycle.resolve(world.access("dave"), mine)
    fifth = asks(world, "e")
    route(world)
    assert owner(world, fifth) == world.dave


def test_whoever_stands_behind_fewest_does_so_next(world: World, drawn: int) -> None:
    world.person("gina", world.support, world.roles["agent"], languages=["zh"])
    world.person("hugo", world.support, world.roles["agent"], languages=["zh"])
    world.online("gina", "hugo")
    with world.transaction():
        for name, level, is_learning in (("gina", 3, False), ("hugo", 0, True)):
            StaffSkill.objects.create(
                staff=world.people[name], skill_id=drawn, level=level, is_learning=is_learning
            )
    behind = []
    for visitor in ("a", "b"):
        pk = asks(world, visitor)
        route(world)
        behind += [mention.staff_id for mention in standing(world, pk)]
    assert behind == [world.carol.pk, world.people["gina"].pk]


def test_it_ends_when_somebody_else_holds_it_and_with_the_conversation(
    world: World, drawn: int
) -> None:
    pk = asks(world)
    route(world)
    with world.transaction():
        assignment.put_back(world.access("dave"), pk)
        carol = world.access("carol")
        assert not Mention.objects.filter(access_until__gt=timezone.now()).exists()
        assert mentions.end_due(timezone.now()) == 1
        assert visible_conversations(carol).filter(pk=pk).exists()
    other = asks(world, "other")
    route(world)
    assert owner(world, other) == world.dave
    with world.transaction():
        lifecycle.resolve(world.access("dave"), other)
    assert standing(world, pk) == standing(world, other) == []


def offering(world: World) -> None:
    with world.transaction():
        Policy.objects.update(mode=Policy.Mode.OFFER)


def test_an_offer_to_somebody_in_training_is_taken_with_a_colleague_behind(
    world: World, drawn: int
) -> None:
    offering(world)
    first = asks(world, "a")
    route(world)
    with world.transaction():
        offer = Offer.objects.get(conversation_id=first)
    assert offer.staff_id == world.dave.pk
    assert standing(world, first) == []
    second = asks(world, "b")
    route(world)
    with world.transaction():
        assert Offer.objects.get(conversation_id=second).staff_id == world.carol.pk
        offers.accept(world.access("dave"), offer.pk)
    assert owner(world, first) == world.dave
    assert [mention.staff_id for mention in standing(world, first)] == [world.carol.pk]


def test_an_offer_is_not_taken_once_nobody_is_left_to_stand_behind(
    world: World, drawn: int
) -> None:
    offering(world)
    pk = asks(world)
    route(world)
    with world.transaction():
        offer = Offer.objects.get(conversation_id=pk)
        Presence.objects.filter(staff=world.carol).update(status="away")
    with world.transaction(), pytest.raises(NobodyBehind):
        offers.accept(world.access("dave"), offer.pk)
    assert owner(world, pk) is None


def test_nothing_more_is_asked_of_the_database_while_nobody_learns(
    world: World, skill: int
) -> None:
    def cost() -> int:
        asks(world, f"visitor-{timezone.now().timestamp()}")
        route(world)
        asks(world, f"visitor-{timezone.now().timestamp()}")
        with CaptureQueriesContext(connection) as asked:
            route(world)
        return len(asked)

    change(world, "carol", capacity=Decimal(90))
    with world.transaction():
        Policy.objects.update(learning_percent=0)
    without = cost()
    with world.transaction():
        StaffSkill.objects.update(is_learning=False)
        Policy.objects.update(learning_percent=50)
    assert cost() == without
    with world.transaction():
        StaffSkill.objects.filter(staff=world.erin).delete()
        StaffSkill.objects.create(staff=world.erin, skill_id=skill, is_learning=True)
    assert cost() == without + 2
