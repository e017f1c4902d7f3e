"""Demands of skills as text and as trees, and who is inside a ring."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from routing import demand_text
from routing.candidates import Need, Person
from routing.deciding.demands import (
    Demand,
    Every,
    Has,
    Lacks,
    Ring,
    Some,
    as_json,
    from_json,
    ring_after,
)
from routing.deciding.rings import inside, met
from routing.deciding.team import Team

NAMES = {"退款": 1, "english": 2, "data tools": 3, "trainee": 4}
SHOWN = {1: "退款", 2: "English", 3: "Data tools", 4: "Trainee"}
LEASE = datetime(2100, 1, 1, tzinfo=UTC)


def people(*skills: dict[int, float]) -> Team:
    return Team.of([Person(number, skills=each) for number, each in enumerate(skills)])


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("退款", Has(1)),
        ("退款>=3", Has(1, 3)),
        ("退款 ≥ 3 且 English", Every((Has(1, 3), Has(2)))),
        ("退款 or english >= 2 and not trainee", Some((Has(1), Every((Has(2, 2), Lacks(Has(4))))))),
        ('( 退款 或 "Data tools" ) and 非 Trainee', Every((Some((Has(1), Has(3))), Lacks(Has(4))))),
        ("not not 退款", Lacks(Lacks(Has(1)))),
    ],
)
def test_a_demand_is_read_as_people_write_it(text: str, tree: Demand) -> None:
    assert demand_text.read(text, NAMES) == tree
    assert from_json(as_json(tree)) == tree


@pytest.mark.parametrize(
    "text",
    [
        *(
            "and",
            "退款 and",
            "退款 english",
            "(退款",
            "退款)",
            "退款 >=",
            "退款 >= 6",
            "退款 >= 3.5",
        ),
        *("退款 >= -1", "退款 = 3", "unknown", '"退款', "()", "not", "退款 >= english", ">= 3"),
        *("(" * 9 + "退款" + ")" * 9, "not " * 9 + "退款", " or ".join(["退款"] * 41), "退" * 1001),
    ],
)
def test_what_is_no_demand_is_refused(text: str) -> None:
    with pytest.raises(demand_text.Unreadable):
        demand_text.read(text, NAMES)


@pytest.mark.parametrize(
    "tree",
    [
        *({}, [], None, {"skill": 1}, {"skill": "1", "level": 2}, {"skill": 1, "level": 6}),
        *({"all": []}, {"any": {}}, {"not": None}, {"skill": 1, "level": 1, "more": 1}),
    ],
)
def test_what_is_no_tree_is_refused(tree: object) -> None:
    with pytest.raises(ValueError, match="not a demand"):
        from_json(tree)


def demands(depth: int = 3) -> st.SearchStrategy[Demand]:
    one: st.SearchStrategy[Demand] = st.builds(Has, st.integers(1, 4), st.integers(0, 5))
    if not depth:
        return one
    below = demands(depth - 1)
    several = st.lists(below, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        one, st.builds(Every, several), st.builds(Some, several), st.builds(Lacks, below)
    )


def holds(demand: Demand, skills: dict[int, float]) -> bool:
    """Tell the same for one person, the plain way."""
    if isinstance(demand, Has):
        return demand.skill in skills and skills[demand.skill] >= demand.level
    if isinstance(demand, Lacks):
        return not holds(demand.part, skills)
    join = all if isinstance(demand, Every) else any
    return join(holds(part, skills) for part in demand.parts)


@given(
    demands(),
    st.lists(st.dictionaries(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=6),
)
def test_everybody_is_told_as_one_by_one(demand: Demand, skills: list[dict[int, float]]) -> None:
    assert met(demand, people(*skills)).tolist() == [holds(demand, each) for each in skills]


@given(demands(2), st.sampled_from(["en", "zh-hans"]))
def test_what_is_written_in_either_language_is_read_back(demand: Demand, language: str) -> None:
    with translation.override(language):
        read = demand_text.read(demand_text.write(demand, SHOWN), NAMES)
    everybody = people(
        *({1: a, 2: b, 3: c, 4: 1} for a in range(6) for b in (0, 3) for c in (0, 5))
    )
    assert met(read, everybody).tolist() == met(demand, everybody).tolist()


def test_it_is_written_in_the_words_of_the_reader() -> None:
    demand = Every((Has(1, 3), Lacks(Some((Has(2), Has(3))))))
    with translation.override("zh-hans"):
        assert demand_text.write(demand, SHOWN) == '退款 ≥ 3 且 非 (English 或 "Data tools")'
    with translation.override("en"):
        assert demand_text.write(demand, SHOWN) == '退款 >= 3 and not (English or "Data tools")'


def test_a_ring_asks_for_department_place_and_load_too() -> None:
    facts = {"skills": {1: 3}, "department_id": 7, "place": "杭州", "capacity": Decimal(4)}
    fits = Person(1, load=Decimal(2), **facts)
    others = [
        Person(2, load=Decimal("2.5"), **facts),
        Person(3, **{**facts, "department_id": 8}),
        Person(4, **{**facts, "place": "上海"}),
        Person(5, **{**facts, "skills": {}}),
    ]
    ring = Ring(1, 30, Has(1, 3), frozenset({6, 7}), frozenset({"杭州", "nowhere"}), 50)
    team = Team.of([fits, *others])
    assert inside(team, ring).tolist() == [True, False, False, False, False]
    team.give(0, Need(1, 1), datetime(2026, 3, 12, tzinfo=UTC))
    assert not inside(team, ring).any()


def test_rings_open_one_after_the_other_and_end() -> None:
    rings = [Ring(1, 30), Ring(2, 60)]
    assert [ring_after(rings, waited) for waited in (0, 29.9, 30, 89.9, 90, 9999)] == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]
    assert ring_after([], 0) == 0
