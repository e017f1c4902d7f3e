"""The one way in which rules become a policy: checked, under the next version, and written into the trail."""

from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from helpdesk import permissions
from helpdesk.access import Access, require
from helpdesk.errors import NotFound, WrongState
from helpdesk.models import Department
from helpdesk.services import audit
from helpdesk.tenancy import organization_transaction
from routing.deciding.rules import Rules
from routing.experiments.guarding import check_change
from routing.laboratory.policies import NUMBERS, rules_of
from routing.models import Policy

# What a policy of a department's own starts with, besides its rules.
INHERITED = ("mode", "offer_seconds", "sticky_seconds", "return_seconds")


class Changed(WrongState):
    """Somebody has changed the policy since it was looked at."""

    code = "policy_changed"
    message = _("The policy has been changed meanwhile. Look at it again before you replace it.")


def in_use(department_id: int | None) -> Policy:
    """Return the policy that acts in a department, or in those without their own; needs an open transaction."""
    if department_id is not None:
        return Policy.of(department_id)
    return Policy.objects.filter(department__isnull=True).first() or Policy()


def keep(policy: Policy, rules: Rules) -> None:
    """Save a policy with these rules, under the next version where there was one before.

    Raises Invalid with the field that is wrong. The transaction is open.
    """
    checked = rules_of(asdict(rules))
    policy.follow(checked)
    if policy.pk:
        policy.version += 1
    policy.save()


def replace(
    by: Access, department_id: int | None, rules: Rules, *, seen: tuple[int | None, int]
) -> Policy:
    """Make rules the policy of a department, or of all without their own; acts at once.

    `seen` is the id and version of the policy that the person had before them. Raises Changed when another acts
    by now, WrongState while an experiment compares with it, Invalid with the field that is wrong, NotFound for a
    department that is not there.
    """
    require(by, permissions.ORGANIZATION_ADMINISTER)
    with organization_transaction():
        before = in_use(department_id)
        if (before.pk, before.version if before.pk else 0) != seen:
            raise Changed
        policy = to_change(department_id)
        action = "policy.changed" if policy.pk else "policy.created"
        try:
            with transaction.atomic():
                keep(policy, rules)
        except IntegrityError as error:
            # Somebody else has just made one for the same department.
            raise Changed from error
        audit.record(action, policy, by, **told(policy))
    return policy


def to_change(department_id: int | None) -> Policy:
    """Return the row to change: the department's own, locked, else a new one that begins like what is in use.

    Raises WrongState while an experiment compares with it, Changed when somebody else changes it in this moment.
    """
    before = in_use(department_id)
    check_change(department_id, is_new=before.pk is None or before.department_id != department_id)
    if before.pk and before.department_id == department_id:
        locked: Policy = Policy.objects.select_for_update().get(pk=before.pk)
        if locked.version != before.version:
            raise Changed
        return locked
    department = None
    if department_id is not None:
        department = Department.objects.filter(pk=department_id).first()
        if department is None:
            raise NotFound
    return Policy(department=department, **{name: getattr(before, name) for name in INHERITED})


def told(policy: Policy) -> dict[str, Any]:  # Any: what the trail keeps as JSON
    """Return what the trail tells of a policy."""
    numbers = {name: getattr(policy, name) for name in (*INHERITED, *NUMBERS)}
    facts = {"department_id": policy.department_id, **numbers, "weights": policy.points}
    return facts | {"version": policy.version}
