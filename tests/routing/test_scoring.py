from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.registries import scorers
from routing.candidates import Need, Past, Person
from routing.scoring import BUILT_IN, DEFAULT_WEIGHTS, rank, score

NOW = datetime(2026, 3, 12, 2, 0, tzinfo=UTC)
PERSON = Person(id=1, skills={5: 3}, languages=("zh", "en"), place="杭州", capacity=Decimal(4))
NEED = Need(1, 1, topic_id=2, skills={5: 1}, language="zh", place="杭州")


def points(person: Person, need: Need) -> dict[str, float]:
    return {part.name: part.points for part in score(person, need, NOW).parts}


def test_the_parts_are_worth_100_and_the_total_is_their_sum() -> None:
    assert sum(DEFAULT_WEIGHTS.values()) == 100
    scored = score(PERSON, NEED, NOW)
    assert [part.name for part in scored.parts] == list(DEFAULT_WEIGHTS)
    assert scored.total == round(sum(part.points for part in scored.parts), 1)


@pytest.mark.parametrize(
    ("part", "better", "worse"),
    [
        ("skill", {"skills": {5: 4}}, {"skills": {5: 2}}),
        ("load", {"load": Decimal(1)}, {"load": Decimal(2)}),
        ("load", {"reserved": Decimal(0)}, {"reserved": Decimal(1)}),
        ("place", {"place": "杭州"}, {"place": ""}),
        ("place", {"place": ""}, {"place": "成都"}),
        ("language", {"languages": ("zh", "en")}, {"languages": ("en", "zh")}),
        (
            "idle",
            {"last_assigned_at": NOW - timedelta(minutes=20)},
            {"last_assigned_at": NOW - timedelta(minutes=5)},
        ),
    ],
)
def test_more_of_it_is_worth_more(part: str, better: dict[str, Any], worse: dict[str, Any]) -> None:
    more, less = points(replace(PERSON, **better), NEED), points(replace(PERSON, **worse), NEED)
    assert more[part] > less[part]
    assert {name: more[name] for name in more if name != part} == {
        name: less[name] for name in less if name != part
    }


def test_history_counts_good_and_recent_service() -> None:
    def with_past(past: Past | None) -> float:
        return points(PERSON, replace(NEED, pasts={1: past} if past else {}))["history"]

    recent = NOW - timedelta(days=3)
    five, four, three = (with_past(Past(recent, stars)) for stars in (5, 4, 3))
    assert five > four > three > with_past(None) == 0
    assert with_past(Past(recent, 1)) == 0
    assert five > with_past(Past(NOW - timedelta(days=120), 5)) > 0
    assert with_past(Past(recent)) > three


def test_the_best_score_comes_first_and_ties_go_to_whoever_waited_longest() -> None:
    strong = replace(PERSON, id=9, skills={5: 5})
    waited = replace(PERSON, id=8, last_assigned_at=NOW - timedelta(hours=2))
    rested = replace(PERSON, id=7, last_assigned_at=NOW - timedelta(hours=1))
    assert [one.person.id for one in rank([rested, waited, strong], NEED, NOW)] == [9, 8, 7]


def test_weights_decide_and_a_part_without_weight_is_left_out() -> None:
    near, skilled = replace(PERSON, id=2, skills={5: 1}), replace(PERSON, id=3, place="成都")
    assert rank([near, skilled], NEED, NOW, {"skill": 100})[0].person.id == 3
    assert rank([near, skilled], NEED, NOW, {"place": 100, "skill": 0})[0].person.id == 2
    assert [part.name for part in score(near, NEED, NOW, {"place": 1, "skill": 0}).parts] == [
        "place"
    ]


def test_a_new_scorer_joins_by_registration() -> None:
    with scorers.registered("lucky", lambda person, need, now: 1.0 if person.id == 3 else 0.0):
        parts = score(replace(PERSON, id=3), NEED, NOW, {"lucky": 10}).parts
    assert [(part.name, part.points) for part in parts] == [("lucky", 10)]
    assert score(PERSON, NEED, NOW, {"lucky": 10}).parts == ()


@given(
    st.decimals(0, 9, places=1),
    st.decimals(0, 9, places=1),
    st.integers(0, 5),
    st.integers(-3, 400),
    st.none() | st.integers(1, 5),
)
def test_every_part_stays_between_nothing_and_its_weight(
    capacity: Decimal, load: Decimal, level: int, days: int, stars: int | None
) -> None:
    past = Past(NOW - timedelta(days=days), stars)
    person = replace(PERSON, capacity=capacity, load=load, skills={5: level})
    scored = score(person, replace(NEED, pasts={1: past}), NOW)
    assert all(0 <= part.points <= part.most for part in scored.parts)
    assert set(BUILT_IN) == {part.name for part in scored.parts}
