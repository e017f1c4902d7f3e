"""Which arm acts now, reckoned by every process from the plan; and the log of when it really switched."""

import logging
from collections.abc import Container, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime

from helpdesk.errors import Invalid
from helpdesk.tenancy import current_organization_id, organization_transaction
from routing.deciding.rules import Rules
from routing.laboratory.policies import rules_of
from routing.laboratory.schedule import Plan
from routing.models import Experiment, Policy, Slice

logger = logging.getLogger(__name__)
_KEPT = 500
# The newest slice this process has written down, by organization and experiment.
_noted: dict[tuple[int, int], int] = {}


@dataclass(frozen=True, slots=True)
class Running:
    """One running experiment, as the engine needs it."""

    id: int
    plan: Plan
    draft: Rules

    def policy(self, used: Policy, at: datetime) -> Policy:
        """Return the policy that acts at a moment: the one in use, or a copy with the draft's rules.

        Within the plan it names the experiment, the slice and the arm, for the decision to keep.
        """
        number = self.plan.slice_at(at)
        if number is None:
            return used
        is_draft = self.plan.is_draft(number)
        acting = copy(used)
        acting.arm = {
            "experiment": self.id,
            "slice": number,
            "arm": "draft" if is_draft else "policy",
        }
        if is_draft:
            # An experiment tries no other share of learning.
            acting.follow(replace(self.draft, learning_percent=used.learning_percent))
        return acting


def running() -> dict[int | None, Running]:
    """Return the running experiments of the organization in scope, by department."""
    found: dict[int | None, Running] = {}
    for row in Experiment.objects.filter(state=Experiment.State.RUNNING):
        try:
            found[row.department_id] = Running(row.pk, row.plan, rules_of(row.draft))
        except Invalid:
            # Written by another version, which knew other parts: the policy in use acts.
            logger.exception("experiment %s has a draft that cannot act", row.pk)
    return found


def acting(
    experiments: Mapping[int | None, Running],
    policies: Container[int | None],
    department_id: int,
) -> Running | None:
    """Return the experiment a department takes part in.

    Its own, else the organization's, unless the department has a policy of its own: the organization's
    does not act there, so neither does an experiment with it.
    """
    own = experiments.get(department_id)
    if own is None and department_id not in policies:
        return experiments.get(None)
    return own


def note(experiments: Iterable[Running], now: datetime) -> int:
    """Write down which slices have begun and are not in the log yet; returns how many.

    Whichever process notices first writes it; the others find it there.
    """
    begun = [(one, one.plan.slice_at(now)) for one in experiments]
    new = [
        (one, number)
        for one, number in begun
        if number is not None and _noted.get((current_organization_id(), one.id)) != number
    ]
    if not new:
        return 0
    rows = [
        Slice(
            experiment_id=one.id,
            number=number,
            is_draft=one.plan.is_draft(number),
            switched_at=now,
        )
        for one, number in new
    ]
    with organization_transaction():
        Slice.objects.bulk_create(rows, ignore_conflicts=True)
    if len(_noted) > _KEPT:
        _noted.clear()
    for one, number in new:
        _noted[current_organization_id(), one.id] = number
        logger.info("experiment %s switched to slice %s", one.id, number)
    return len(new)
