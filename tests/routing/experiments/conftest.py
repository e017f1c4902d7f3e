"""Experiments in a small world, begun when a test wants."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from helpdesk.tenancy import organization_scope
from routing.deciding.rules import DEFAULT_WEIGHTS
from routing.experiments import opening, switching
from routing.models import Experiment
from tests.factories import World

NOBODY_COUNTS_BUT_SKILL = {**dict.fromkeys(DEFAULT_WEIGHTS, 0), "skill": 100}
Opened = Callable[..., Experiment]


@pytest.fixture(autouse=True)
def _forgotten_switches() -> None:
    switching._noted.clear()


@pytest.fixture(autouse=True)
def _in_scope(world: World) -> Iterator[None]:
    with organization_scope(world.organization.pk):
        yield


def values(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Skill alone",
        "department_id": None,
        "draft": {"weights": NOBODY_COUNTS_BUT_SKILL},
        "slice_minutes": 60,
        "washout_minutes": 10,
        "slices": 24,
        "outcome_hours": 2,
        "primary": "resolution",
        "rails": [{"measure": "first_reply", "is_bound": False, "limit": 0}],
        "alpha": 0.05,
        **changes,
    }


@pytest.fixture
def opened(world: World) -> Opened:
    """Open an experiment, and have it begin at a moment when one is given."""

    def make(*, begins: datetime | None = None, **changes: Any) -> Experiment:
        alice = world.access("alice")
        experiment = opening.open_experiment(alice, **values(**changes))
        # The order of the arms is drawn; here it is always the same.
        with world.transaction():
            Experiment.objects.filter(pk=experiment.pk).update(seed=SEED)
            experiment.refresh_from_db()
        if begins is None:
            return experiment
        opening.start(alice, experiment.pk)
        with world.transaction():
            Experiment.objects.filter(pk=experiment.pk).update(starts_at=begins)
            return Experiment.objects.get(pk=experiment.pk)

    return make


def begun_in(world: World, experiment: Experiment, *, is_draft: bool) -> Experiment:
    """Have the experiment be in the middle of its first slice of an arm."""
    plan = experiment.plan
    number = next(n for n in range(plan.slices) if plan.is_draft(n) == is_draft)
    begins = timezone.now() - number * plan.length - plan.length / 2
    with world.transaction():
        Experiment.objects.filter(pk=experiment.pk).update(starts_at=begins)
        return Experiment.objects.get(pk=experiment.pk)


HOUR = timedelta(hours=1)
SEED = 20_261
