"""Snooze, wake, resolve, reopen, close; topic and priority."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk import events, permissions
from helpdesk.access import Access
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import Invalid, NotAvailable, NotFound, OverCapacity, TooLate, WrongState
from helpdesk.models import (
    OPEN,
    Assignment,
    AuditEntry,
    Conversation,
    Department,
    Direction,
    Entry,
    Priority,
    State,
    Topic,
)
from helpdesk.registries import Sweep, sweeps
from helpdesk.services import (
    assignment,
    audit,
    backing,
    escalation,
    links,
    mentions,
    receiving,
    timeline,
)
from helpdesk.services.holding import give
from helpdesk.tenancy import organization_transaction

LONGEST_SNOOZE = timedelta(days=90)
# A resolved conversation that the customer does not take up again is closed after this time.
CLOSE_AFTER = timedelta(days=3)
BATCH = 200


def snooze(by: Access, conversation_id: int, until: datetime) -> Conversation:
    """Set a conversation aside until a time; its owner keeps it. Raises Invalid, NotFound, Refused, WrongState."""
    now = timezone.now()
    if not now < until <= now + LONGEST_SNOOZE:
        raise Invalid(field="until")
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_RESOLVE, lock=True
        )
        if conversation.state not in {State.OPEN, State.WAITING, State.SNOOZED}:
            raise WrongState
        timeline.set_state(conversation, State.SNOOZED)
        conversation.snoozed_until = until
        timeline.add_entry(
            conversation, Entry.Kind.SNOOZED, at=now, actor_id=by.staff_id, until=until.isoformat()
        )
        conversation.save()
        audit.record("conversation.snoozed", conversation, by, until=until.isoformat())
    return conversation


def wake(by: Access, conversation_id: int) -> Conversation:
    """Bring a snoozed conversation back before its time; raises NotFound, Refused, WrongState."""
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_RESOLVE, lock=True
        )
        if conversation.state != State.SNOOZED:
            raise WrongState
        _wake(conversation, timezone.now(), by=by)
    return conversation


def wake_due(now: datetime) -> int:
    """Bring back the conversations whose snooze is over; returns how many."""
    with organization_transaction():
        due = Conversation.objects.filter(snoozed_until__lte=now).order_by("id")
        ids = list(due.values_list("id", flat=True)[:BATCH])
    woken = 0
    for conversation_id in ids:
        with organization_transaction():
            conversation = timeline.lock(conversation_id)
            if conversation.snoozed_until is None or conversation.snoozed_until > now:
                continue
            _wake(conversation, now)
            woken += 1
    return woken


def _wake(conversation: Conversation, now: datetime, *, by: Access | None = None) -> None:
    state = State.OPEN if conversation.waiting_since else State.WAITING
    timeline.set_state(conversation, state)
    conversation.snoozed_until = None
    actor_id = by.staff_id if by else None
    timeline.add_entry(conversation, Entry.Kind.WOKEN, at=now, actor_id=actor_id)
    conversation.save()
    audit.record("conversation.woken", conversation, by)


def resolve(by: Access, conversation_id: int) -> Conversation:
    """Resolve a conversation: its episode ends, the owner is free, guests lose access.

    Raises NotFound, Refused, WrongState when it is not open.
    """
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_RESOLVE, lock=True
        )
        resolve_locked(conversation, by=by)
    return conversation


def resolve_locked(
    conversation: Conversation,
    *,
    by: Access | None = None,
    actor: AuditEntry.Actor | None = None,
) -> None:
    """Resolve a conversation whose row is locked, for a colleague, the customer or a sweep; it is saved.

    Without `by`, the trail says that it was the system unless `actor` says otherwise.
    """
    if not conversation.is_open:
        raise WrongState
    now = timezone.now()
    owner_id = finish(conversation, Assignment.Ending.RESOLVED, now, by=by, actor=actor)
    conversation.state = State.RESOLVED
    conversation.resolved_at = now
    timeline.add_entry(
        conversation,
        Entry.Kind.RESOLVED,
        at=now,
        actor_id=by.staff_id if by else None,
        episode=conversation.episode,
        staff=owner_id,
    )
    conversation.save()
    audit.record(
        "conversation.resolved", conversation, by, actor=actor, episode=conversation.episode
    )
    timeline.changed(conversation)


def finish(
    conversation: Conversation,
    ending: Assignment.Ending,
    now: datetime,
    *,
    by: Access | None = None,
    actor: AuditEntry.Actor | None = None,
) -> int | None:
    """End what runs in a conversation: its escalation, who was called in, who holds it; returns who did.

    The row must be locked; the caller sets the state and saves it.
    """
    escalation.finish(conversation, now, by=by, actor=actor)
    mentions.end_all(conversation, now, by=by, actor=actor)
    owner_id = timeline.end_assignment(conversation, ending, now)
    conversation.owner = conversation.queue = None
    conversation.wanted_skill = None
    conversation.queued_at = conversation.snoozed_until = conversation.waiting_since = None
    conversation.route_at = None
    return owner_id


def undo_resolve(by: Access, conversation_id: int) -> Conversation:
    """Reopen what the person has just resolved; who held it themselves hold it again, if they have room.

    For 30 seconds. Raises NotFound, Refused, TooLate, WrongState.
    """
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_RESOLVE, lock=True
        )
        resolved = Entry.objects.filter(conversation=conversation, kind=Entry.Kind.RESOLVED)
        last = resolved.order_by("-number").first()
        if last is None or last.actor_id != by.staff_id:
            raise NotFound
        if timezone.now() > last.at + assignment.UNDO_FOR:
            raise TooLate
        _reopen(by, conversation)
        if last.data.get("staff") == by.staff_id:
            _take_up_again(by, conversation, since=last.at)
    return conversation


def _take_up_again(by: Access, conversation: Conversation, *, since: datetime) -> None:
    if not by.can_answer(conversation.department_id, conversation.topic_id):
        return
    if conversation.last_direction == Direction.OUT:
        conversation.waiting_since = None
    with suppress(OverCapacity, NotAvailable), organization_transaction():
        give(conversation, by.staff_id, Assignment.Mode.REOPENED, by=by)
        conversation.save(update_fields=["waiting_since"])
        backing.again(conversation, by.staff_id, since=since)


def reopen(by: Access, conversation_id: int) -> Conversation:
    """Reopen a resolved or closed conversation in its department's queue; raises NotFound, Refused, WrongState."""
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_RESOLVE, lock=True
        )
        _reopen(by, conversation)
    return conversation


def _reopen(by: Access, conversation: Conversation) -> None:
    if conversation.is_open or has_successor(conversation):
        raise WrongState
    if links.is_merged(conversation.pk):
        raise WrongState(_("It was merged into another conversation: undo that first."))
    receiving.reopen(conversation, actor_id=by.staff_id)
    audit.record("conversation.reopened", conversation, by, episode=conversation.episode)


def has_successor(conversation: Conversation) -> bool:
    """Tell whether the thread has a newer conversation that is not closed, or an older one that is open again."""
    thread = Conversation.objects.filter(
        channel_id=conversation.channel_id,
        identity_id=conversation.identity_id,
        thread_key=conversation.thread_key,
    )
    newer = Q(pk__gt=conversation.pk) & ~Q(state=State.CLOSED)
    return bool(thread.exclude(pk=conversation.pk).filter(newer | OPEN).exists())


def close_due(now: datetime) -> int:
    """Close what has been resolved for three days; returns how many."""
    with organization_transaction():
        due = Conversation.objects.filter(state=State.RESOLVED, resolved_at__lte=now - CLOSE_AFTER)
        ids = list(due.order_by("resolved_at").values_list("id", flat=True)[:BATCH])
    closed = 0
    for conversation_id in ids:
        with organization_transaction():
            conversation = timeline.lock(conversation_id)
            if conversation.state != State.RESOLVED:
                continue
            conversation.state = State.CLOSED
            conversation.closed_at = now
            timeline.add_entry(conversation, Entry.Kind.CLOSED, at=now)
            conversation.save()
            audit.record("conversation.closed", conversation)
            closed += 1
    return closed


def set_topic(by: Access, conversation_id: int, topic_id: int | None) -> Conversation:
    """Correct the topic; the engine leaves it alone from then on.

    A conversation that still waits moves to the topic's department. Raises NotFound, Refused.
    """
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_REPLY, lock=True
        )
        topic = Topic.objects.filter(pk=topic_id, is_active=True).first() if topic_id else None
        if topic_id and topic is None:
            raise NotFound
        before = conversation.topic_id
        conversation.topic = topic
        conversation.topic_confidence = 1.0 if topic else None
        conversation.topic_is_fixed = topic is not None
        if topic and conversation.state == State.QUEUED:
            move_to_department(conversation, topic.department_id)
        timeline.add_entry(
            conversation,
            Entry.Kind.TOPIC_CHANGED,
            actor_id=by.staff_id,
            topic=topic_id,
            before=before,
        )
        timeline.wake_router(conversation)
        conversation.save()
        audit.record("conversation.topic_changed", conversation, by, topic=topic_id, before=before)
    return conversation


def move_to_department(conversation: Conversation, department_id: int) -> None:
    """Let a queued conversation wait with another department; the caller holds the lock and saves."""
    if conversation.department_id == department_id:
        return
    conversation.department = Department.objects.get(pk=department_id)
    conversation.queue = receiving.queue_of(department_id)
    events.publish(
        events.ConversationQueued(
            conversation.organization_id, conversation.pk, conversation.last_number
        )
    )


def set_priority(by: Access, conversation_id: int, priority: str) -> Conversation:
    """Set the priority; the one it has already changes nothing. Raises Invalid, NotFound, Refused."""
    if priority not in Priority.values:
        raise Invalid(field="priority")
    with organization_transaction():
        conversation = visible_conversation(
            by, conversation_id, permissions.CONVERSATION_REPLY, lock=True
        )
        if conversation.priority == priority:
            return conversation
        before, conversation.priority = conversation.priority, Priority(priority)
        timeline.add_entry(
            conversation,
            Entry.Kind.PRIORITY_CHANGED,
            actor_id=by.staff_id,
            priority=priority,
            before=before,
        )
        timeline.wake_router(conversation)
        conversation.save()
        audit.record("conversation.priority_changed", conversation, by, priority=priority)
    return conversation


def seen_by_owner(by: Access, conversation_id: int, number: int) -> None:
    """Mark entries up to `number` as seen by the owner; does nothing for anybody else."""
    with organization_transaction():
        Conversation.objects.filter(
            pk=conversation_id,
            owner_id=by.staff_id,
            owner_seen_number__lt=number,
            last_number__gte=number,
        ).update(owner_seen_number=number)
        mentions.seen(by, conversation_id)


def seen_by_customer(conversation_id: int, number: int) -> None:
    """Mark entries up to `number` as seen by the customer; moves forward only."""
    with organization_transaction():
        Conversation.objects.filter(
            pk=conversation_id, customer_seen_number__lt=number, last_number__gte=number
        ).update(customer_seen_number=number)


sweeps.register("snoozed", Sweep(run=wake_due, queue="snooze"))
sweeps.register("close", Sweep(run=close_due, queue="close", every_seconds=60))
