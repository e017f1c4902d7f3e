"""Opening names the wrong field; running protects the policy; the end leaves the choice to a person."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk.errors import Invalid, NotFound, WrongState
from helpdesk.models import AuditEntry
from routing.experiments import opening
from routing.experiments.guarding import check_change
from routing.models import Experiment, Policy
from tests.factories import World
from tests.routing.experiments.conftest import NOBODY_COUNTS_BUT_SKILL, Opened, values
from tests.routing.test_policy_admin import client, form  # noqa: F401  (a fixture)

RAIL = {"measure": "rating", "is_bound": True, "limit": 4.5}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "  "}, "name"),
    ({"department_id": 999_999}, "department"),
    ({"draft": {"weights": {"skill": -1}}}, "weights.fairness"),
    ({"draft": {"weights": {**NOBODY_COUNTS_BUT_SKILL, "skill": -1}}}, "weights.skill"),
    ({"draft": {"urgent_seconds": 5}}, "urgent_seconds"),
    ({"draft": {"colour": 5}}, "colour"),
    ({"slice_minutes": 29}, "slice_minutes"),
    ({"slice_minutes": 1441}, "slice_minutes"),
    ({"washout_minutes": 30}, "washout_minutes"),
    ({"washout_minutes": -1}, "washout_minutes"),
    ({"slices": 23}, "slices"),
    ({"slices": 0}, "slices"),
    ({"slices": 2000, "slice_minutes": 1440}, "slices"),
    ({"outcome_hours": 0}, "outcome_hours"),
    ({"primary": "luck"}, "primary"),
    ({"alpha": 0.5}, "alpha"),
    ({"rails": [RAIL] * 5}, "rails"),
    ({"rails": [RAIL, {**RAIL, "measure": "luck"}]}, "rails.1.measure"),
    ({"rails": [{**RAIL, "limit": -1}]}, "rails.0.limit"),
    ({"rails": [{**RAIL, "limit": True}]}, "rails.0.limit"),
    ({"rails": ["rating"]}, "rails.0"),
]


def test_an_experiment_is_written_down_and_does_not_act(world: World, opened: Opened) -> None:
    experiment = opened()
    assert (experiment.state, experiment.starts_at) == ("draft", None)
    with world.transaction():
        assert AuditEntry.objects.filter(action="experiment.opened").count() == 1


@pytest.mark.parametrize(("changes", "field"), WRONG, ids=[field for _, field in WRONG])
def test_what_is_wrong_is_named(world: World, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        opening.open_experiment(world.access("alice"), **values(**changes))
    assert refused.value.details["field"] == field
    with world.transaction():
        assert not Experiment.objects.exists()


def test_only_administrators_do_anything(world: World, opened: Opened) -> None:
    experiment = opened()
    for name in ("bob", "carol", "frank"):
        by = world.access(name)
        for act in (
            lambda by=by: opening.open_experiment(by, **values()),
            lambda by=by: opening.start(by, experiment.pk),
            lambda by=by: opening.stop(by, experiment.pk, "x"),
            lambda by=by: opening.discard(by, experiment.pk),
            lambda by=by: opening.adopt(by, experiment.pk),
            lambda by=by: opening.note_end(by, experiment.pk),
        ):
            with pytest.raises(NotFound):
                act()
    opening.start(world.access("alice"), experiment.pk)


def test_another_organizations_experiment_is_not_there(
    world: World, other_world: World, opened: Opened
) -> None:
    experiment = opened()
    with other_world.transaction():
        theirs = other_world.access("alice")
        with pytest.raises(NotFound):
            opening.start(theirs, experiment.pk)


def test_a_beginning_may_be_chosen_within_two_months(world: World, opened: Opened) -> None:
    alice, experiment = world.access("alice"), opened()
    for wrong in (timedelta(days=61), timedelta(hours=-1)):
        with pytest.raises(Invalid):
            opening.start(alice, experiment.pk, timezone.now() + wrong)
    chosen = (timezone.now() + timedelta(days=3)).replace(second=0, microsecond=0)
    assert opening.start(alice, experiment.pk, chosen).starts_at == chosen
    with pytest.raises(WrongState):
        opening.start(alice, experiment.pk)


def test_it_is_stopped_with_a_reason_once(world: World, opened: Opened) -> None:
    alice, experiment = world.access("alice"), opened(begins=timezone.now())
    with pytest.raises(Invalid):
        opening.stop(alice, experiment.pk, "  ")
    opening.stop(alice, experiment.pk, "Double\nqueues")
    with pytest.raises(WrongState):
        opening.stop(alice, experiment.pk, "again")
    with world.transaction():
        experiment.refresh_from_db()
        entry = AuditEntry.objects.get(action="experiment.stopped")
    assert (experiment.state, experiment.reason) == ("stopped", "hand")
    assert experiment.reason_details == "Double queues"
    assert (entry.staff_id, entry.data["details"]) == (world.alice.pk, "Double queues")


def test_what_has_begun_is_kept_and_what_has_not_may_go(world: World, opened: Opened) -> None:
    alice, begun, waiting = world.access("alice"), opened(begins=timezone.now()), opened()
    with pytest.raises(WrongState):
        opening.discard(alice, begun.pk)
    opening.discard(alice, waiting.pk)
    with world.transaction():
        assert Experiment.objects.get().pk == begun.pk


def test_the_draft_becomes_the_policy_by_a_person_and_not_before_the_end(
    world: World, opened: Opened
) -> None:
    alice = world.access("alice")
    with world.transaction():
        Policy.objects.create(mode="offer", version=3, learning_percent=30)
    experiment = opened(begins=timezone.now())
    with pytest.raises(WrongState):
        opening.adopt(alice, experiment.pk)
    opening.stop(alice, experiment.pk, "Sure enough")
    with world.transaction():
        assert Policy.objects.get().weights == {}
    opening.adopt(alice, experiment.pk)
    with world.transaction():
        policy = Policy.objects.get()
    assert policy.weights == NOBODY_COUNTS_BUT_SKILL
    assert (policy.mode, policy.version, policy.learning_percent) == ("offer", 4, 30)


@pytest.mark.parametrize("where", [None, "support"])
def test_the_policy_stays_as_it_is_while_it_is_compared_with(
    world: World,
    opened: Opened,
    client: Client,  # noqa: F811
    where: str | None,
) -> None:
    with world.transaction():
        used = Policy.objects.create()
        other = Policy.objects.create(department=world.sales)
    department = world.support.pk if where else None
    experiment = opened(begins=timezone.now(), department_id=department)
    url = f"/admin/routing/policy/{used.pk}/change/"
    refused = client.post(url, form(weight_skill=50))
    assert refused.status_code == 200
    assert "Skill alone" in str(refused.context["adminform"].form.errors)
    assert client.get(f"/admin/routing/policy/{used.pk}/delete/").status_code == 404
    # A policy of its own would take a department out of it, or put another one in.
    added = client.post("/admin/routing/policy/add/", form(department=world.support.pk))
    assert added.status_code == 200
    theirs = f"/admin/routing/policy/{other.pk}/change/"
    assert client.post(theirs, form(department=world.sales.pk)).status_code == 302
    opening.stop(world.access("alice"), experiment.pk, "Enough")
    assert client.post(url, form(weight_skill=50)).status_code == 302


def test_after_the_last_slice_the_policy_may_change_while_the_rest_is_watched(
    world: World, opened: Opened
) -> None:
    opened(begins=timezone.now() - timedelta(hours=23))
    with world.transaction():
        with pytest.raises(WrongState):
            check_change(None)
        Experiment.objects.update(starts_at=timezone.now() - timedelta(hours=25))
        check_change(None)
