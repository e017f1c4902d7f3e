from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import numpy as np
import pytest

from routing.candidates import Need, Person, Reach
from routing.deciding import matching
from routing.deciding.matching import Decided, decide
from routing.deciding.rules import Rules
from routing.deciding.standing import stand
from routing.deciding.team import Team

NOW = datetime(2026, 3, 12, 2, 0, tzinfo=UTC)
AT_ONCE = Rules(weights={"skill": 100}, slack_percent=-1)
# Everybody has five of these.
SKILLS = 20
SCARCE = Rules(weights={"skill": 100}, slack_percent=100)


def person(number: int, **levels: float) -> Person:
    return Person(
        id=number,
        reaches=(Reach(frozenset({1})),),
        skills={int(name[1:]): level for name, level in levels.items()},
        capacity=Decimal(1),
        lease_until=NOW + timedelta(minutes=1),
    )


def need(number: int, skill: int = 1, *, urgency: int = 20, waited: float = 0.0) -> Need:
    since = NOW - timedelta(seconds=waited)
    return Need(number, 1, skills={skill: -1}, urgency=urgency, waiting_since=since)


def given(decided: Decided, team: Team) -> dict[int, int]:
    return {decided.needs[at].conversation_id: int(team.ids[row]) for at, row in decided.given}


def decided(needs: list[Need], people: list[Person], rules: Rules = AT_ONCE) -> dict[int, int]:
    team = Team.of(people)
    return given(decide(needs, team, lambda each: rules, NOW.timestamp()), team)


def test_the_whole_is_best_even_where_the_first_gets_second_best() -> None:
    both, one = person(1, s1=5, s2=5), person(2, s1=4)
    assert decided([need(1), need(2, skill=2)], [both, one]) == {1: 2, 2: 1}


def test_the_urgent_goes_before_what_would_fit_better() -> None:
    only = person(1, s1=5, s2=1)
    assert decided([need(1), need(2, skill=2, urgency=80)], [only]) == {2: 1}


def test_a_chat_that_waits_is_late_sooner_than_a_letter_that_waits_as_long() -> None:
    letter, chat = need(1, waited=250), replace(need(2, waited=200), is_live=True)
    assert decided([letter, chat], [person(1, s1=3)]) == {2: 1}
    assert decided([letter, replace(chat, is_live=False)], [person(1, s1=3)]) == {1: 1}


@pytest.mark.parametrize(
    ("urgency", "letter", "chat"), [(0, 1800, 300), (70, 60, 60), (90, 60, 60)]
)
def test_targets_differ_by_kind_of_channel_only_for_what_is_not_urgent(
    urgency: int, letter: float, chat: float
) -> None:
    rules = Rules()
    assert rules.target(urgency) == pytest.approx(letter)
    assert rules.target(urgency, is_live=True) == pytest.approx(chat)


def test_of_equals_the_oldest_goes_first() -> None:
    assert decided([need(1, waited=5), need(2, waited=50)], [person(1, s1=3)]) == {2: 1}


def test_what_waits_long_enough_passes_every_urgency() -> None:
    crowd = [need(number, urgency=100) for number in range(10)]
    old = need(99, urgency=0, waited=4 * 3600)
    assert decided([*crowd, old], [person(1, s1=3)]) == {99: 1}


def test_while_capacity_is_scarce_it_waits_for_somebody_better() -> None:
    expert = replace(person(1, s1=5), load=Decimal(1))
    team = Team.of([expert, person(2, s1=1)])
    found = decide([need(1)], team, lambda each: SCARCE, NOW.timestamp())
    assert given(found, team) == {}
    assert [found.needs[at].conversation_id for at in found.held] == [1]


@pytest.mark.parametrize(
    "reason",
    [
        {"waited": 1000.0},
        {"urgency": 100, "waited": 45.0},
    ],
)
def test_who_has_waited_their_time_is_given_to_anybody(reason: dict[str, float]) -> None:
    expert = replace(person(1, s1=5), load=Decimal(1))
    asked = need(1, urgency=int(reason.get("urgency", 20)), waited=reason["waited"])
    assert decided([asked], [expert, person(2, s1=1)], SCARCE) == {1: 2}


def test_with_room_to_spare_nothing_waits() -> None:
    expert = replace(person(1, s1=5), load=Decimal(1))
    idle = [person(number, s1=1) for number in range(2, 5)]
    rules = replace(SCARCE, slack_percent=60)
    assert decided([need(1)], [expert, *idle], rules) == {1: 2}
    assert decided([need(1)], [expert, idle[0]], rules) == {}


def test_nobody_waits_for_somebody_who_is_not_there() -> None:
    absent = replace(person(1, s1=5), lease_until=None)
    assert decided([need(1)], [absent, person(2, s1=1)], SCARCE) == {1: 2}


def test_several_go_to_one_person_as_far_as_there_is_room() -> None:
    only = replace(person(1, s1=5), capacity=Decimal("2.5"))
    assert decided([need(1), need(2), need(3)], [only]) == {1: 1, 2: 1}


def test_few_with_room_for_many_get_them_in_one_round() -> None:
    few = [replace(person(number, s1=3), capacity=Decimal(40)) for number in (1, 2)]
    others = [person(number, s2=5) for number in range(3, 9)]
    reserved = [replace(need(number), skills={1: 1}) for number in range(60)]
    found = decided(reserved, [*few, *others])
    assert len(found) == 60
    assert set(found.values()) == {1, 2}


def test_too_many_for_one_solution_are_the_most_urgent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "MOST_PAIRS", 10)
    monkeypatch.setattr(matching, "MOST_URGENT", 3)
    people = [person(number, s1=3) for number in range(6)]
    found = decided([need(number, urgency=number) for number in range(6)], people)
    assert set(found) == {3, 4, 5}


def drawn(seed: int, *, needs: int, people: int) -> tuple[list[Need], list[Person]]:
    luck = np.random.default_rng(seed)
    asked = [
        Need(
            number,
            1,
            skills=dict.fromkeys(map(int, luck.permutation(SKILLS)[:2]), -1),
            urgency=20,
            waiting_since=NOW,
        )
        for number in range(needs)
    ]
    staff = [
        person(
            number,
            **{f"s{skill}": float(luck.integers(1, 6)) for skill in luck.permutation(SKILLS)[:5]},
        )
        for number in range(people)
    ]
    return asked, staff


def totals(asked: list[Need], staff: list[Person]) -> np.ndarray:  # type: ignore[type-arg]
    return stand(Team.of(staff), asked, [AT_ONCE] * len(asked), NOW.timestamp()).totals / 10


@pytest.mark.parametrize("seed", range(20))
def test_the_value_is_that_of_the_best_of_all_assignments(seed: int) -> None:
    asked, staff = drawn(seed, needs=5, people=6)
    worth = totals(asked, staff)
    best = max(
        sum(worth[at, row] for at, row in enumerate(rows)) for rows in permutations(range(6), 5)
    )
    found = decided(asked, staff)
    assert sum(worth[at, row] for at, row in found.items()) == pytest.approx(best)


def greedy(worth: np.ndarray) -> float:  # type: ignore[type-arg]
    """Give in the order of arrival, each to the best who is left."""
    left, value = set(range(worth.shape[1])), 0.0
    for row in worth:
        best = max(left, key=lambda column: row[column])
        left.remove(best)
        value += float(row[best])
    return value


def test_it_is_never_below_greedy_and_well_above_where_places_are_few() -> None:
    gains = []
    for seed in range(200):
        asked, staff = drawn(seed, needs=24, people=30)
        worth = totals(asked, staff)
        found = decided(asked, staff)
        value = sum(float(worth[at, row]) for at, row in found.items())
        plain = greedy(worth)
        assert value >= plain - 1e-6, seed
        gains.append(value / plain)
    assert np.mean(gains) >= 1.06
