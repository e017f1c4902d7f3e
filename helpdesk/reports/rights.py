"""What one person may do, and where each right comes from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from helpdesk import permissions
from helpdesk.access import (
    AUDIENCE_PERMISSIONS,
    GUEST_PERMISSIONS,
    OWNER_PERMISSIONS,
    Access,
    running_mentions,
)
from helpdesk.models import (
    Conversation,
    Department,
    EscalationPath,
    ObjectGrant,
    Role,
    RoleGrant,
    Staff,
    Topic,
)
from helpdesk.trees import subtrees

SENTENCES = dict(
    permissions.DEPARTMENT_PERMISSIONS + permissions.ROLE_PERMISSIONS + permissions.PATH_PERMISSIONS
)
IN_CONVERSATION = [
    permissions.CONVERSATION_VIEW,
    permissions.CONVERSATION_REPLY,
    permissions.CONVERSATION_NOTE,
    permissions.CONVERSATION_TAKE,
    permissions.CONVERSATION_ASSIGN,
    permissions.CONVERSATION_TRANSFER,
    permissions.CONVERSATION_RESOLVE,
    permissions.CONVERSATION_ESCALATE,
    permissions.CUSTOMER_VIEW,
    permissions.CUSTOMER_CHANGE,
]


@dataclass(frozen=True)
class Source:
    """Where a right comes from: a role held in a department, or a permission on the object itself."""

    department: Any  # Any: a Department, or None on a role or path
    role: Any = None  # Any: a Role; None for an object permission


@dataclass
class Place:
    """A department, role, path or topic with the rights that hold there, by source."""

    subject: Any  # Any: one of the four models
    depth: int = 0
    rights: list[tuple[Source, list[Any]]] = field(default_factory=list)


@dataclass(frozen=True)
class Verdict:
    """Whether one thing may be done with one conversation, and by what."""

    sentence: Any  # Any: a lazy translation
    is_allowed: bool
    sources: list[Source]
    is_owner: bool = False
    is_audience: bool = False
    guest_until: datetime | None = None


def sources(staff: Staff) -> dict[int, list[tuple[Source, list[str]]]]:
    """Return, for each department's id, what gives which permissions there."""
    below = subtrees(Department.objects.values_list("id", "parent_id"))
    found: dict[int, list[tuple[Source, list[str]]]] = {}
    for source, names, root in [*_from_roles(staff), *_from_objects(staff)]:
        for department_id in below.get(root or 0, ()):
            found.setdefault(department_id, []).append((source, names))
    return found


def places(staff: Staff, departments: Iterable[tuple[Department, int]]) -> list[Place]:
    """Return the departments where the person may do something, in the order given."""
    found = sources(staff) if staff.is_active else {}
    return [
        Place(department, depth, [(source, _sentences(names)) for source, names in rights])
        for department, depth in departments
        if (rights := found.get(department.pk))
    ]


def objects(staff: Staff, column: str) -> list[Place]:
    """Return the roles or paths (`column`) on which the person holds object permissions."""
    if not staff.is_active:
        return []
    grants: dict[Role | EscalationPath, list[str]] = {}
    rows = ObjectGrant.objects.filter(staff=staff, **{f"{column}__isnull": False})
    for row in rows.select_related(column).order_by("id"):
        grants.setdefault(getattr(row, column), []).append(row.permission)
    return [
        Place(subject, 0, [(Source(None), _sentences(names))]) for subject, names in grants.items()
    ]


def answers(
    access: Access, topics: Iterable[tuple[Topic, int]], departments: Iterable[Department]
) -> list[tuple[Topic, int, list[Department]]]:
    """Return each topic that may be answered, its depth, and the departments where."""
    known = list(departments)
    found = [
        (topic, depth, [place for place in known if access.can_answer(place.pk, topic.pk)])
        for topic, depth in topics
    ]
    return [row for row in found if row[2]]


def verdicts(staff: Staff, access: Access, conversation: Conversation) -> Iterator[Verdict]:
    """Say for each thing that can be done with a conversation whether the person may, and why."""
    given = sources(staff).get(conversation.department_id, [])
    mention = running_mentions(staff.pk).filter(conversation_id=conversation.pk).first()
    is_audience = conversation.escalated_to_id in access.allowed(permissions.CONVERSATION_VIEW)
    for name in IN_CONVERSATION:
        allowed = access.may(name, conversation, is_guest=mention is not None)
        yield Verdict(
            sentence=SENTENCES[name],
            is_allowed=allowed,
            sources=[source for source, names in given if name in names] if allowed else [],
            is_owner=allowed and conversation.owner_id == staff.pk and name in OWNER_PERMISSIONS,
            is_audience=allowed and is_audience and name in AUDIENCE_PERMISSIONS,
            guest_until=mention.access_until if mention and name in GUEST_PERMISSIONS else None,
        )


def _from_roles(staff: Staff) -> Iterator[tuple[Source, list[str], int]]:
    rows = RoleGrant.objects.filter(staff=staff).select_related("role", "department")
    for row in rows.order_by("id"):
        yield Source(row.department, row.role), list(row.role.permissions), row.department_id


def _from_objects(staff: Staff) -> Iterator[tuple[Source, list[str], int | None]]:
    rows = ObjectGrant.objects.filter(staff=staff, department__isnull=False)
    for row in rows.select_related("department").order_by("id"):
        yield Source(row.department), [row.permission], row.department_id


def _sentences(names: Iterable[str]) -> list[Any]:
    chosen = set(names)
    return [sentence for name, sentence in SENTENCES.items() if name in chosen]
