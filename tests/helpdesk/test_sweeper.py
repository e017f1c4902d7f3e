from collections.abc import Iterator
from datetime import datetime

import pytest
from django.utils import timezone

from helpdesk import registries, sweeper
from helpdesk.registries import Registry, Sweep, sweeps
from helpdesk.sweeper import Sweeper
from helpdesk.tenancy import current_organization_id


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def own_sweeps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry[Sweep]]:
    own: Registry[Sweep] = Registry("sweeps")
    monkeypatch.setattr(registries, "sweeps", own)
    monkeypatch.setattr(sweeper, "sweeps", own)
    monkeypatch.setattr(sweeper, "due_organizations", lambda queue: [1, 2])
    monkeypatch.setattr(sweeper.connections, "close_all", lambda: None)
    return own


def counting(seen: list[int]) -> Sweep:
    def run(now: datetime) -> int:
        seen.append(current_organization_id())
        return 1

    return Sweep(run=run)


def failing(for_organization: int, seen: list[int]) -> Sweep:
    def run(now: datetime) -> int:
        seen.append(current_organization_id())
        if current_organization_id() == for_organization:
            raise RuntimeError("broken")
        return 1

    return Sweep(run=run)


def test_each_sweep_runs_in_the_scope_of_each_organization(own_sweeps, clock) -> None:
    seen: list[int] = []
    own_sweeps.register("one", counting(seen))
    assert Sweeper(clock=clock).run_due() == 2
    assert seen == [1, 2]


def test_nothing_runs_before_its_time_unless_somebody_rings(own_sweeps, clock) -> None:
    seen: list[int] = []
    own_sweeps.register("one", counting(seen))
    own = Sweeper(clock=clock)
    own.run_due()
    assert own.run_due() == 0
    assert own.run_due(is_woken=True) == 2
    clock.seconds += 1.0
    assert own.run_due() == 2


def test_a_rare_sweep_is_not_woken(own_sweeps, clock) -> None:
    seen: list[int] = []
    own_sweeps.register("daily", Sweep(run=counting(seen).run, every_seconds=86_400.0))
    own = Sweeper(clock=clock)
    own.run_due()
    assert own.run_due(is_woken=True) == 0


def test_one_failing_sweep_stops_neither_others_nor_other_organizations(
    own_sweeps, clock, caplog
) -> None:
    broken: list[int] = []
    healthy: list[int] = []
    own_sweeps.register("broken", failing(1, broken))
    own_sweeps.register("healthy", counting(healthy))
    assert Sweeper(clock=clock).run_due() == 3
    assert (broken, healthy) == ([1, 2], [1, 2])
    assert "sweep broken failed for organization 1" in caplog.text


def test_what_keeps_failing_is_tried_more_and_more_seldom(own_sweeps, clock) -> None:
    seen: list[int] = []
    own_sweeps.register("broken", failing(1, seen))
    own = Sweeper(clock=clock)
    for _ in range(20):
        own.run_due()
        clock.seconds += 1.0
    assert seen.count(2) == 20
    assert seen.count(1) == 4


def test_a_stop_is_heard_between_organizations(own_sweeps, clock) -> None:
    seen: list[int] = []
    own_sweeps.register("one", counting(seen))
    Sweeper(clock=clock, should_stop=lambda: bool(seen)).run_due()
    assert seen == [1]


@pytest.mark.django_db
def test_a_database_error_waits_for_the_next_round(own_sweeps, clock, monkeypatch, caplog) -> None:
    monkeypatch.undo()
    own: Registry[Sweep] = Registry("sweeps")
    own.register("one", Sweep(run=lambda now: 1, queue="nobody knows"))
    monkeypatch.setattr(sweeper, "sweeps", own)
    monkeypatch.setattr(sweeper.connections, "close_all", lambda: None)
    assert Sweeper(clock=clock).run_due() == 0
    assert "sweep one failed" in caplog.text


@pytest.mark.parametrize("name", sweeps.names())
def test_every_sweep_opens_its_own_transaction(world, name):
    assert sweeps.get(name).run(timezone.now()) >= 0
