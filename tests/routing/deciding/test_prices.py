import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from routing.candidates import Need, Person, Reach
from routing.deciding.prices import prices
from routing.deciding.team import Floats, Team

NOW = datetime(2026, 3, 12, 2, 0, tzinfo=UTC)
MANY = Person(
    id=1,
    reaches=(Reach(frozenset({1})),),
    skills={1: 5, 2: 5},
    capacity=Decimal(1),
    lease_until=NOW + timedelta(minutes=1),
)
ONE = replace(MANY, id=2, skills={1: 5})
NONE = replace(MANY, id=3, skills={})
DEMAND = [Need(number, 1, skills={1 + number % 2: -1}) for number in range(40)]


def priced(people: list[Person], *, load: float, demand: list[Need] = DEMAND) -> Floats:
    """Return the prices when `load` people would be busy all the time with what comes."""
    return prices(
        demand,
        Team.of(people),
        conversations_per_second=load / 480,
        usual_seconds=480,
        now=NOW.timestamp(),
    )


def test_each_kind_counted_is_the_same_as_each_conversation() -> None:
    team = Team.of([MANY, ONE, NONE])
    each = priced([MANY, ONE, NONE], load=2.2, demand=DEMAND + DEMAND[::2])
    counted = prices(
        DEMAND[:2],
        team,
        counts=[40, 20],
        conversations_per_second=2.2 / 480,
        usual_seconds=480,
        now=NOW.timestamp(),
    )
    assert np.allclose(each, counted, atol=1e-9)
    assert each.any()


def test_nobody_is_scarce_while_little_comes() -> None:
    assert not priced([MANY, ONE, NONE], load=0.3).any()


def test_whoever_has_what_others_lack_is_dear() -> None:
    many, one, none = priced([MANY, ONE, NONE], load=2.6)
    assert many > one > none


def test_more_demand_makes_nobody_cheaper() -> None:
    found = [priced([MANY, ONE, NONE], load=load) for load in (0.6, 1.2, 1.8, 2.4)]
    for less, more in itertools.pairwise(found):
        assert (more >= less - 1e-3).all()


def test_a_second_one_of_the_kind_makes_both_cheaper() -> None:
    alone = priced([MANY, ONE, NONE], load=1.8)[0]
    two = priced([MANY, replace(MANY, id=9), ONE, NONE], load=1.8)[:2]
    assert np.ptp(two) < 1e-6
    assert (two < alone).all()


def test_who_is_not_there_or_may_not_has_no_price() -> None:
    absent, stranger = replace(MANY, id=8, lease_until=None), replace(MANY, id=9, reaches=())
    found = priced([MANY, ONE, absent, stranger], load=2.6)
    assert (found[:2] > 0).all()
    assert not found[2:].any()


def test_few_say_nothing() -> None:
    assert not priced([MANY, ONE], load=2.0, demand=DEMAND[:19]).any()
    assert not len(priced([], load=2.0))


def test_prices_stay_finite_when_far_too_much_comes() -> None:
    found = priced([MANY, ONE, NONE], load=500.0)
    assert np.isfinite(found).all()
