"""What becomes of running experiments by itself: switches are noted, slices counted, and ends found."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk.access import Access
from helpdesk.registries import Notice
from helpdesk.services import audit
from helpdesk.tenancy import organization_transaction
from routing.experiments import measuring, switching
from routing.experiments.reading import rail_stands, standing
from routing.measures import MEASURES
from routing.models import Experiment, Slice

logger = logging.getLogger(__name__)
State, Reason = Experiment.State, Experiment.Reason
NOTICES = 5
# What cannot be counted for so long after its plan is given up as it is.
PATIENCE = timedelta(days=2)


def sweep(now: datetime) -> int:
    """Look after the running experiments of the organization in scope; returns how much was done."""
    with organization_transaction():
        running = list(Experiment.objects.filter(state=State.RUNNING))
        known = list(switching.running().values())
    done = switching.note(known, now)
    for experiment in running:
        counted = measuring.measure_due(experiment, now)
        if counted:
            done += counted + _stop_for_harm(experiment, now)
        done += _end_if_done(experiment, now)
    return done


def _stop_for_harm(experiment: Experiment, now: datetime) -> int:
    """Stop an experiment of which a guard rail is broken."""
    if not experiment.rails:
        return 0
    with organization_transaction():
        broken = [one for one in rail_stands(experiment, measured(experiment)) if one.is_broken]
    if not broken:
        return 0
    return int(end(experiment.pk, now, reason=Reason.RAIL, details=broken[0].measure))


def _end_if_done(experiment: Experiment, now: datetime) -> int:
    """End an experiment whose plan is over and whose slices are all counted."""
    over_at = experiment.plan.ends_at + timedelta(hours=experiment.outcome_hours)
    if now < over_at:
        return 0
    with organization_transaction():
        waiting = Slice.objects.filter(experiment=experiment, measured_at__isnull=True).exists()
    if waiting and now < over_at + PATIENCE:
        return 0
    return int(end(experiment.pk, now, reason=Reason.PLAN))


def measured(experiment: Experiment) -> list[Slice]:
    """Return the slices of an experiment that are counted, in their order."""
    rows = Slice.objects.filter(experiment=experiment, measured_at__isnull=False)
    return list(rows.order_by("number"))


def end(
    experiment_id: int,
    now: datetime,
    *,
    reason: Experiment.Reason,
    details: str = "",
    by: Access | None = None,
) -> bool:
    """End a running experiment: from now on the policy in use acts alone. Tells whether it did run."""
    with organization_transaction():
        rows = Experiment.objects.select_for_update().filter(pk=experiment_id, state=State.RUNNING)
        experiment: Experiment | None = rows.first()
        if experiment is None:
            return False
        experiment.state = State.ENDED if reason == Reason.PLAN else State.STOPPED
        experiment.reason, experiment.reason_details = reason, details[:200]
        experiment.ended_at = now
        if reason == Reason.PLAN:
            experiment.verdict = standing(experiment, measured(experiment)).verdict
        experiment.save(update_fields=["state", "reason", "reason_details", "ended_at", "verdict"])
        audit.record(
            f"experiment.{experiment.state}",
            experiment,
            by,
            name=experiment.name,
            reason=str(reason),
            details=details[:200],
            verdict=experiment.verdict,
        )
    logger.warning("experiment %s ended, reason %s %s", experiment_id, reason, experiment.verdict)
    return True


def notices() -> Iterator[Notice]:
    """Yield experiments that ended by themselves and of which nobody has taken note."""
    rows = Experiment.objects.filter(reason__in=[Reason.RAIL, Reason.PLAN], noted_at__isnull=True)
    for experiment in rows[:NOTICES]:
        yield Notice(
            f"experiment-{experiment.pk}",
            _("Experiment %(name)s: %(state)s")
            % {"name": experiment.name, "state": experiment.get_state_display()},
            told(experiment),
            reverse("routing:experiment", args=[experiment.pk]),
        )


def told(experiment: Experiment) -> str:
    """Return in one sentence how an experiment ended."""
    if experiment.reason == Reason.RAIL:
        measure = MEASURES.get(experiment.reason_details)
        return _("A guard rail was broken: %(measure)s. The policy in use acts alone again.") % {
            "measure": measure.label if measure else experiment.reason_details
        }
    if experiment.reason == Reason.HAND:
        return _("Stopped by hand: %(why)s") % {"why": experiment.reason_details}
    return _("The plan is done: %(verdict)s. The policy in use acts alone again.") % {
        "verdict": experiment.get_verdict_display()
    }
