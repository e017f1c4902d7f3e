from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.candidates import REASONS, Need, Person, Reach
from routing.deciding.filters import codes, reasons
from routing.deciding.matching import decide
from routing.deciding.rules import Rules
from routing.deciding.team import Team

NOW = datetime(2026, 3, 12, 2, 0, tzinfo=UTC)
SALES, SUPPORT = 1, 2
RETURNS, MATTER = 11, 12
FIRMWARE = 21

FIT = Person(
    id=7,
    reaches=(Reach(frozenset({SALES}), frozenset({MATTER})),),
    skills={FIRMWARE: 3},
    languages=("zh", "en"),
    lease_until=NOW + timedelta(seconds=30),
)
NEED = Need(1, SALES, topic_id=MATTER, skills={FIRMWARE: 3}, language="zh")


def exclusions(person: Person, need: Need, now: datetime) -> tuple[str, ...]:
    return reasons(int(codes(Team.of([person]), need, now.timestamp())[0]))


def test_somebody_who_may_can_and_is_there_is_a_candidate() -> None:
    assert exclusions(FIT, NEED, NOW) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_active": False}, "inactive"),
        ({"reaches": ()}, "permission"),
        ({"reaches": (Reach(frozenset({SUPPORT}), None),)}, "permission"),
        ({"reaches": (Reach(frozenset({SALES}), frozenset({RETURNS})),)}, "topic"),
        ({"skills": {FIRMWARE: 2}}, "skill"),
        ({"skills": {}}, "skill"),
        ({"languages": ("en",)}, "language"),
        ({"status": "away"}, "away"),
        ({"status": "busy"}, "away"),
        ({"status": "focus"}, "away"),
        ({"lease_until": NOW}, "offline"),
        ({"lease_until": None}, "offline"),
        ({"off": "hours"}, "hours"),
        ({"off": "holiday"}, "holiday"),
        ({"off": "leave"}, "leave"),
        ({"off": "focus"}, "focus"),
        ({"has_lent_time": False}, "lent"),
        ({"load": Decimal("2.5")}, "full"),
        ({"load": Decimal(2), "reserved": Decimal("0.5")}, "full"),
        ({"capacity": Decimal(0)}, "full"),
    ],
)
def test_each_lack_excludes_with_its_reason(change: dict[str, Any], reason: str) -> None:
    assert exclusions(replace(FIT, **change), NEED, NOW) == (reason,)


@pytest.mark.parametrize(
    "change",
    [
        {"load": Decimal(2)},
        {"languages": ()},
        {"skills": {FIRMWARE: 5}},
        {"reaches": (Reach(frozenset({SALES, SUPPORT}), None),)},
        {"reaches": (Reach(frozenset({SUPPORT})), Reach(frozenset({SALES}), frozenset({MATTER})))},
    ],
)
def test_what_is_enough_does_not_exclude(change: dict[str, Any]) -> None:
    assert exclusions(replace(FIT, **change), NEED, NOW) == ()


def test_permission_and_topic_must_come_from_the_same_role() -> None:
    split = (Reach(frozenset({SALES}), frozenset({RETURNS})), Reach(frozenset({SUPPORT}), None))
    assert exclusions(replace(FIT, reaches=split), NEED, NOW) == ("topic",)


def test_an_unknown_topic_or_language_asks_for_permission_only() -> None:
    unknown = replace(NEED, topic_id=None, skills={}, language="")
    assert exclusions(replace(FIT, languages=("en",)), unknown, NOW) == ()
    assert exclusions(replace(FIT, reaches=()), unknown, NOW) == ("permission",)


def test_whoever_declined_is_not_asked_again() -> None:
    assert exclusions(FIT, replace(NEED, declined_by=frozenset({7})), NOW) == ("declined",)


def test_all_reasons_are_kept_in_the_order_may_can_there() -> None:
    nobody = replace(FIT, reaches=(), languages=("en",), lease_until=None, load=Decimal(9))
    assert exclusions(nobody, NEED, NOW) == ("permission", "language", "offline", "full")


people = st.lists(
    st.builds(
        Person,
        id=st.integers(1, 10_000),
        reaches=st.lists(
            st.builds(
                Reach,
                departments=st.frozensets(st.sampled_from([SALES, SUPPORT])),
                topics=st.none() | st.frozensets(st.sampled_from([RETURNS, MATTER])),
            ),
            max_size=2,
        ).map(tuple),
        skills=st.dictionaries(st.just(FIRMWARE), st.integers(0, 5)),
        languages=st.lists(st.sampled_from(["zh", "en"]), unique=True).map(tuple),
        capacity=st.integers(0, 6).map(lambda n: Decimal(n) / 2),
        load=st.integers(0, 6).map(lambda n: Decimal(n) / 2),
        reserved=st.integers(0, 2).map(lambda n: Decimal(n) / 2),
        status=st.sampled_from(["online", "online", "away", "busy", "focus"]),
        lease_until=st.none() | st.integers(-60, 60).map(lambda s: NOW + timedelta(seconds=s)),
        off=st.sampled_from(["", "", "hours", "holiday", "leave", "focus"]),
        has_lent_time=st.booleans(),
        is_active=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda person: person.id,
)
needs = st.builds(
    Need,
    conversation_id=st.just(1),
    department_id=st.sampled_from([SALES, SUPPORT]),
    topic_id=st.sampled_from([None, RETURNS, MATTER]),
    skills=st.dictionaries(st.just(FIRMWARE), st.integers(0, 5)),
    language=st.sampled_from(["", "zh", "en", "other"]),
    weight=st.sampled_from([Decimal(1), Decimal("0.5")]),
    declined_by=st.frozensets(st.integers(1, 10_000), max_size=2),
)


def may_be_given(person: Person, need: Need) -> bool:
    """Say it again in other words than the code under test uses."""
    reach = [r for r in person.reaches if need.department_id in r.departments]
    return (
        person.is_active
        and any(r.topics is None or need.topic_id in {None, *r.topics} for r in reach)
        and all(person.skills.get(s, -1) >= n for s, n in need.skills.items())
        and need.language in {"", "other", *(person.languages or ("zh", "en"))}
        and person.status == "online"
        and person.lease_until is not None
        and person.lease_until > NOW
        and person.off == ""
        and person.has_lent_time
        and person.load + person.reserved + need.weight <= person.capacity
        and person.id not in need.declined_by
    )


@given(people, needs)
def test_exactly_those_who_may_be_given_it_have_no_lack(staff: list[Person], need: Need) -> None:
    found = codes(Team.of(staff), need, NOW.timestamp())
    for person, code in zip(staff, found, strict=True):
        assert (code == 0) == may_be_given(person, need)
        assert set(reasons(int(code))) <= set(REASONS)
        assert bool(code) == bool(reasons(int(code)))


@given(people, st.lists(needs, max_size=6), st.integers(0, 100))
def test_nobody_ineligible_is_ever_chosen_and_capacity_is_kept(
    staff: list[Person], asked: list[Need], slack: int
) -> None:
    asked = [replace(need, conversation_id=number) for number, need in enumerate(asked)]
    team, rules = Team.of(staff), Rules(slack_percent=slack)
    decided = decide(asked, team, lambda need: rules, NOW.timestamp())
    left = {person.id: person.capacity - person.load - person.reserved for person in staff}
    for number, row in decided.given:
        need, person = decided.needs[number], staff[row]
        assert may_be_given(person, need)
        left[person.id] -= need.weight
        assert left[person.id] >= 0
    given_away = [decided.needs[number].conversation_id for number, _row in decided.given]
    assert len(set(given_away)) == len(given_away)
    assert {number for number, _row in decided.given}.isdisjoint(decided.held)


def test_whoever_was_refused_is_full_even_for_what_weighs_nothing() -> None:
    team, light = Team.of([FIT]), replace(NEED, weight=Decimal(0))
    assert codes(team, light, NOW.timestamp())[0] == 0
    team.fill(FIT.id)
    assert reasons(int(codes(team, light, NOW.timestamp())[0])) == ("full",)
