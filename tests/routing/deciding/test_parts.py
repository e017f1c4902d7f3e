from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.registries import scorers
from routing.candidates import Need, Past, Person, Reach
from routing.deciding.evidence import Evidence
from routing.deciding.parts import BUILT_IN
from routing.deciding.rules import DEFAULT_WEIGHTS, Rules
from routing.deciding.standing import Standings, stand, stand_again
from routing.deciding.team import Team

NOW = datetime(2026, 3, 12, 2, 0, tzinfo=UTC)
PERSON = Person(
    id=1,
    reaches=(Reach(frozenset({1})),),
    skills={5: 3},
    languages=("zh", "en"),
    place="杭州",
    capacity=Decimal(4),
    lease_until=NOW + timedelta(minutes=1),
    recent=4.0,
    price=0.2,
)
# Somebody to compare with, so that there is a usual share of work.
OTHER = replace(PERSON, id=2)
NEED = Need(1, 1, topic_id=2, skills={5: 1}, language="zh", place="杭州")


def points(person: Person, need: Need, rules: Rules = Rules()) -> dict[str, float]:  # noqa: B008  (frozen)
    return parts(stand(Team.of([person, OTHER]), [need], [rules], NOW.timestamp()))


def parts(standings: Standings, at: int = 0, row: int = 0) -> dict[str, float]:
    found = standings.parts_of(at, np.array([row]))
    points = {name: int(tenths[0]) / 10 for name, tenths in found.items()}
    assert standings.total(at, row) == round(sum(points.values()), 1)
    return points


def test_the_parts_are_worth_100_and_the_total_is_their_sum() -> None:
    assert sum(DEFAULT_WEIGHTS.values()) == 100
    assert list(points(PERSON, NEED)) == list(DEFAULT_WEIGHTS) == list(BUILT_IN)


@pytest.mark.parametrize(
    ("part", "better", "worse"),
    [
        ("load", {"load": Decimal(1)}, {"load": Decimal(2)}),
        ("load", {"reserved": Decimal(0)}, {"reserved": Decimal(1)}),
        ("place", {"place": "杭州"}, {"place": ""}),
        ("place", {"place": ""}, {"place": "成都"}),
        ("language", {"languages": ("zh", "en")}, {"languages": ("en", "zh")}),
        ("fairness", {"recent": 2.0}, {"recent": 4.0}),
        ("scarcity", {"price": 0.1}, {"price": 0.3}),
    ],
)
def test_more_of_it_is_worth_more(part: str, better: dict[str, Any], worse: dict[str, Any]) -> None:
    more, less = points(replace(PERSON, **better), NEED), points(replace(PERSON, **worse), NEED)
    assert more[part] > less[part]
    assert {name: more[name] for name in more if name != part} == {
        name: less[name] for name in less if name != part
    }


def test_skill_counts_and_saves_time_that_others_need() -> None:
    more, less = points(replace(PERSON, skills={5: 4}), NEED), points(PERSON, NEED)
    assert more["skill"] > less["skill"]
    assert more["scarcity"] > less["scarcity"]


def test_evidence_changes_what_a_level_is_worth_and_nothing_else() -> None:
    more = replace(PERSON, evidence={5: Evidence(0.5)})
    found, plain = points(more, NEED), points(PERSON, NEED)
    assert found["skill"] == pytest.approx(3.5 / 5 * DEFAULT_WEIGHTS["skill"])
    same = DEFAULT_WEIGHTS.keys() - {"skill", "scarcity"}
    assert {name: found[name] for name in same} == {name: plain[name] for name in same}
    assert points(replace(PERSON, evidence={5: Evidence(0.0)}), NEED) == plain
    assert points(replace(PERSON, evidence={6: Evidence(1.5)}), NEED) == plain


def test_a_level_with_evidence_stays_on_the_scale() -> None:
    top = replace(PERSON, skills={5: 5}, evidence={5: Evidence(1.5)})
    least = replace(PERSON, skills={5: 1}, evidence={5: Evidence(-1.5)})
    assert points(top, NEED)["skill"] == DEFAULT_WEIGHTS["skill"]
    assert points(least, NEED)["skill"] == 0
    without = replace(PERSON, skills={}, evidence={5: Evidence(1.5)})
    assert points(without, NEED)["skill"] == without.level(5) == 0


def test_evidence_never_makes_up_for_a_level_that_is_needed() -> None:
    need = replace(NEED, skills={5: 4})
    team = Team.of([replace(PERSON, evidence={5: Evidence(1.5)})])
    assert stand(team, [need], [Rules()], NOW.timestamp()).excluded(0, 1) == {("skill",): [1]}
    less = Team.of([replace(PERSON, skills={5: 4}, evidence={5: Evidence(-1.5)})])
    assert stand(less, [need], [Rules()], NOW.timestamp()).excluded(0, 1) == {}


def test_of_several_skills_each_counts_by_its_share() -> None:
    first = replace(PERSON, skills={5: 5, 6: 0})
    both = replace(NEED, skills={5: 0, 6: 0}, shares={5: 0.75, 6: 0.25})
    even = replace(both, shares={})
    assert points(first, both)["skill"] == pytest.approx(0.75 * DEFAULT_WEIGHTS["skill"])
    assert points(first, even)["skill"] == pytest.approx(0.5 * DEFAULT_WEIGHTS["skill"])


def test_history_counts_good_and_recent_service() -> None:
    def with_past(past: Past | None) -> float:
        return points(PERSON, replace(NEED, pasts={1: past} if past else {}))["history"]

    recent = NOW - timedelta(days=3)
    five, four, three = (with_past(Past(recent, stars)) for stars in (5, 4, 3))
    assert five > four > three > with_past(None) == 0
    assert with_past(Past(recent, 1)) == 0
    assert five > with_past(Past(NOW - timedelta(days=120), 5)) > 0
    assert with_past(Past(recent)) > three


def test_the_best_comes_first_and_ties_go_to_the_freer_then_to_whoever_waited_longest() -> None:
    strong = replace(PERSON, id=9, skills={5: 5})
    waited = replace(PERSON, id=8, last_assigned_at=NOW - timedelta(hours=2))
    rested = replace(PERSON, id=7, last_assigned_at=NOW - timedelta(hours=1))
    roomy = replace(rested, id=6, capacity=Decimal(8), recent=8.0)
    team = Team.of([rested, waited, strong, roomy])
    rules = Rules(weights={"skill": 100})
    standings = stand(team, [NEED], [rules], NOW.timestamp())
    assert [int(team.ids[row]) for row in standings.order(0, 4)] == [9, 6, 8, 7]
    assert [int(team.ids[row]) for row in standings.order(0, 2)] == [9, 6]


def test_weights_decide_and_a_part_without_weight_is_left_out() -> None:
    near, skilled = replace(PERSON, id=3, skills={5: 1}), replace(PERSON, id=4, place="成都")
    for weights, first in (({"skill": 100}, 4), ({"place": 100, "skill": 0}, 3)):
        team = Team.of([near, skilled])
        standings = stand(team, [NEED], [Rules(weights=weights)], NOW.timestamp())
        assert team.ids[standings.order(0, 1)[0]] == first
    assert points(near, NEED, Rules(weights={"place": 1, "skill": 0})).keys() == {"place"}


def test_a_new_scorer_joins_by_registration() -> None:
    def lucky(asked: Any) -> Any:
        return np.where(asked.team.ids[asked.rows] == 1, 1.0, 0.0)

    rules = Rules(weights={"lucky": 10})
    with scorers.registered("lucky", lucky):
        assert points(PERSON, NEED, rules) == {"lucky": 10}
    assert points(PERSON, NEED, rules) == {}


def test_departments_with_policies_of_their_own_are_decided_about_together() -> None:
    near, skilled = replace(PERSON, id=3, skills={5: 1}), replace(PERSON, id=4, place="成都")
    team = Team.of([near, skilled])
    rules = [Rules(weights={"skill": 100}), Rules(weights={"place": 50})]
    standings = stand(team, [NEED, replace(NEED, conversation_id=2)], rules, NOW.timestamp())
    assert team.ids[standings.order(0, 1)[0]] == 4
    assert team.ids[standings.order(1, 1)[0]] == 3
    assert parts(standings, 0).keys() == {"skill"}
    assert parts(standings, 1).keys() == {"place"}


@given(
    st.decimals(0, 9, places=1),
    st.decimals(0, 9, places=1),
    st.integers(0, 5),
    st.integers(-3, 400),
    st.none() | st.integers(1, 5),
    st.floats(0, 3),
    st.floats(0, 100),
)
def test_every_part_stays_between_nothing_and_its_weight(
    capacity: Decimal,
    load: Decimal,
    level: int,
    days: int,
    stars: int | None,
    price: float,
    recent: float,
) -> None:
    past = Past(NOW - timedelta(days=days), stars)
    facts: dict[str, Any] = {"capacity": capacity, "load": load, "price": price, "recent": recent}
    person = replace(PERSON, skills={5: level}, **facts)
    for name, found in points(person, replace(NEED, skills={5: 0}, pasts={1: past})).items():
        assert 0 <= found <= DEFAULT_WEIGHTS[name]


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_a_pair_is_worth_the_same_whoever_else_is_asked_about(
    needs: int, people: int, seed: int
) -> None:
    luck = np.random.default_rng(seed)
    staff = [
        replace(
            PERSON,
            id=n,
            skills={s: float(luck.uniform(0, 5)) for s in range(8)},
            price=luck.random(),
        )
        for n in range(people)
    ]
    asked = [
        Need(n, 1, skills={int(s): 0 for s in luck.permutation(8)[:3]}, shares={})
        for n in range(needs)
    ]
    rules = Rules()
    together = stand(Team.of(staff, usual=1.0), asked, [rules] * needs, NOW.timestamp())
    for number, need in enumerate(asked):
        for row, person in enumerate(staff):
            alone = stand(Team.of([person], usual=1.0), [need], [rules], NOW.timestamp())
            assert parts(alone) == parts(together, number, row)


def test_what_is_kept_for_one_need_is_what_is_reckoned_for_many() -> None:
    luck = np.random.default_rng(3)
    staff = [
        replace(
            PERSON,
            id=n,
            skills={int(s): float(luck.uniform(0, 5)) for s in luck.permutation(8)[:4]},
            languages=(("zh", "en"), ("en",), ())[n % 3],
            place=("杭州", "成都", "")[n % 3],
            capacity=Decimal(2 + n % 4),
            price=0.0,
            lease_until=NOW + timedelta(seconds=30 + n),
        )
        for n in range(40)
    ]
    team, rules = Team.of(staff), Rules()
    past = {5: Past(NOW - timedelta(days=3), 5)}
    asked = [
        Need(1, 1, skills={1: 2, 2: 0}, language="zh", place="杭州", pasts=past),
        Need(2, 1, skills={3: -1}, language="en"),
        Need(3, 1, weight=Decimal("0.5"), declined_by=frozenset({4})),
    ]

    def compare(at: float) -> None:
        together = stand(team, asked, [rules] * 3, at)
        for number, need in enumerate(asked):
            alone = stand(team, [need], [rules], at)
            assert (alone.codes[0] == together.codes[number]).all()
            rows = together.rows
            there = together.is_there[number]
            assert (alone.totals[0][rows] == together.totals[number])[there].all()
            assert list(alone.order(0, 50)) == list(together.order(number, 50))

    now = NOW.timestamp()
    compare(now)
    for row in (0, 0, 7):
        team.give(row, Need(1, 1), NOW)
        compare(now)
    team.take_back(7, Decimal(1))
    compare(now)
    team.reckon(np.linspace(0, 0.6, 40), np.arange(40.0))
    compare(now)
    team.fill(11)
    compare(now)
    # Screens close one by one.
    for later in (31.5, 45.0, 90.0):
        compare(now + later)
    assert not stand(team, asked, [rules] * 3, now + 90).has_room.any()


@given(st.integers(2, 6), st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_after_some_were_given_something_everybody_stands_as_if_asked_anew(
    needs: int, people: int, seed: int
) -> None:
    luck = np.random.default_rng(seed)
    staff = [
        replace(
            PERSON,
            id=n,
            skills={5: int(luck.integers(0, 6))},
            capacity=Decimal(int(luck.integers(1, 4))),
            recent=float(luck.integers(0, 9)),
        )
        for n in range(people)
    ]
    asked = [Need(n, 1, skills={5: int(luck.integers(-1, 3))}) for n in range(needs)]
    rules = [Rules() if luck.random() < 0.5 else Rules(weights={"load": 60, "skill": 40})]
    rules = [*rules, *[Rules()] * (needs - 1)]
    team = Team.of(staff)
    before, now = stand(team, asked, rules, NOW.timestamp()), NOW.timestamp()
    after = team.copy()
    after.usual = team.usual_recent
    for row in (changed := [int(row) for row in luck.integers(0, people, 3)]):
        after.give(row, asked[0], NOW)
    for number, need in enumerate(asked):
        again = stand_again(before, number, after, changed)
        anew = stand(after, [need], [rules[number]], now)
        assert (again.codes == anew.codes).all()
        assert list(again.order(0, 50)) == list(anew.order(0, 50))
        for row in again.rows:
            assert parts(again, 0, int(row)) == parts(anew, 0, int(row))
