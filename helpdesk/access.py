"""The only way to rows: fetch and check in one step; absent and forbidden answer alike.

`Access` is what one member of staff may do, computed once per permission epoch and kept in the process.
It is pure data, so that the same rule decides for pages, sockets, REST, admin and search.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from helpdesk import exams, granted, permissions, sight
from helpdesk.errors import NotFound, Refused, WrongState
from helpdesk.granted import Answering
from helpdesk.models import (
    STANDING,
    Attachment,
    Conversation,
    ConversationLink,
    Customer,
    DepartmentUserObjectPermission,
    Escalation,
    EscalationPathUserObjectPermission,
    Letter,
    Mention,
    Message,
    Participant,
    RoleUserObjectPermission,
    Snippet,
    Staff,
)

M = TypeVar("M", bound=Model)

NOBODY: frozenset[int] = frozenset()

# What the owner of a conversation may do with it wherever it is.
OWNER_PERMISSIONS = frozenset(
    {
        permissions.CONVERSATION_VIEW,
        permissions.CONVERSATION_REPLY,
        permissions.CONVERSATION_NOTE,
        permissions.CONVERSATION_TRANSFER,
        permissions.CONVERSATION_RESOLVE,
        permissions.CONVERSATION_ESCALATE,
        permissions.CUSTOMER_VIEW,
    }
)
# What a colleague who was called in may do until the access ends.
GUEST_PERMISSIONS = frozenset(
    {permissions.CONVERSATION_VIEW, permissions.CONVERSATION_NOTE, permissions.CUSTOMER_VIEW}
)
# What the audience of an escalation level may do from its department.
AUDIENCE_PERMISSIONS = GUEST_PERMISSIONS | {permissions.CONVERSATION_ESCALATE}


@dataclass(frozen=True, slots=True)
class Access:
    """What one member of staff may do."""

    organization_id: int
    staff_id: int
    user_id: int
    epoch: int
    is_active: bool
    departments: dict[str, frozenset[int]] = field(default_factory=dict)
    paths: dict[str, frozenset[int]] = field(default_factory=dict)
    roles: dict[str, frozenset[int]] = field(default_factory=dict)
    answering: tuple[Answering, ...] = ()
    # topic -> the skill of which an exam must count; and skill -> until when the person's does
    exams: Mapping[int, int] = field(default_factory=dict)
    certified: Mapping[int, datetime] = field(default_factory=dict)
    # The REST token through which the person acts, if any.
    token_id: int | None = None

    def through_token(self, token_id: int) -> "Access":
        """Return the same access, acting through a REST token."""
        return replace(self, token_id=token_id)

    def allowed(self, permission: str) -> frozenset[int]:
        """Return the departments in which the permission holds."""
        return self.departments.get(permission, NOBODY) if self.is_active else NOBODY

    @property
    def is_administrator(self) -> bool:
        """Tell whether the person administers the organization."""
        return bool(self.allowed(permissions.ORGANIZATION_ADMINISTER))

    def can_answer(self, department_id: int, topic_id: int | None) -> bool:
        """Tell whether the person may answer this topic in this department; an unknown topic is everybody's."""
        if department_id not in self.allowed(permissions.CONVERSATION_REPLY):
            return False
        if topic_id is None:
            return True
        if not self.has_exam(topic_id):
            return False
        return any(
            department_id in answering.departments
            and (answering.topics is None or topic_id in answering.topics)
            for answering in self.answering
        )

    def has_exam(self, topic_id: int) -> bool:
        """Tell whether the exam that a topic asks for, if any, was passed and counts now."""
        until = self.certified.get(self.exams.get(topic_id, 0))
        return topic_id not in self.exams or (until is not None and until > timezone.now())

    def may(self, permission: str, conversation: Conversation, *, is_guest: bool = False) -> bool:
        """Tell whether the permission holds for the conversation; `is_guest` when called in now."""
        if not self.is_active:
            return False
        if conversation.department_id in self.allowed(permission):
            return True
        if conversation.owner_id == self.staff_id and permission in OWNER_PERMISSIONS:
            return True
        seen = self.allowed(permissions.CONVERSATION_VIEW)
        if conversation.escalated_to_id in seen and permission in AUDIENCE_PERMISSIONS:
            return True
        return is_guest and permission in GUEST_PERMISSIONS


_cache: OrderedDict[tuple[int, int, int], Access] = OrderedDict()
_cache_lock = Lock()
_CACHE_SIZE = 5000


def access_of(staff: Staff) -> Access:
    """Return what the person may do now; cached until the permission epoch changes."""
    return accesses_of([staff])[staff.pk]


def accesses_of(people: Iterable[Staff]) -> dict[int, Access]:
    """Return what each of the people may do now, by id; as many queries for many as for one, none for those cached."""
    found, unknown = {}, []
    with _cache_lock:
        for staff in people:
            key = (staff.organization_id, staff.pk, staff.permission_epoch)
            access = _cache.get(key)
            if access is None or access.is_active != staff.is_active:
                unknown.append(staff)
            else:
                found[staff.pk] = access
                _cache.move_to_end(key)
    loaded = _load(unknown)
    with _cache_lock:
        for access in loaded:
            _cache[access.organization_id, access.staff_id, access.epoch] = access
        while len(_cache) > _CACHE_SIZE:
            _cache.popitem(last=False)
    return found | {access.staff_id: access for access in loaded}


def access_of_id(staff_id: int) -> Access:
    """Return what the person may do now; raises NotFound for an unknown id."""
    staff = Staff.objects.filter(pk=staff_id).only(
        "id", "organization_id", "user_id", "permission_epoch", "is_active"
    )
    return access_of(_one(staff))


def fresh(staff: Staff) -> Access:
    """Return what the person may do, read anew and kept nowhere: for changes not yet committed."""
    return _load([staff])[0]


def _load(people: Sequence[Staff]) -> list[Access]:
    if not people:
        return []
    staff_ids, user_ids = [one.pk for one in people], [one.user_id for one in people]
    departments = granted.derived(DepartmentUserObjectPermission, user_ids)
    paths = granted.derived(EscalationPathUserObjectPermission, user_ids)
    roles = granted.derived(RoleUserObjectPermission, user_ids)
    answering, required = granted.answering(staff_ids), exams.required()
    certified = exams.certified(staff_ids, set(required.values()))
    return [
        Access(
            organization_id=staff.organization_id,
            staff_id=staff.pk,
            user_id=staff.user_id,
            epoch=staff.permission_epoch,
            is_active=staff.is_active,
            departments=departments.get(staff.user_id, {}),
            paths=paths.get(staff.user_id, {}),
            roles=roles.get(staff.user_id, {}),
            answering=answering.get(staff.pk, ()),
            exams=required,
            certified=certified.get(staff.pk, {}),
        )
        for staff in people
    ]


# --- conversations ---------------------------------------------------------------------------


def visible_conversations(access: Access) -> QuerySet[Conversation]:
    """Return the conversations the person may see, unordered."""
    if not access.is_active:
        return Conversation.objects.none()
    return Conversation.objects.filter(sight.seen_from(*sight_of(access)))


def sight_of(access: Access) -> tuple[list[int], int, datetime]:
    """Return what a prepared query needs for `sight.seen_from`: the departments seen, who looks, and when."""
    if not access.is_active:
        return [], 0, timezone.now()
    seen = access.allowed(permissions.CONVERSATION_VIEW)
    return sorted(seen), access.staff_id, timezone.now()


def running_mentions(staff_id: int) -> QuerySet[Mention]:
    """Return the mentions that give the person access now."""
    return sight.mentions_of(staff_id, timezone.now())


def guests(conversation_ids: Iterable[int]) -> dict[int, set[int]]:
    """Return the ids of the staff who are called into each of these conversations now."""
    found: dict[int, set[int]] = {each: set() for each in conversation_ids}
    called = Mention.objects.filter(
        conversation_id__in=list(found), ended_at__isnull=True, access_until__gt=timezone.now()
    )
    for conversation_id, staff_id in called.values_list("conversation_id", "staff_id"):
        found[conversation_id].add(staff_id)
    return found


def conversation(
    access: Access,
    conversation_id: int,
    permission: str = permissions.CONVERSATION_VIEW,
    *,
    lock: bool = False,
) -> Conversation:
    """Return the conversation; with `lock`, its row is locked until the transaction ends.

    Raises NotFound when it is absent or may not be seen, Refused when it may be seen but not that.
    """
    if lock:
        rows = Conversation.objects.select_for_update(no_key=True)
        found: Conversation = _one(rows.filter(pk=conversation_id))
    else:
        found = _first(sight.shown(conversation_id))
    check_may(access, found, permission)
    return found


def check_may(access: Access, found: Conversation, permission: str) -> None:
    """Raise NotFound when the conversation may not be seen, Refused when it may, but not that."""
    if access.may(permission, found):
        return
    is_guest = running_mentions(access.staff_id).filter(conversation_id=found.pk).exists()
    if access.may(permission, found, is_guest=is_guest):
        return
    if access.may(permissions.CONVERSATION_VIEW, found, is_guest=is_guest):
        raise Refused
    raise NotFound


def attachment(access: Access, public_id: str) -> Attachment:
    """Return a file of a conversation the person may see, or one that the person uploaded."""
    rows = Attachment.objects.select_related("message__entry", "call")
    found = _one(rows.filter(public_id=public_id))
    if found.message is not None:
        _check_may_read(access, found.message)
    elif found.call is not None:
        conversation(access, found.call.conversation_id)
    elif found.staff_id != access.staff_id:
        raise NotFound
    return found


def letter(access: Access, message_id: int) -> Letter:
    """Return the letter of a message in a conversation the person may see; raises NotFound."""
    found = _one(Letter.objects.select_related("message__entry").filter(pk=message_id))
    _check_may_read(access, found.message)
    return found


def _check_may_read(access: Access, message: Message) -> None:
    """Raise NotFound unless the person may see the conversation of a message, or one split off with it."""
    try:
        conversation(access, message.conversation_id)
    except NotFound:
        parts = ConversationLink.objects.filter(
            STANDING,
            kind=ConversationLink.Kind.SPLIT,
            source_id=message.conversation_id,
            numbers__contains=[message.entry.number],
        )
        if not visible_conversations(access).filter(pk__in=parts.values("target_id")).exists():
            raise


def participant(access: Access, participant_id: int) -> Participant:
    """Return somebody who takes part, or asks to, where this person may decide; raises NotFound, Refused."""
    found = _one(Participant.objects.filter(pk=participant_id))
    conversation(access, found.conversation_id, permissions.CONVERSATION_REPLY)
    return found


# --- customers, people, escalations ----------------------------------------------------------


def visible_customers(access: Access) -> QuerySet[Customer]:
    """Return the customers the person may see: all with the permission anywhere, else those in conversations."""
    if access.allowed(permissions.CUSTOMER_VIEW):
        return Customer.objects.all()
    return Customer.objects.filter(pk__in=visible_conversations(access).values("customer_id"))


def customer(access: Access, customer_id: int) -> Customer:
    """Return a customer; raises NotFound."""
    return _one(visible_customers(access).filter(pk=customer_id))


def change_customer(access: Access, customer_id: int) -> Customer:
    """Return a customer to change, locked; raises NotFound, Refused, WrongState for one who was merged."""
    found = customer(access, customer_id)
    if not access.allowed(permissions.CUSTOMER_CHANGE):
        raise Refused
    if found.merged_into_id:
        raise WrongState
    return _one(Customer.objects.select_for_update().filter(pk=found.pk))


def colleagues(access: Access) -> QuerySet[Staff]:
    """Return the active staff of the organization: everybody may see who works here."""
    return Staff.objects.filter(is_active=True) if access.is_active else Staff.objects.none()


def colleague(access: Access, staff_id: int) -> Staff:
    """Return an active colleague; raises NotFound."""
    return _one(colleagues(access).filter(pk=staff_id))


def visible_snippets(access: Access) -> QuerySet[Snippet]:
    """Return the snippets of everybody and of the departments in which the person answers."""
    mine = access.allowed(permissions.CONVERSATION_REPLY)
    return Snippet.objects.filter(
        Q(department__isnull=True) | Q(department_id__in=mine), is_active=True
    )


def visible_escalations(access: Access) -> QuerySet[Escalation]:
    """Return the running escalations whose conversation the person may see."""
    return Escalation.objects.filter(
        ended_at__isnull=True, conversation__in=visible_conversations(access)
    )


def escalation(access: Access, escalation_id: int, *, lock: bool = False) -> Escalation:
    """Return a running escalation; with `lock`, its conversation's row and its own are locked."""
    found = _one(visible_escalations(access).filter(pk=escalation_id))
    if not lock:
        return found
    conversation(access, found.conversation_id, lock=True)
    return _one(
        Escalation.objects.select_for_update().filter(pk=escalation_id, ended_at__isnull=True)
    )


def require(access: Access, permission: str) -> frozenset[int]:
    """Return the departments in which the permission holds; raises NotFound when there is none."""
    departments = access.allowed(permission)
    if not departments:
        raise NotFound
    return departments


def _one(rows: QuerySet[M]) -> M:
    return _first(rows.order_by()[:1])


def _first(rows: Iterable[M]) -> M:
    found = next(iter(rows), None)
    if found is None:
        raise NotFound
    return found
