"""Opening, starting, stopping and adopting experiments, and what may not change while one runs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import randbits
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk import permissions
from helpdesk.access import Access, require
from helpdesk.errors import Invalid, NotFound, WrongState
from helpdesk.models import Department
from helpdesk.services import audit
from helpdesk.tenancy import organization_transaction
from routing import policies
from routing.experiments import ending
from routing.experiments.guarding import lock
from routing.laboratory.policies import rules_of
from routing.measures import MEASURES
from routing.models import Experiment, Policy

State = Experiment.State
LONGEST_DAYS = 90
MOST_SLICES = 2000
MOST_RAILS = 4
MOST_DRAFTS = 20
LARGEST_LIMIT = 100_000.0
AUDITED = {
    "experiment.opened": gettext_lazy("Experiment opened"),
    "experiment.started": gettext_lazy("Experiment started"),
    "experiment.stopped": gettext_lazy("Experiment stopped"),
    "experiment.ended": gettext_lazy("Experiment done"),
    "experiment.discarded": gettext_lazy("Experiment discarded"),
    "experiment.adopted": gettext_lazy("Draft of an experiment made the policy"),
    "experiment.noted": gettext_lazy("End of an experiment noted"),
}


def open_experiment(by: Access, **values: Any) -> Experiment:  # Any: checked below, field by field
    """Write an experiment down, not started yet. Raises NotFound, Invalid with the field that is wrong."""
    require(by, permissions.ORGANIZATION_ADMINISTER)
    _check_times(values)
    _check_measures(values)
    name = " ".join(str(values["name"]).split())[:80]
    if not name:
        raise Invalid(field="name")
    rules_of(values["draft"])
    with organization_transaction():
        department_id = values.get("department_id")
        if department_id and not Department.objects.filter(pk=department_id).exists():
            raise Invalid(field="department")
        if Experiment.objects.filter(state=State.DRAFT).count() >= MOST_DRAFTS:
            raise Invalid(_("Start or discard one of those that wait first."), field="name")
        experiment: Experiment = Experiment.objects.create(
            **{**values, "name": name}, seed=randbits(48), opened_by_id=by.staff_id
        )
        audit.record("experiment.opened", experiment, by, name=name, department=department_id)
    return experiment


def _check_times(values: Mapping[str, Any]) -> None:  # Any: as above
    minutes, washout = values["slice_minutes"], values["washout_minutes"]
    if not 30 <= minutes <= 1440:
        raise Invalid(_("Choose between 30 minutes and a day."), field="slice_minutes")
    if not 0 <= 2 * washout < minutes:
        raise Invalid(_("Less than half of a slice."), field="washout_minutes")
    slices = values["slices"]
    if not 2 <= slices <= MOST_SLICES or slices % 2:
        raise Invalid(_("An even number of slices, 2,000 at most."), field="slices")
    if slices * minutes > LONGEST_DAYS * 1440:
        raise Invalid(_("90 days at most."), field="slices")
    if not 1 <= values["outcome_hours"] <= 168:
        raise Invalid(_("Choose between one hour and a week."), field="outcome_hours")
    if not 0.001 <= values.get("alpha", 0.05) <= 0.2:
        raise Invalid(_("Choose between 0.1 and 20 percent."), field="alpha")


def _check_measures(values: Mapping[str, Any]) -> None:  # Any: as above
    primary, rails = values["primary"], values.get("rails", [])
    if primary not in MEASURES:
        raise Invalid(field="primary")
    if not isinstance(rails, list) or len(rails) > MOST_RAILS:
        raise Invalid(field="rails")
    for number, rail in enumerate(rails):
        if not isinstance(rail, dict) or set(rail) != {"measure", "is_bound", "limit"}:
            raise Invalid(field=f"rails.{number}")
        if rail["measure"] not in MEASURES:
            raise Invalid(field=f"rails.{number}.measure")
        limit = rail["limit"]
        is_number = isinstance(limit, int | float) and not isinstance(limit, bool)
        if not is_number or not 0 <= limit <= LARGEST_LIMIT:
            raise Invalid(_("Not below zero."), field=f"rails.{number}.limit")


def _locked(by: Access, experiment_id: int) -> Experiment:
    """Return an experiment to change; whoever changes one holds the lock of all of the organization."""
    require(by, permissions.ORGANIZATION_ADMINISTER)
    lock()
    found: Experiment | None = (
        Experiment.objects.select_for_update().filter(pk=experiment_id).first()
    )
    if found is None:
        raise NotFound
    return found


def start(by: Access, experiment_id: int, starts_at: datetime | None = None) -> Experiment:
    """Let an experiment begin, at once or at a later moment.

    Raises NotFound, Invalid with the field, WrongState for one that has begun or where another runs.
    """
    now = timezone.now()
    if starts_at and not now - timedelta(minutes=5) <= starts_at <= now + timedelta(days=60):
        raise Invalid(_("Choose a moment within the next 60 days."), field="starts_at")
    with organization_transaction():
        experiment = _locked(by, experiment_id)
        if experiment.state != State.DRAFT:
            raise WrongState(_("This experiment has begun already."))
        _check_alone(experiment)
        experiment.state = State.RUNNING
        experiment.starts_at = max(starts_at or now, now).replace(second=0, microsecond=0)
        used = policies.in_use(experiment.department_id)
        experiment.policy_version = used.version if used.pk else 0
        experiment.save(update_fields=["state", "starts_at", "policy_version"])
        audit.record(
            "experiment.started",
            experiment,
            by,
            name=experiment.name,
            version=experiment.policy_version,
        )
    return experiment


def _check_alone(experiment: Experiment) -> None:
    """Raise WrongState where another experiment runs in one of the same departments."""
    own = set(Policy.objects.values_list("department_id", flat=True))
    running = set(
        Experiment.objects.filter(state=State.RUNNING).values_list("department_id", flat=True)
    )
    here = experiment.department_id
    is_shared = here in running
    if here is None:
        is_shared |= any(each not in own for each in running)
    else:
        is_shared |= None in running and here not in own
    if is_shared:
        raise WrongState(_("Another experiment runs there. Stop it first, or wait for its end."))


def stop(by: Access, experiment_id: int, why: str) -> None:
    """Stop a running experiment: the policy in use acts alone from then on. Raises NotFound, Invalid, WrongState."""
    why = " ".join(why.split())[:200]
    if not why:
        raise Invalid(_("Say why, for those who read it later."), field="why")
    with organization_transaction():
        _locked(by, experiment_id)
        if not ending.end(
            experiment_id,
            timezone.now(),
            reason=Experiment.Reason.HAND,
            details=why,
            by=by,
        ):
            raise WrongState(_("This experiment does not run."))


def discard(by: Access, experiment_id: int) -> None:
    """Throw away an experiment that never began. Raises NotFound, WrongState."""
    with organization_transaction():
        experiment = _locked(by, experiment_id)
        if experiment.state != State.DRAFT:
            raise WrongState(_("What has begun is kept."))
        audit.record("experiment.discarded", experiment, by, name=experiment.name)
        experiment.delete()


def note_end(by: Access, experiment_id: int) -> None:
    """Remember that somebody has read how it ended, so that nobody is told any more. Raises NotFound."""
    with organization_transaction():
        experiment = _locked(by, experiment_id)
        if experiment.noted_at is None and experiment.ended_at is not None:
            experiment.noted_at = timezone.now()
            experiment.save(update_fields=["noted_at"])
            audit.record("experiment.noted", experiment, by)


def adopt(by: Access, experiment_id: int) -> Policy:
    """Make the draft of an experiment that is over the policy; mode and offer time stay.

    Raises NotFound, and WrongState while it or another runs there.
    """
    with organization_transaction():
        experiment = _locked(by, experiment_id)
        if experiment.state not in {State.STOPPED, State.ENDED}:
            raise WrongState(_("This experiment is not over."))
        before = policies.in_use(experiment.department_id)
        policy = policies.to_change(experiment.department_id)
        tried = rules_of(experiment.draft)
        policies.keep(policy, replace(tried, learning_percent=before.learning_percent))
        audit.record(
            "experiment.adopted",
            experiment,
            by,
            name=experiment.name,
            weights=policy.points,
            version=policy.version,
        )
    return policy
