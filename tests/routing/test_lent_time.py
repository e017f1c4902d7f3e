"""Whoever lends a share of the day is given no more once it is spent, and may always take more."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from helpdesk.errors import NotAvailable
from helpdesk.models import Assignment, Staff, State
from helpdesk.services import assignment, replying
from helpdesk.services.holding import Gift, assign_waiting
from helpdesk.tenancy import organization_scope
from routing import kept_lending, offers
from routing.explaining import explain
from routing.facts import facts
from routing.models import Decision, Offer, Policy
from routing.people import people
from tests.factories import World
from tests.routing.conftest import decisions, left_out, route
from tests.weeks import instant

NOON = instant("Asia/Shanghai", "2026-03-12 12:00")


@pytest.fixture
def clock(world: World) -> Iterator[time_machine.Traveller]:
    """Carol alone is there; she lends ten percent of eight hours, so 48 minutes."""
    with (
        organization_scope(world.organization.pk),
        time_machine.travel(NOON, tick=False) as travelling,
    ):
        with world.transaction():
            Staff.objects.update(capacity=Decimal(9))
            Staff.objects.filter(pk=world.carol.pk).update(lent_percent=10)
            Staff.objects.filter(pk=world.dave.pk).update(is_active=False)
        yield travelling


def spend(world: World, clock: time_machine.Traveller, minutes: int) -> None:
    """Have carol answer for so long, half an hour at a time."""
    while minutes > 0:
        pk = world.message(visitor=f"spending-{minutes}").conversation_id
        assignment.take(world.access("carol"), pk)
        clock.shift(timedelta(minutes=min(minutes, 30)))
        replying.reply(world.access("carol"), pk, text="好的")
        minutes -= 30
    world.online("carol")


def arrive(world: World) -> int:
    pk = world.message("怎么退货?", visitor=f"v{timezone.now()}").conversation_id
    route(world)
    return pk


def test_nothing_left_means_nothing_given_and_a_reason(
    world: World, clock: time_machine.Traveller
) -> None:
    spend(world, clock, 45)
    assert world.conversation(arrive(world)).owner == world.carol
    clock.shift(timedelta(minutes=3))
    world.online("carol")
    pk = arrive(world)
    assert world.conversation(pk).state == State.QUEUED
    (decision,) = decisions(world, pk)
    assert left_out(decision, "lent") == [world.carol.pk]
    with world.transaction(), translation.override("en"):
        shown = explain(world.access("bob"), world.conversation(pk), world.carol.pk)
    assert [str(one) for one in shown.asked.reasons] == ["had spent the time lent for the day"]


def test_a_full_time_answerer_has_all_day(world: World, clock: time_machine.Traveller) -> None:
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(lent_percent=None)
    spend(world, clock, 90)
    assert world.conversation(arrive(world)).owner == world.carol


def test_the_next_day_has_minutes_again(world: World, clock: time_machine.Traveller) -> None:
    spend(world, clock, 50)
    pk = arrive(world)
    assert world.conversation(pk).owner is None
    clock.move_to(instant("Asia/Shanghai", "2026-03-13 00:00"))
    world.online("carol")
    route(world)
    assert world.conversation(pk).owner == world.carol


def test_what_one_takes_oneself_is_never_refused(
    world: World, clock: time_machine.Traveller
) -> None:
    spend(world, clock, 50)
    pk = arrive(world)
    assignment.take(world.access("carol"), pk)
    assert world.conversation(pk).owner == world.carol


def test_a_colleague_may_hand_over_all_the_same(
    world: World, clock: time_machine.Traveller
) -> None:
    spend(world, clock, 50)
    pk = arrive(world)
    assignment.assign(world.access("bob"), pk, world.carol.pk)
    assert world.conversation(pk).owner == world.carol


def give(world: World, pk: int, mode: Assignment.Mode) -> object:
    with world.transaction():
        conversation = world.conversation(pk)
        _made, refusal = assign_waiting([Gift(conversation, world.carol.pk, mode)])
        return refusal


def test_the_commit_refuses_what_a_stale_router_decided(
    world: World, clock: time_machine.Traveller
) -> None:
    first, second = (world.message(visitor=v).conversation_id for v in ("a", "b"))
    assert give(world, first, Assignment.Mode.AUTOMATIC) is None
    spend(world, clock, 50)
    assert isinstance(give(world, second, Assignment.Mode.AUTOMATIC), NotAvailable)
    assert give(world, second, Assignment.Mode.OFFER) is None


def test_an_offer_is_not_made_and_one_that_was_made_may_be_accepted(
    world: World, clock: time_machine.Traveller
) -> None:
    with world.transaction():
        Policy.objects.create(mode=Policy.Mode.OFFER, offer_seconds=600)
    pk = arrive(world)
    with world.transaction():
        offer = Offer.objects.get()
    spend(world, clock, 9)
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(lent_percent=1)
        proposal = offers.Proposal(
            Decision(conversation_id=pk, outcome="offered", at=timezone.now()),
            world.carol.pk,
            Decimal(1),
            timedelta(seconds=30),
        )
        assert isinstance(offers.make([proposal])[1], NotAvailable)
    offers.accept(world.access("carol"), offer.pk)
    assert world.conversation(pk).owner == world.carol


# --- asking seldom ------------------------------------------------------------------------------


def has_time(world: World, now: datetime) -> bool:
    with world.transaction():
        return next(one.has_lent_time for one in people(facts(), now) if one.id == world.carol.pk)


def test_the_database_is_asked_again_only_when_the_answer_can_change(
    world: World, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[timedelta] = []
    lent = kept_lending.lent

    def asking(lenders, now):
        asked.extend(now - NOON for _one in lenders)
        return lent(lenders, now)

    monkeypatch.setattr(kept_lending, "lent", asking)
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    told = {}
    for minute in range(12 * 60 + 1):
        now = NOON + timedelta(minutes=minute)
        clock.move_to(now)
        if minute == 20:
            replying.reply(world.access("carol"), pk, text="好的")
        if minute == 100:
            world.message()
        told[minute] = has_time(world, now)
    # 20 minutes until the answer, then nothing for 80, then 28 are left and 27 of them are whole minutes.
    assert next(minute for minute, has in told.items() if not has) == 128
    assert told[719] is False
    assert told[720] is True
    assert asked == [timedelta(minutes=m) for m in (0, 48, 76, 104, 128, 720)]


def test_another_share_counts_at_once(world: World, clock: time_machine.Traveller) -> None:
    spend(world, clock, 30)
    for percent, has in ((10, True), (5, False), (20, True), (None, True)):
        with world.transaction():
            Staff.objects.filter(pk=world.carol.pk).update(lent_percent=percent)
        assert has_time(world, timezone.now()) is has


def test_nobody_who_lends_is_no_query(world: World, clock: time_machine.Traveller) -> None:
    def asked() -> int:
        with world.transaction():
            facts().lending._kept.clear()
            with CaptureQueriesContext(connection) as captured:
                people(facts(), timezone.now())
        return len(captured)

    assignment.take(world.access("carol"), world.message().conversation_id)
    asked()
    with_lender = asked()
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(lent_percent=None)
    assert asked() == with_lender - 2
