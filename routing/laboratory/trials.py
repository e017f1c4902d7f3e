"""Asks for replays of a draft, plays them in the background, and finds those that were lost."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError

from helpdesk import permissions
from helpdesk.access import Access, require
from helpdesk.errors import NotFound, WrongState
from helpdesk.models import Department
from helpdesk.services import audit
from helpdesk.tenancy import current_organization_id, organization_transaction
from routing import policies
from routing.deciding.rules import Rules
from routing.facts import Facts, facts
from routing.laboratory.policies import rules_of
from routing.models import Trial

logger = logging.getLogger(__name__)
# Whoever does not begin is asked again; whoever does not end by then has died.
BEGIN_WITHIN = timedelta(seconds=15)
END_WITHIN = timedelta(minutes=3)
AUDITED = {"trial.asked": _("Tried rules out in the laboratory")}
PENDING = (Trial.State.ASKED, Trial.State.RUNNING)


class Busy(WrongState):
    """Another replay is under way."""

    code = "trial_running"
    message = _("Another replay is under way. It takes a minute at most.")


def ask(by: Access, department_id: int | None, rules: Rules) -> Trial:
    """Ask for a replay of a draft; raises Busy while another one is under way."""
    require(by, permissions.ORGANIZATION_ADMINISTER)
    try:
        with organization_transaction():
            trial: Trial = Trial.objects.create(
                department_id=department_id,
                by_id=by.staff_id,
                rules=asdict(rules_of(asdict(rules))),
                asked_at=timezone.now(),
            )
            audit.record("trial.asked", trial, by, rules=trial.rules)
            transaction.on_commit(_hint)
    except IntegrityError as error:
        raise Busy from error
    return trial


def trial(by: Access, trial_id: int) -> Trial:
    """Return a replay; raises NotFound. The transaction is open."""
    require(by, permissions.ORGANIZATION_ADMINISTER)
    found: Trial | None = Trial.objects.select_related("by").filter(pk=trial_id).first()
    if found is None:
        raise NotFound
    return found


def look_after(now: datetime) -> int:
    """Ask a worker again for what nobody has begun, and give up what nobody has ended; returns how many."""
    with organization_transaction():
        pending = Trial.objects.filter(state__in=PENDING)
        waiting = pending.filter(state=Trial.State.ASKED, asked_at__lt=now - BEGIN_WITHIN).count()
        lost = pending.filter(state=Trial.State.RUNNING, started_at__lt=now - END_WITHIN).update(
            state=Trial.State.FAILED, error=Trial.Error.DIED, ended_at=now
        )
    if waiting:
        _hint()
    return waiting + int(lost)


def _hint() -> None:
    from routing.tasks import play_trials  # noqa: PLC0415  (it imports this)

    try:
        play_trials.apply_async((current_organization_id(),), retry=False)
    except OperationalError:
        logger.warning("no worker could be asked to play; the sweep asks again")


def play() -> bool:
    """Play what was asked for in the organization in scope; tells whether there was anything.

    Whoever comes second finds nothing to do. Ends within a minute.
    """
    found = _begin()
    if found is None:
        return False
    error, told = Trial.Error.FAILED, None
    try:
        told, error = _played(found)
    except Exception:
        logger.exception("replay %s failed", found.pk)
    with organization_transaction():
        Trial.objects.filter(pk=found.pk, state=Trial.State.RUNNING).update(
            state=Trial.State.DONE if told else Trial.State.FAILED,
            error="" if told else error,
            figures=told or {},
            percent=100,
            ended_at=timezone.now(),
        )
    return True


def _begin() -> Trial | None:
    with organization_transaction():
        rows = Trial.objects.select_for_update(skip_locked=True)
        found: Trial | None = rows.filter(state=Trial.State.ASKED).first()
        if found is not None:
            found.state, found.started_at = Trial.State.RUNNING, timezone.now()
            found.save(update_fields=["state", "started_at"])
    return found


def _played(found: Trial) -> tuple[dict[str, Any] | None, Trial.Error]:  # Any: figures as JSON
    # What plays loads slowly, and only a worker needs it.
    from routing.laboratory import company, contest, redeciding  # noqa: PLC0415
    from routing.laboratory.drafts import rules_under  # noqa: PLC0415
    from routing.laboratory.world import TooSlow  # noqa: PLC0415

    began, now, draft = monotonic(), timezone.now(), rules_of(found.rules)
    try:
        with organization_transaction():
            known = facts()
            policy = policies.in_use(found.department_id)
            ours = company.gather(known, now)
    except company.Nobody:
        return None, Trial.Error.NOBODY
    played = []
    under = rules_under(draft, found.department_id, known, now)
    present = {pk: each.rules for pk, each in known.policies.items()}
    fallback = present.get(None, Rules())
    for pair in contest.pairs(
        ours, lambda need: present.get(need.department_id, fallback), under, policy.rules
    ):
        played.append(pair)
        _tell(found, round(90 * len(played) / contest.PAIRS))
    try:
        told = contest.compared(played)
    except TooSlow:
        return None, Trial.Error.TOO_SLOW
    recorded = redeciding.redecided(draft.weights, _meant(found.department_id, known), now)
    about = {"people": len(ours.people), "staff": ours.staff, "seen": ours.seen}
    about |= {"is_filled": ours.is_filled and ours.seen > 0}
    about |= {"hours": round(ours.seconds / 3600), "seconds": round(monotonic() - began)}
    about |= {"version": policy.version if policy.pk else 0}
    return {**told, "about": about, "recorded": recorded}, Trial.Error.FAILED


def _tell(found: Trial, percent: int) -> None:
    with organization_transaction():
        Trial.objects.filter(pk=found.pk).update(percent=percent)


def _meant(department_id: int | None, known: Facts) -> Mapping[str, Any]:  # Any: a filter of rows
    """Return the filter for decisions of departments in which the draft would act."""
    if department_id is not None:
        return {"conversation__department_id": department_id}
    own = [pk for pk in known.policies if pk is not None]
    with organization_transaction():
        rows = Department.objects.exclude(pk__in=own).values_list("pk", flat=True)
        return {"conversation__department_id__in": list(rows)}
