"""Experiments end by themselves: by their plan, or by harm; administrators are told, and nothing is adopted."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from helpdesk.models import AuditEntry
from helpdesk.registries import sweeps
from helpdesk.reports import administration
from helpdesk.sweeper import Sweeper
from helpdesk.tenancy import due_organizations
from routing.experiments import ending, opening
from routing.models import Experiment, Policy, Slice
from tests.factories import World
from tests.routing.experiments.conftest import HOUR, Opened

RAILS = [
    {"measure": "first_reply", "is_bound": False, "limit": 5},
    {"measure": "rating", "is_bound": True, "limit": 4},
]


def counted(world: World, experiment: Experiment, until: int, **draft: float) -> None:
    """Have slices counted: the draft's as given, the others as usual."""
    usual = {"resolution": 0.6, "first_reply": 60.0, "rating": 4.6}
    with world.transaction():
        for number in range(until):
            is_draft = experiment.plan.is_draft(number)
            values = {**usual, **draft} if is_draft else usual
            wobble = 1 + 0.02 * (number * 7 % 5 - 2)
            Slice.objects.create(
                experiment=experiment,
                number=number,
                is_draft=is_draft,
                switched_at=experiment.plan.begins(number),
                measured_at=timezone.now(),
                figures={name: [value * wobble, 20] for name, value in values.items()},
            )


def again(world: World, experiment: Experiment) -> Experiment:
    with world.transaction():
        found: Experiment = Experiment.objects.get(pk=experiment.pk)
        return found


def told(world: World, name: str = "alice") -> list[str]:
    by = world.access(name)
    with world.transaction():
        return [notice.text for notice in administration.notices(by)]


def harmed(world: World, experiment: Experiment) -> int:
    with world.transaction():
        return ending._stop_for_harm(experiment, timezone.now())


def test_a_broken_guard_rail_stops_it_and_tells_administrators(
    world: World, opened: Opened
) -> None:
    experiment = opened(begins=timezone.now() - 24 * HOUR, rails=RAILS)
    counted(world, experiment, 24, first_reply=90.0)
    assert told(world) == []
    assert harmed(world, experiment) == 1
    found = again(world, experiment)
    assert (found.state, found.reason, found.reason_details) == ("stopped", "rail", "first_reply")
    assert found.verdict == ""
    assert found.ended_at is not None
    with world.transaction():
        entry = AuditEntry.objects.get(action="experiment.stopped")
        assert (entry.actor, entry.data["details"]) == ("system", "first_reply")
        assert not Policy.objects.exists()
    assert len(told(world)) == 1
    assert told(world, "bob") == []
    opening.note_end(world.access("alice"), experiment.pk)
    assert told(world) == []


@pytest.mark.parametrize(
    "draft", [{"first_reply": 62.0}, {"first_reply": 30.0}, {"rating": 4.3}, {"resolution": 0.1}]
)
def test_what_the_rails_allow_does_not_stop_it(
    world: World, opened: Opened, draft: dict[str, float]
) -> None:
    experiment = opened(begins=timezone.now() - 24 * HOUR, rails=RAILS)
    counted(world, experiment, 24, **draft)
    assert harmed(world, experiment) == 0
    assert again(world, experiment).state == "running"


def test_a_rating_below_its_bound_stops_it(world: World, opened: Opened) -> None:
    experiment = opened(begins=timezone.now() - 24 * HOUR, rails=RAILS)
    counted(world, experiment, 24, rating=3.2)
    assert harmed(world, experiment) == 1
    assert again(world, experiment).reason_details == "rating"


@pytest.mark.parametrize(
    ("draft", "verdict"),
    [
        ({"resolution": 0.8}, "better"),
        ({"resolution": 0.4}, "worse"),
        ({}, "no_difference"),
    ],
)
def test_the_plan_ends_it_with_a_verdict_once_all_was_watched(
    world: World, opened: Opened, draft: dict[str, Any], verdict: str
) -> None:
    experiment = opened(begins=timezone.now() - 25 * HOUR, rails=[])
    counted(world, experiment, 24, **draft)
    ending.sweep(timezone.now())
    assert again(world, experiment).state == "running"
    ending.sweep(timezone.now() + HOUR)
    found = again(world, experiment)
    assert (found.state, found.reason, found.verdict) == ("ended", "plan", verdict)
    assert len(told(world)) == 1
    with world.transaction():
        assert AuditEntry.objects.get(action="experiment.ended").data["verdict"] == verdict
        assert not Policy.objects.exists()


def test_too_few_slices_claim_nothing(world: World, opened: Opened) -> None:
    experiment = opened(begins=timezone.now() - 27 * HOUR)
    counted(world, experiment, 8, resolution=0.9)
    ending.sweep(timezone.now())
    assert again(world, experiment).verdict == "too_few"


def test_what_cannot_be_counted_is_given_up_after_two_days(world: World, opened: Opened) -> None:
    experiment = opened(begins=timezone.now() - 27 * HOUR)
    with world.transaction():
        Slice.objects.create(
            experiment=experiment, number=23, is_draft=True, switched_at=timezone.now()
        )
        now = experiment.plan.ends_at + timedelta(hours=3)
        assert ending._end_if_done(experiment, now) == 0
        assert ending._end_if_done(experiment, now + ending.PATIENCE) == 1


def test_the_sweeper_finds_running_experiments_and_no_others(world: World, opened: Opened) -> None:
    waiting = opened()
    assert due_organizations("experiments") == []
    opening.start(world.access("alice"), waiting.pk)
    assert due_organizations("experiments") == [world.organization.pk]
    run = sweeps.get("experiments")
    with sweeps.registered("experiments", run):
        Sweeper().run_due()
    with world.transaction():
        assert Slice.objects.get().number == 0
    opening.stop(world.access("alice"), waiting.pk, "Enough")
    assert due_organizations("experiments") == []
