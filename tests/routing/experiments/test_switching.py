"""The arm whose turn it is decides, in its department alone, and every decision names it."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk.errors import WrongState
from routing import recording
from routing.experiments import ending, opening, switching
from routing.facts import facts
from routing.models import Decision, Experiment, Policy, Slice
from tests.factories import World
from tests.processes import running
from tests.routing.conftest import decisions, route
from tests.routing.experiments.conftest import NOBODY_COUNTS_BUT_SKILL, Opened, begun_in
from tests.routing.test_router_process import eventually


def last_decision(world: World, text: str = "怎么退货", visitor: str = "v1") -> Decision:
    received = world.message(text, visitor)
    route(world)
    return decisions(world, received.conversation_id)[-1]


def names(decision: Decision) -> list[str]:
    return [name for name, _most in decision.data["weights"]]


def test_the_draft_decides_in_its_slices_and_the_policy_in_its_own(
    world: World, opened: Opened
) -> None:
    with world.transaction():
        Policy.objects.create(version=4, learning_percent=30)
    experiment = begun_in(world, opened(begins=timezone.now()), is_draft=True)
    by_draft = last_decision(world)
    with world.transaction():
        acting = facts().policy(world.support.pk, by_draft.at)
    assert (acting.points, acting.learning_percent) == (NOBODY_COUNTS_BUT_SKILL, 30)
    assert names(by_draft) == ["skill"]
    number = experiment.plan.slice_at(by_draft.at)
    arm = {"experiment": experiment.pk, "slice": number, "arm": "draft"}
    assert by_draft.data["arm"] == arm
    begun_in(world, experiment, is_draft=False)
    by_policy = last_decision(world, visitor="v2")
    assert len(names(by_policy)) > 3
    assert by_policy.data["arm"]["arm"] == "policy"
    assert {by_draft.policy_version, by_policy.policy_version} == {4}
    assert recording.is_reproduced(by_draft)
    assert recording.is_reproduced(by_policy)


def test_another_department_is_not_touched(world: World, opened: Opened) -> None:
    begun_in(world, opened(begins=timezone.now(), department_id=world.support.pk), is_draft=True)
    theirs = last_decision(world, "支持 Matter 吗")
    assert "arm" not in theirs.data
    assert len(names(theirs)) > 3
    assert last_decision(world, visitor="v2").data["arm"]["arm"] == "draft"


def test_a_department_with_a_policy_of_its_own_is_not_in_the_organizations_experiment(
    world: World, opened: Opened
) -> None:
    with world.transaction():
        Policy.objects.create(department=world.sales)
    begun_in(world, opened(begins=timezone.now()), is_draft=True)
    assert "arm" not in last_decision(world, "支持 Matter 吗").data
    assert last_decision(world, visitor="v2").data["arm"]["arm"] == "draft"


def test_another_organization_is_not_touched(
    world: World, other_world: World, opened: Opened
) -> None:
    begun_in(world, opened(begins=timezone.now()), is_draft=True)
    with other_world.transaction():
        assert facts().experiments == {}
        assert not Experiment.objects.exists()


@pytest.mark.parametrize("away", ["before", "after", "stopped"])
def test_outside_its_time_the_policy_acts_alone(world: World, opened: Opened, away: str) -> None:
    experiment = begun_in(world, opened(begins=timezone.now()), is_draft=True)
    assert last_decision(world).data["arm"]["arm"] == "draft"
    shift = {"before": timedelta(days=2), "after": timedelta(days=-9)}
    if away == "stopped":
        opening.stop(world.access("alice"), experiment.pk, "Enough")
    else:
        with world.transaction():
            moment = timezone.now() + shift[away]
            Experiment.objects.filter(pk=experiment.pk).update(starts_at=moment)
    assert "arm" not in last_decision(world, visitor="v2").data


def test_what_is_kept_in_a_process_switches_with_the_clock_alone(
    world: World, opened: Opened
) -> None:
    plan = opened(begins=timezone.now()).plan
    with world.transaction():
        known = facts()
        for number in range(plan.slices):
            at = plan.begins(number)
            policy = known.policy(world.support.pk, at)
            assert (policy.weights == NOBODY_COUNTS_BUT_SKILL) == plan.is_draft(number)
            assert known.policy(world.support.pk, plan.ends_at).weights == {}
        assert facts() is known


def test_each_switch_is_written_down_once_by_whoever_sees_it_first(
    world: World, opened: Opened
) -> None:
    experiment = opened(begins=timezone.now())
    plan = experiment.plan
    second = plan.begins(1) + timedelta(seconds=1)
    with world.transaction():
        known = list(switching.running().values())
    assert switching.note(known, plan.begins(0)) == 1
    assert switching.note(known, plan.begins(0)) == 0
    assert switching.note(known, second) == 1
    # Another process, which has noted nothing yet.
    switching._noted.clear()
    ending.sweep(second + timedelta(seconds=20))
    with world.transaction():
        rows = list(Slice.objects.values_list("number", "is_draft", "switched_at"))
    first = plan.is_draft(0)
    assert rows == [(0, first, plan.begins(0)), (1, not first, second)]


def test_the_router_writes_the_switch_down(world: World, opened: Opened) -> None:
    opened(begins=timezone.now())
    route(world)
    with world.transaction():
        assert Slice.objects.get().number == 0


@pytest.mark.parametrize(
    ("running", "new", "is_refused"),
    [
        (None, None, True),
        ("support", "support", True),
        ("support", "sales", False),
        (None, "support", True),
        ("support", None, True),
    ],
)
def test_no_two_run_in_the_same_department(
    world: World, opened: Opened, running: str | None, new: str | None, is_refused: bool
) -> None:
    def where(name: str | None) -> int | None:
        return getattr(world, name).pk if name else None

    opened(begins=timezone.now(), department_id=where(running))
    second = opened(department_id=where(new))
    if is_refused:
        with pytest.raises(WrongState):
            opening.start(world.access("alice"), second.pk)
    else:
        opening.start(world.access("alice"), second.pk)
    with world.transaction():
        assert Experiment.objects.filter(state="running").count() == 1 + (not is_refused)


def test_a_router_that_runs_follows_within_seconds(world: World, opened: Opened) -> None:
    def decided(visitor: str) -> Decision | None:
        with world.transaction():
            rows = Decision.objects.filter(conversation__identity__external_id=visitor)
            found: Decision | None = rows.order_by("-id").first()
            return found

    def arm_of_next(visitor: str) -> object:
        since = time.monotonic()
        world.message("怎么退货", visitor)
        eventually(lambda: decided(visitor) is not None)
        assert time.monotonic() - since < 5
        found = decided(visitor)
        return (found.data.get("arm") or {}).get("arm") if found else None

    with running("run_router"):
        world.message("怎么退货", "v0")
        eventually(lambda: decided("v0") is not None)
        assert arm_of_next("v1") is None
        experiment = begun_in(world, opened(begins=timezone.now()), is_draft=True)
        assert arm_of_next("v2") == "draft"
        begun_in(world, experiment, is_draft=False)
        assert arm_of_next("v3") == "policy"
        opening.stop(world.access("alice"), experiment.pk, "Enough")
        assert arm_of_next("v4") is None
