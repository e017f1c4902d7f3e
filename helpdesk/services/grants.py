"""Who holds which role where, and guardian's rows derived from it in the same transaction.

RoleGrant and ObjectGrant are the truth. Every change here raises the person's permission epoch, takes
away work that they may no longer answer, and tells open screens.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Model

from helpdesk import access as accesses
from helpdesk import events
from helpdesk.access import Access
from helpdesk.errors import Invalid
from helpdesk.models import (
    Assignment,
    Department,
    DepartmentUserObjectPermission,
    EscalationPath,
    EscalationPathUserObjectPermission,
    ObjectGrant,
    Role,
    RoleGrant,
    RoleUserObjectPermission,
    Staff,
)
from helpdesk.permissions import (
    DEPARTMENT_PERMISSIONS,
    PATH_PERMISSIONS,
    ROLE_PERMISSIONS,
    complete,
)
from helpdesk.services import assignment, audit, timeline
from helpdesk.tenancy import current_organization_id, organization_transaction
from helpdesk.trees import subtrees

Derived = set[tuple[int, str]]

# (model it is on, guardian's model, field of ObjectGrant, what may be granted)
TARGETS: list[tuple[type[Model], Any, str, list[tuple[str, Any]]]] = [
    (Department, DepartmentUserObjectPermission, "department_id", DEPARTMENT_PERMISSIONS),
    (Role, RoleUserObjectPermission, "role_id", ROLE_PERMISSIONS),
    (EscalationPath, EscalationPathUserObjectPermission, "path_id", PATH_PERMISSIONS),
]


def grant_role(
    staff: Staff, role: Role, department: Department, *, by: Access | None = None
) -> RoleGrant:
    """Let a person hold a role in a department; the second time changes nothing."""
    with organization_transaction():
        found, is_new = RoleGrant.objects.get_or_create(
            staff=staff, role=role, department=department
        )
        if is_new:
            audit.record("role.granted", staff, by, role=role.pk, department=department.pk)
            refresh([staff.pk])
    return found


def revoke_role(role_grant: RoleGrant, *, by: Access | None = None) -> None:
    """Take a role away; work that may no longer be answered goes back to its queue."""
    with organization_transaction():
        staff_id, role_id, department_id = (
            role_grant.staff_id,
            role_grant.role_id,
            role_grant.department_id,
        )
        staff = Staff.objects.get(pk=staff_id)
        RoleGrant.objects.filter(pk=role_grant.pk).delete()
        audit.record("role.revoked", staff, by, role=role_id, department=department_id)
        refresh([staff_id])


def set_object_grants(
    staff: Staff, target: Model, permissions: Iterable[str], *, by: Access | None = None
) -> None:
    """Make these, and what they imply, the person's object permissions on a department, role or escalation path.

    Raises Invalid for a permission that the target does not know.
    """
    column, known = _target(target)
    wanted = set(complete(permissions))
    if not wanted <= known:
        raise Invalid(field="permissions")
    with organization_transaction():
        present = ObjectGrant.objects.filter(staff=staff, **{column: target.pk})
        had = set(present.values_list("permission", flat=True))
        present.exclude(permission__in=wanted).delete()
        ObjectGrant.objects.bulk_create(
            ObjectGrant(staff=staff, permission=permission, **{column: target.pk})
            for permission in sorted(wanted - had)
        )
        if wanted != had:
            audit.record("object.granted", target, by, staff=staff.pk, permissions=sorted(wanted))
            refresh([staff.pk])


def refresh(staff_ids: Iterable[int] | None = None) -> None:
    """Derive guardian's rows anew for these people, or for all after a change of roles or departments.

    Locks what they hold and then them; the transaction must not have changed their rows before.
    """
    with organization_transaction():
        chosen = lock(None if staff_ids is None else set(staff_ids))
        below = subtrees(Department.objects.values_list("id", "parent_id"))
        for person in chosen:
            _write(person, _desired(person, below))
        Staff.objects.filter(pk__in=[person.pk for person in chosen]).update(
            permission_epoch=F("permission_epoch") + 1
        )
        for person in chosen:
            events.publish(events.AccessChanged(current_organization_id(), person.pk))
            _take_away(person)


def deactivate(staff: Staff, *, by: Access | None = None) -> None:
    """End a person's membership: held work goes back to its queue, cached access ends at once."""
    with organization_transaction():
        lock({staff.pk})
        Staff.objects.filter(pk=staff.pk).update(is_active=False)
        audit.record("staff.deactivated", staff, by)
        refresh([staff.pk])


def activate(staff: Staff, *, by: Access | None = None) -> None:
    """Take a person back; grants count again."""
    with organization_transaction():
        Staff.objects.filter(pk=staff.pk).update(is_active=True)
        audit.record("staff.activated", staff, by)
        refresh([staff.pk])


def violations() -> list[str]:
    """Return where guardian's rows differ from what the grants say (I13)."""
    wrong = []
    below = subtrees(Department.objects.values_list("id", "parent_id"))
    for person in Staff.objects.order_by("id").iterator(chunk_size=500):
        for (_model, guardian, _column, _known), desired in zip(
            TARGETS, _desired(person, below), strict=True
        ):
            if _present(guardian, person.user_id).keys() != desired:
                wrong.append(f"staff {person.pk}: {guardian._meta.model_name} differs from grants")
    return wrong


def _desired(person: Staff, below: dict[int, set[int]]) -> list[Derived]:
    """Return (object id, permission) pairs for departments, roles and paths, in the order of TARGETS."""
    desired: list[Derived] = [set(), set(), set()]
    if not person.is_active:
        return desired
    for role_grant in RoleGrant.objects.filter(staff=person).select_related("role"):
        for department_id in below.get(role_grant.department_id, ()):
            desired[0] |= {(department_id, name) for name in role_grant.role.permissions}
    for granted in ObjectGrant.objects.filter(staff=person):
        for place, (_model, _guardian, column, _known) in enumerate(TARGETS):
            target_id = getattr(granted, column)
            if target_id is not None:
                reached = below.get(target_id, {target_id}) if place == 0 else {target_id}
                desired[place] |= {(reached_id, granted.permission) for reached_id in reached}
    return desired


def _present(guardian: Any, user_id: int) -> dict[tuple[int, str], int]:
    rows = guardian.objects.filter(user_id=user_id).values_list(
        "content_object_id", "permission__codename", "pk"
    )
    return {(object_id, codename): pk for object_id, codename, pk in rows}


def _write(person: Staff, desired: list[Derived]) -> None:
    for (model, guardian, _column, known), wanted in zip(TARGETS, desired, strict=True):
        present = _present(guardian, person.user_id)
        extra = [pk for pair, pk in present.items() if pair not in wanted]
        guardian.objects.filter(pk__in=extra).delete()
        missing = sorted(wanted - present.keys())
        if not missing:
            continue
        permissions = _permission_ids(model, [name for name, _label in known])
        guardian.objects.bulk_create(
            guardian(
                user_id=person.user_id,
                permission_id=permissions[codename],
                content_object_id=object_id,
            )
            for object_id, codename in missing
            if codename in permissions
        )


def _permission_ids(model: type[Model], names: list[str]) -> dict[str, int]:
    content_type = ContentType.objects.get_for_model(model)
    rows = Permission.objects.filter(content_type=content_type, codename__in=names)
    return dict(rows.values_list("codename", "id"))


def _target(target: Model) -> tuple[str, set[str]]:
    for model, _guardian, column, known in TARGETS:
        if isinstance(target, model):
            return column, {name for name, _label in known}
    raise Invalid(field="target")


class _GotMore(Exception):
    """Somebody holds a conversation whose row is not locked."""


def lock(staff_ids: set[int] | None) -> list[Staff]:
    """Return these people, or all, locked like the conversations that they hold, conversations first.

    What somebody got in between can only be locked before the people by beginning anew: the savepoint
    gives its locks back.
    """
    while True:
        try:
            with organization_transaction():
                return _lock_once(staff_ids)
        except _GotMore:
            continue


def _lock_once(staff_ids: set[int] | None) -> list[Staff]:
    people, running = Staff.objects.order_by("id"), Assignment.objects.filter(ended_at__isnull=True)
    if staff_ids is not None:
        people, running = people.filter(pk__in=staff_ids), running.filter(staff_id__in=staff_ids)
    conversation_ids = set(running.values_list("conversation_id", flat=True))
    timeline.lock_all(conversation_ids)
    locked = list(people.select_for_update(no_key=True))
    if running.exclude(conversation_id__in=conversation_ids).exists():
        raise _GotMore
    return locked


def _take_away(person: Staff) -> None:
    """Put back the conversations that the person may no longer answer."""
    now = accesses.fresh(Staff.objects.get(pk=person.pk))
    held = Assignment.objects.filter(staff=person, ended_at__isnull=True).order_by(
        "conversation_id"
    )
    for conversation_id in list(held.values_list("conversation_id", flat=True)):
        conversation = timeline.lock(conversation_id)
        if conversation.owner_id != person.pk:
            continue
        if not now.can_answer(conversation.department_id, None):
            assignment.release(conversation, Assignment.Ending.REVOKED)
