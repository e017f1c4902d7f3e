from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from helpdesk.errors import AlreadyTaken, Invalid, NotFound, TooLate, WrongState
from helpdesk.models import Assignment, AuditEntry, Presence, Staff
from helpdesk.registries import invariant_checks
from helpdesk.services import assignment
from routing import offers
from routing.models import Offer, Policy
from tests.factories import World
from tests.routing.conftest import decisions, route


@pytest.fixture
def offering(world: World) -> World:
    """The world, with a policy that offers first and carol the better one."""
    with world.transaction():
        Policy.objects.create(mode="offer", weights={"load": 50})
        Staff.objects.filter(pk=world.carol.pk).update(capacity=Decimal(9))
    return world


def offered(world: World, visitor: str = "v1") -> Offer:
    received = world.message("怎么退货", visitor)
    route(world)
    with world.transaction():
        return Offer.objects.get(conversation_id=received.conversation_id, state="pending")


def pass_time(world: World) -> int:
    """Let every pending offer run out."""
    with world.transaction():
        Offer.objects.filter(state="pending").update(due_at=timezone.now() - timedelta(seconds=1))
        return offers.expire_due(timezone.now())


def state(world: World, offer: Offer) -> str:
    with world.transaction():
        return Offer.objects.values_list("state", flat=True).get(pk=offer.pk)


def test_the_best_candidate_is_asked_and_the_conversation_waits(offering: World) -> None:
    offer = offered(offering)
    assert offer.staff_id == offering.carol.pk
    assert offering.conversation(offer.conversation_id).state == "queued"
    assert [one.outcome for one in decisions(offering, offer.conversation_id)] == ["offered"]
    assert route(offering).placed == 0


def test_accepting_makes_it_mine(offering: World) -> None:
    offer = offered(offering)
    with offering.transaction():
        offers.accept(offering.access("carol"), offer.pk)
        assert Assignment.objects.get().mode == "offer"
        assert AuditEntry.objects.filter(action="offer.accepted", staff=offering.carol).exists()
    assert offering.conversation(offer.conversation_id).owner == offering.carol
    assert state(offering, offer) == "accepted"
    with offering.transaction():
        assert [line for _n, check in invariant_checks.items() for line in check.violations()] == []


def test_declining_passes_it_to_the_next_and_never_back(offering: World) -> None:
    offer = offered(offering)
    with offering.transaction():
        offers.decline(offering.access("carol"), offer.pk, "meeting")
    route(offering)
    with offering.transaction():
        second = Offer.objects.get(state="pending")
        assert second.staff == offering.dave
        offers.decline(offering.access("dave"), second.pk, "topic")
    assert route(offering).placed == 0
    assert state(offering, offer) == "declined"
    assert offering.conversation(offer.conversation_id).state == "queued"


@pytest.mark.parametrize("reason", ["", "lazy", "MEETING"])
def test_declining_needs_one_of_the_four_reasons(offering: World, reason: str) -> None:
    offer = offered(offering)
    with offering.transaction(), pytest.raises(Invalid):
        offers.decline(offering.access("carol"), offer.pk, reason)
    assert state(offering, offer) == "pending"


def test_time_passes_it_to_the_next_and_later_back(offering: World) -> None:
    offer = offered(offering)
    assert pass_time(offering) == 1
    assert pass_time(offering) == 0
    route(offering)
    with offering.transaction():
        assert Offer.objects.get(state="pending").staff == offering.dave
    pass_time(offering)
    assert route(offering).placed == 0
    with offering.transaction():
        Offer.objects.update(answered_at=timezone.now() - timedelta(minutes=3))
    route(offering)
    with offering.transaction():
        assert Offer.objects.get(state="pending").staff == offering.carol
    assert state(offering, offer) == "expired"


def test_an_answer_after_the_time_is_too_late(offering: World) -> None:
    offer = offered(offering)
    with offering.transaction():
        Offer.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    for answer in (
        lambda: offers.accept(offering.access("carol"), offer.pk),
        lambda: offers.decline(offering.access("carol"), offer.pk, "meeting"),
    ):
        with offering.transaction(), pytest.raises(TooLate):
            answer()


def test_somebody_elses_offer_does_not_exist_for_me(offering: World) -> None:
    offer = offered(offering)
    for name in ("dave", "erin", "bob"):
        with offering.transaction(), pytest.raises(NotFound):
            offers.accept(offering.access(name), offer.pk)
        with offering.transaction(), pytest.raises(NotFound):
            offers.decline(offering.access(name), offer.pk, "meeting")
    assert state(offering, offer) == "pending"


def test_taken_by_another_the_offer_is_withdrawn(offering: World) -> None:
    offer = offered(offering)
    with offering.transaction():
        assignment.take(offering.access("dave"), offer.conversation_id)
    with offering.transaction(), pytest.raises(AlreadyTaken):
        offers.accept(offering.access("carol"), offer.pk)
    route(offering)
    assert state(offering, offer) == "withdrawn"
    assert offering.conversation(offer.conversation_id).owner == offering.dave


def test_pending_offers_reserve_capacity(offering: World) -> None:
    with offering.transaction():
        Staff.objects.filter(pk=offering.carol.pk).update(capacity=Decimal(2))
        Presence.objects.filter(staff=offering.dave).update(status="away")
    for number in range(4):
        offering.message("怎么退货", f"v{number}")
    while route(offering).placed:
        pass
    with offering.transaction():
        assert Offer.objects.filter(state="pending", staff=offering.carol).count() == 2
        assert Offer.objects.filter(state="pending").count() == 2


def test_the_most_urgent_offer_is_shown_first(offering: World) -> None:
    offered(offering, "v1")
    offering.message("退货，充电器冒烟了！！", "v2")
    route(offering)
    with offering.transaction():
        shown = offers.pending_offer(offering.access("carol"))
        assert shown is not None
        assert shown.conversation.urgency > 50
        assert offers.pending_offer(offering.access("erin")) is None


@pytest.mark.parametrize("is_accepted", [True, False])
def test_a_handover_is_undone_until_somebody_accepts_it(world: World, is_accepted: bool) -> None:
    pk = world.message().conversation_id
    carol, erin = world.access("carol"), world.access("erin")
    with world.transaction():
        Policy.objects.create(mode="offer")
        assignment.take(carol, pk)
        made = assignment.transfer(carol, pk, assignment.Target(department_id=world.sales.pk))
    route(world)
    with world.transaction():
        offer = Offer.objects.get()
        assert offer.staff_id == world.erin.pk
        if is_accepted:
            offers.accept(erin, offer.pk)
            with pytest.raises(WrongState):
                assignment.undo_transfer(carol, made.pk)
        else:
            assignment.undo_transfer(carol, made.pk)
    owner = world.erin if is_accepted else world.carol
    assert world.conversation(pk).owner_id == owner.pk
