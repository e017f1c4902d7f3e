"""What a kind of channel takes of somebody's capacity, and how many of it one person has at once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError

from helpdesk.errors import OverCapacity
from helpdesk.models import Assignment, Channel, KindLimit, KindLoad, Staff
from helpdesk.registries import invariant_checks
from helpdesk.services import assignment, replying
from routing import offers
from routing.models import Decision, Offer, Policy
from tests.factories import World
from tests.routing.conftest import decisions, left_out, route


@pytest.fixture
def alone(world: World) -> World:
    """Carol is the only one in support who has capacity."""
    with world.transaction():
        Staff.objects.exclude(pk=world.carol.pk).update(capacity=Decimal(0))
    return world


def load_of(world: World, **facts: Any) -> None:
    with world.transaction():
        KindLoad.objects.create(kind="webchat", **facts)


def write(world: World, number: int) -> list[int]:
    found = [world.message("怎么退货", f"visitor-{each}").conversation_id for each in range(number)]
    route(world)
    return found


def held(world: World) -> int:
    with world.transaction():
        return Assignment.objects.filter(ended_at__isnull=True).count()


def carol_load(world: World) -> Decimal:
    with world.transaction():
        assert [line for _n, c in invariant_checks.items() for line in c.violations()] == []
        return Staff.objects.get(pk=world.carol.pk).load


def test_a_kind_that_weighs_more_is_given_less_often(alone: World) -> None:
    load_of(alone, open_weight=Decimal("1.5"), waiting_weight=Decimal("0.2"))
    first, *_rest = write(alone, 5)
    assert (held(alone), carol_load(alone)) == (2, Decimal("3.0"))
    with alone.transaction():
        replying.reply(alone.access("carol"), first, text="Hello")
    assert carol_load(alone) == Decimal("1.7")
    alone.message("怎么退货", "visitor-0")
    assert carol_load(alone) == Decimal("3.0")


def test_what_weighs_otherwise_later_keeps_the_weight_it_was_given_with(alone: World) -> None:
    first, *_rest = write(alone, 1)
    load_of(alone, open_weight=Decimal(2), waiting_weight=Decimal(1))
    with alone.transaction():
        replying.reply(alone.access("carol"), first, text="Hello")
    assert carol_load(alone) == Decimal("0.5")


def test_what_fills_a_person_leaves_no_room_while_the_customer_waits(alone: World) -> None:
    load_of(alone, fills=True)
    pks = write(alone, 3)
    assert (held(alone), carol_load(alone)) == (1, Decimal("1.0"))
    given = next(pk for pk in pks if alone.conversation(pk).owner == alone.carol)
    with alone.transaction():
        replying.reply(alone.access("carol"), given, text="Hello")
    route(alone)
    assert held(alone) == 2


@pytest.mark.parametrize("own", [None, 1])
def test_a_limit_holds_for_each_person(alone: World, own: int | None) -> None:
    load_of(alone, most_each=2)
    if own is not None:
        with alone.transaction():
            KindLimit.objects.create(staff=alone.carol, kind="webchat", most=own)
    write(alone, 3)
    assert held(alone) == (2 if own is None else own)


def test_whoever_takes_none_of_a_kind_is_never_asked(alone: World) -> None:
    with alone.transaction():
        KindLimit.objects.create(staff=alone.carol, kind="webchat", most=0)
    (pk,) = write(alone, 1)
    assert alone.conversation(pk).owner is None
    (decision,) = decisions(alone, pk)
    assert left_out(decision, "kind") == [alone.carol.pk]


def test_other_kinds_are_not_limited(alone: World) -> None:
    with alone.transaction():
        KindLimit.objects.create(staff=alone.carol, kind="email", most=0)
        Channel.objects.create(kind="email", name="mail")
    write(alone, 3)
    assert held(alone) == 3


def test_nobody_takes_more_than_the_limit_by_hand_either(alone: World) -> None:
    load_of(alone, most_each=1)
    _first, second = write(alone, 2)
    waiting = next(pk for pk in (_first, second) if alone.conversation(pk).owner is None)
    with alone.transaction(), pytest.raises(OverCapacity):
        assignment.take(alone.access("carol"), waiting)
    with alone.transaction():
        assignment.assign(
            alone.access("bob"), waiting, alone.carol.pk, override_reason="she asked for it"
        )
    assert held(alone) == 2


def test_a_weight_below_nothing_is_refused(world: World) -> None:
    with pytest.raises(IntegrityError):
        load_of(world, open_weight=Decimal(-1))


def test_an_offer_counts_against_the_limit_while_it_waits(alone: World) -> None:
    load_of(alone, most_each=1)
    with alone.transaction():
        Policy.objects.create(mode="offer")
    first, second = write(alone, 2)
    with alone.transaction():
        offer = Offer.objects.get()
        other = next(pk for pk in (first, second) if pk != offer.conversation_id)
        decision = Decision.objects.get(pk=offer.decision_id)
        decision.pk, decision.conversation_id = None, other
        proposal = offers.Proposal(decision, alone.carol.pk, Decimal(1), timedelta(minutes=1))
        made, refusal = offers.make([proposal])
    assert made == []
    assert isinstance(refusal, OverCapacity)
