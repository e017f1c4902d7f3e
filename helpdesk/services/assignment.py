"""Who holds a conversation: assign, take, put back, hand over, undo."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from helpdesk import events, permissions
from helpdesk.access import Access, access_of, colleague
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import (
    AlreadyTaken,
    Invalid,
    NotAvailable,
    NotFound,
    Refused,
    WrongState,
)
from helpdesk.models import (
    Assignment,
    Conversation,
    Department,
    Entry,
    Skill,
    Staff,
    State,
    Transfer,
)
from helpdesk.services import audit, backing, timeline
from helpdesk.services.holding import give, lock_handover
from helpdesk.services.receiving import queue_of
from helpdesk.tenancy import organization_transaction

UNDO_FOR = timedelta(seconds=30)


def take(by: Access, conversation_id: int) -> Conversation:
    """Take a conversation from the queue; raises NotFound, Refused, AlreadyTaken, OverCapacity."""
    with organization_transaction():
        conversation = visible_conversation(by, conversation_id, lock=True)
        take_locked(by, conversation)
    return conversation


def take_locked(
    by: Access, conversation: Conversation, mode: Assignment.Mode = Assignment.Mode.TAKEN
) -> None:
    """Take a queued conversation whose row is locked; it is saved."""
    if conversation.state != State.QUEUED:
        raise AlreadyTaken
    if not by.may(permissions.CONVERSATION_TAKE, conversation):
        raise Refused
    if not by.can_answer(conversation.department_id, conversation.topic_id):
        raise Refused
    give(conversation, by.staff_id, mode, by=by)


def assign(
    by: Access, conversation_id: int, staff_id: int, *, override_reason: str = ""
) -> Conversation:
    """Give a conversation to a colleague, from the queue or from its owner.

    With a reason, also above the colleague's capacity; it is recorded.
    Raises NotFound, Refused, WrongState, NotAvailable, OverCapacity.
    """
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_ASSIGN, lock=True
        )
        receiver = colleague(by, staff_id)
        if not conversation.is_open or conversation.owner_id == receiver.pk:
            raise WrongState
        _check_receiver(receiver, conversation.department_id, conversation.topic_id)
        now = timezone.now()
        lock_handover(conversation, receiver.pk)
        timeline.end_assignment(conversation, Assignment.Ending.REASSIGNED, now)
        give(
            conversation,
            receiver.pk,
            Assignment.Mode.MANUAL,
            by=by,
            override_reason=override_reason,
        )
    return conversation


def put_back(by: Access, conversation_id: int) -> Conversation:
    """Put a conversation back into its department's queue; raises NotFound, Refused, WrongState."""
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_TRANSFER, lock=True
        )
        release(conversation, Assignment.Ending.RETURNED, by=by)
    return conversation


def release(
    conversation: Conversation, ending: Assignment.Ending, *, by: Access | None = None
) -> None:
    """End the owner's assignment and queue the conversation; the row must be locked and is saved.

    Raises WrongState when nobody holds it.
    """
    now = timezone.now()
    former = timeline.end_assignment(conversation, ending, now)
    if former is None:
        raise WrongState
    _queue(conversation, queue_of(conversation.department_id).pk, now)
    timeline.add_entry(
        conversation,
        Entry.Kind.RELEASED,
        at=now,
        actor_id=by.staff_id if by else None,
        staff=former,
        ending=ending,
    )
    conversation.save()
    audit.record("conversation.released", conversation, by, staff=former, ending=ending)
    _tell_queued(conversation)


@dataclass(frozen=True)
class Target:
    """To whom a conversation is handed over: exactly one of them."""

    staff_id: int | None = None
    department_id: int | None = None
    skill_id: int | None = None

    def __post_init__(self) -> None:
        named = [value for value in (self.staff_id, self.department_id, self.skill_id) if value]
        if len(named) != 1:
            raise Invalid(field="to")


def transfer(by: Access, conversation_id: int, to: Target, *, note: str = "") -> Transfer:
    """Hand a conversation over with a note; the receiver sees the whole history.

    To a person it is theirs at once; to a department or a skill it waits in the queue there.
    Can be undone for 30 seconds. Raises NotFound, Refused, Invalid, WrongState, NotAvailable, OverCapacity.
    """
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_TRANSFER, lock=True
        )
        if not conversation.is_open or (to.staff_id and to.staff_id == conversation.owner_id):
            raise WrongState
        now = timezone.now()
        entry = timeline.add_entry(
            conversation,
            Entry.Kind.TRANSFERRED,
            at=now,
            actor_id=by.staff_id,
            staff=to.staff_id,
            department=to.department_id,
            skill=to.skill_id,
            note=note[:2000],
        )
        made = Transfer.objects.create(
            conversation=conversation,
            entry=entry,
            by_id=by.staff_id,
            from_staff_id=conversation.owner_id,
            from_queue_id=conversation.queue_id,
            from_department_id=conversation.department_id,
            to_staff_id=to.staff_id,
            to_department_id=to.department_id,
            to_skill_id=to.skill_id,
            note=note[:2000],
            at=now,
            undo_until=now + UNDO_FOR,
        )
        _hand_over(by, conversation, to, now)
    return made


def undo_transfer(
    by: Access, transfer_id: int, *, conversation_id: int | None = None
) -> Conversation:
    """Give a conversation back to whom it was with; a conversation that is named must be the one.

    Raises NotFound, WrongState when 30 s are over or the receiver has acted, NotAvailable when whom it was
    with may no longer answer there.
    """
    with organization_transaction():
        made = Transfer.objects.filter(pk=transfer_id, by_id=by.staff_id).first()
        if made is None or conversation_id not in {None, made.conversation_id}:
            raise NotFound
        conversation = timeline.lock(made.conversation_id)
        made.refresh_from_db(fields=["undone_at"])
        now = timezone.now()
        if made.undone_at or now > made.undo_until or not _untouched(conversation, made):
            raise WrongState
        _take_back(by, conversation, made, now)
        audit.record("conversation.transfer_undone", conversation, by)
    return conversation


def _take_back(by: Access, conversation: Conversation, made: Transfer, now: datetime) -> None:
    former_id = made.from_staff_id
    if former_id:
        former = Staff.objects.get(pk=former_id)
        _check_receiver(former, made.from_department_id, None)
        lock_handover(conversation, former_id)
    Transfer.objects.filter(pk=made.pk).update(undone_at=now)
    timeline.end_assignment(conversation, Assignment.Ending.UNDONE, now)
    conversation.department_id = made.from_department_id
    conversation.wanted_skill = None
    timeline.add_entry(conversation, Entry.Kind.TRANSFER_UNDONE, at=now, actor_id=by.staff_id)
    if former_id:
        give(conversation, former_id, Assignment.Mode.TRANSFER, by=by, override_reason="undo")
        backing.again(conversation, former_id, since=made.at)
    else:
        _queue(conversation, made.from_queue_id, now)
        conversation.save()
        _tell_queued(conversation)


def _untouched(conversation: Conversation, made: Transfer) -> bool:
    """Tell whether only the giver and the engine have acted since the transfer."""
    others = conversation.entries.filter(number__gt=made.entry.number, actor__isnull=False)
    # The engine gives what a person accepted: the entry has no actor.
    accepted = conversation.assignments.filter(
        mode=Assignment.Mode.OFFER, starts_at__gte=made.at
    ).exclude(staff_id=made.by_id)
    return (
        conversation.is_open
        and not others.exclude(actor_id=made.by_id).exists()
        and not accepted.exists()
    )


def _hand_over(by: Access, conversation: Conversation, to: Target, now: datetime) -> None:
    ended = Assignment.Ending.TRANSFERRED
    audit.record(
        "conversation.transferred",
        conversation,
        by,
        staff=to.staff_id,
        department=to.department_id,
        skill=to.skill_id,
    )
    if to.staff_id:
        receiver = colleague(by, to.staff_id)
        _check_receiver(receiver, receiver.department_id, None)
        lock_handover(conversation, receiver.pk)
        timeline.end_assignment(conversation, ended, now)
        conversation.department_id = receiver.department_id
        give(conversation, receiver.pk, Assignment.Mode.TRANSFER, by=by)
        return
    timeline.end_assignment(conversation, ended, now)
    if to.department_id:
        department = Department.objects.filter(pk=to.department_id).first()
        if department is None:
            raise NotFound
        conversation.department = department
    elif to.skill_id:
        _want_skill(conversation, to.skill_id)
    _queue(conversation, queue_of(conversation.department_id).pk, now)
    conversation.save()
    _tell_queued(conversation)


def _want_skill(conversation: Conversation, skill_id: int) -> None:
    """Queue for whoever has the skill, in the department where most of its holders are."""
    skill = Skill.objects.filter(pk=skill_id).first()
    if skill is None:
        raise NotFound
    holders = Staff.objects.filter(skills__skill=skill, is_active=True)
    departments = list(holders.values_list("department_id", flat=True))
    if not departments:
        raise NotAvailable
    conversation.wanted_skill = skill
    conversation.department_id = max(sorted(set(departments)), key=departments.count)


def _check_receiver(receiver: Staff, department_id: int, topic_id: int | None) -> None:
    if not access_of(receiver).can_answer(department_id, topic_id):
        raise NotAvailable


def _queue(conversation: Conversation, queue_id: int | None, now: datetime) -> None:
    conversation.owner = None
    conversation.queue_id = queue_id
    conversation.state = State.QUEUED
    conversation.queued_at = now
    conversation.snoozed_until = None
    timeline.wake_router(conversation)


def _tell_queued(conversation: Conversation) -> None:
    events.publish(
        events.ConversationQueued(
            conversation.organization_id, conversation.pk, conversation.last_number
        )
    )
