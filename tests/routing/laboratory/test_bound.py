"""Nothing that is played, by whatever rules and with whatever luck, is above the bound."""

from dataclasses import replace
from pathlib import Path

import pytest

from routing.deciding.rules import DEFAULT_WEIGHTS, Rules
from routing.laboratory import bound as module
from routing.laboratory.bound import bound
from routing.laboratory.figures import figures
from routing.laboratory.world import Play, Shift, World, read_world
from tests.routing.laboratory.test_world import drawn, written

POLICIES = [
    Rules(),
    Rules(weights={**dict.fromkeys(DEFAULT_WEIGHTS, 0), "skill": 100}),
    Rules(weights={**dict.fromkeys(DEFAULT_WEIGHTS, 0), "load": 100}),
    Rules(weights={"skill": 60, "scarcity": 40}, slack_percent=0),
    Rules(slack_percent=100, patience_percent=300),
]


def small(tmp_path: Path, seed: int, every: float = 25.0) -> World:
    return read_world(written(tmp_path, drawn(seed, people=6, every=every, end=2400.0)))


def resolved(world: World, rules: Rules) -> float:
    return figures(world, list(Play(world, rules).starts())).first_contact_resolution


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("every", [10.0, 25.0, 60.0])
def test_no_rules_pass_the_bound(tmp_path: Path, seed: int, every: float) -> None:
    world = small(tmp_path, seed, every)
    best = max(resolved(world, rules) for rules in POLICIES)
    assert best <= bound(world) + 1e-5


def test_no_rules_pass_it_where_people_come_and_go(tmp_path: Path) -> None:
    for seed in range(8):
        world = small(tmp_path, seed)
        shifts = [Shift(0.0, row, is_on=False) for row in range(3)]
        shifts += [Shift(600.0 * row, row, is_on=True) for row in range(3)]
        shifts += [Shift(1000.0 + 200 * row, row, is_on=False) for row in range(6)]
        world = replace(world, shifts=tuple(shifts))
        best = max(resolved(world, rules) for rules in POLICIES)
        assert 0 < best <= bound(world) + 1e-5


def test_the_time_of_people_makes_it_tighter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = small(tmp_path, 1, every=5.0)
    tight = bound(world)
    monkeypatch.setattr(module, "MOST_PAIRS", 0)
    assert tight < 0.7 * bound(world)


def test_it_is_reached_where_nothing_is_scarce(tmp_path: Path) -> None:
    world = small(tmp_path, 2, every=300.0)
    best = max(resolved(world, rules) for rules in POLICIES)
    assert best >= 0.75 * bound(world)


def test_whoever_may_not_answer_adds_nothing(tmp_path: Path) -> None:
    world = small(tmp_path, 3)
    nobody = replace(world, people=tuple(replace(one, reaches=()) for one in world.people))
    assert bound(world) > bound(nobody) == 0.0
    assert bound(replace(world, arrivals=())) == 0.0


def test_it_is_reached_exactly_where_luck_leaves_no_choice(tmp_path: Path) -> None:
    world = small(tmp_path, 4, every=10.0)
    one = replace(world.people[0], capacity=world.people[0].capacity * 0 + 2)
    alike = [
        replace(each, at=0.0, effort=1.0, first_luck=0.0, patience=9999.0, need={99: 1.0})
        for each in world.arrivals
    ]
    world = replace(world, people=(one,), arrivals=tuple(alike))
    # Two places, 480 x 1.35 seconds each, in 2400 seconds: three after another.
    assert bound(world) == pytest.approx(7 / len(alike))
    assert resolved(world, Rules()) == pytest.approx(6 / len(alike), abs=1e-4)
