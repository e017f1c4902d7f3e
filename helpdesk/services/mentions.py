"""Calling a colleague into a conversation: access for a set time."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from helpdesk import events, permissions
from helpdesk.access import Access, colleagues, running_mentions
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import Invalid, NotFound, Refused
from helpdesk.models import AuditEntry, Conversation, Entry, Mention, Staff
from helpdesk.registries import Sweep, sweeps
from helpdesk.services import audit, timeline
from helpdesk.tenancy import organization_transaction

ACCESS_FOR = timedelta(hours=8)
LONGEST_ACCESS = timedelta(days=14)
MOST_AT_ONCE = 20
BATCH = 100


def call_in(
    by: Access,
    conversation: Conversation,
    entry: Entry,
    staff_ids: Iterable[int],
    access_for: timedelta = ACCESS_FOR,
) -> list[Mention]:
    """Give colleagues access to the conversation, whose row is locked; the caller saves it.

    Who was called in gives access for as long as their own lasts. Somebody called in again has one
    access, until the later of both times. Raises Invalid for too many, for a time that is not within
    14 days, and for somebody who does not work here.
    """
    called = _wanted(by, staff_ids, access_for)
    if not called:
        return []
    now = timezone.now()
    until = _own_limit(by, conversation, now + access_for)
    earlier = _take_over(conversation, called, now)
    made = Mention.objects.bulk_create(
        Mention(
            conversation=conversation,
            entry=entry,
            staff=person,
            by_id=by.staff_id,
            at=now,
            access_until=max(until, earlier.get(person.pk, until)),
        )
        for person in called
    )
    for person in called:
        audit.record("conversation.mentioned", conversation, by, staff=person.pk)
        events.publish(
            events.StaffMentioned(
                conversation.organization_id, conversation.pk, entry.number, staff_id=person.pk
            )
        )
    return made


def _wanted(by: Access, staff_ids: Iterable[int], access_for: timedelta) -> list[Staff]:
    ids = set(staff_ids) - {by.staff_id}
    if len(ids) > MOST_AT_ONCE or (ids and not timedelta(0) < access_for <= LONGEST_ACCESS):
        raise Invalid(field="mentions")
    called = list(colleagues(by).filter(pk__in=ids).order_by("pk")) if ids else []
    if len(called) != len(ids):
        raise Invalid(field="mentions")
    return called


def _own_limit(by: Access, conversation: Conversation, wanted: datetime) -> datetime:
    """Return until when the person may give access: a guest no longer than they are one."""
    if by.may(permissions.CONVERSATION_NOTE, conversation):
        return wanted
    own = running_mentions(by.staff_id).filter(conversation=conversation).first()
    if own is None:
        raise Refused
    return min(wanted, own.access_until)


def _take_over(
    conversation: Conversation, called: list[Staff], now: datetime
) -> dict[int, datetime]:
    """End what these colleagues have running for a new access; returns until when each of it ran."""
    running = Mention.objects.filter(
        conversation=conversation, staff__in=called, ended_at__isnull=True
    )
    earlier = dict(running.values_list("staff_id", "access_until"))
    if earlier:
        running.update(ended_at=now)
    return earlier


def end_access(by: Access, mention_id: int, *, conversation_id: int | None = None) -> None:
    """End a colleague's access before its time; the second time changes nothing.

    Raises NotFound, also for a mention of another conversation than the one given.
    """
    with organization_transaction():
        mention = Mention.objects.filter(pk=mention_id).first()
        if mention is None or conversation_id not in {None, mention.conversation_id}:
            raise NotFound
        conversation = visible_conversation(by, mention.conversation_id, lock=True)
        if mention.by_id != by.staff_id and conversation.owner_id != by.staff_id:
            raise NotFound
        mention.refresh_from_db(fields=["ended_at"])
        _end(conversation, [mention], timezone.now(), by=by, is_by_hand=True)
        conversation.save()


def end_all(
    conversation: Conversation,
    now: datetime,
    *,
    by: Access | None = None,
    actor: AuditEntry.Actor | None = None,
) -> None:
    """End everybody's access because the conversation is over; the row must be locked, the caller saves it."""
    running = Mention.objects.filter(conversation=conversation, ended_at__isnull=True)
    _end(conversation, list(running.order_by("id")), now, by=by, actor=actor)


def seen(by: Access, conversation_id: int) -> None:
    """Mark the mentions of the person in this conversation as seen."""
    Mention.objects.filter(
        conversation_id=conversation_id, staff_id=by.staff_id, seen_at__isnull=True
    ).update(seen_at=timezone.now())


def end_due(now: datetime) -> int:
    """End the accesses whose time is over; returns how many."""
    with organization_transaction():
        due = Mention.objects.filter(ended_at__isnull=True, access_until__lte=now)
        ids = due.order_by("conversation_id").values_list("conversation_id", flat=True)
        conversations = list(ids[:BATCH])
    ended = 0
    for conversation_id in dict.fromkeys(conversations):
        with organization_transaction():
            conversation = timeline.lock(conversation_id)
            mentions = list(due.filter(conversation_id=conversation_id).order_by("id"))
            _end(conversation, mentions, now)
            conversation.save()
            ended += len(mentions)
    return ended


def _end(
    conversation: Conversation,
    mentions: list[Mention],
    now: datetime,
    *,
    by: Access | None = None,
    actor: AuditEntry.Actor | None = None,
    is_by_hand: bool = False,
) -> None:
    """End these accesses; the caller saves the conversation. The entry names who ended one by hand."""
    open_ones = [mention for mention in mentions if mention.ended_at is None]
    if not open_ones:
        return
    Mention.objects.filter(
        pk__in=[mention.pk for mention in open_ones], ended_at__isnull=True
    ).update(ended_at=now)
    staff = sorted({mention.staff_id for mention in open_ones})
    actor_id = by.staff_id if by and is_by_hand else None
    timeline.add_entry(
        conversation, Entry.Kind.MENTION_ENDED, at=now, actor_id=actor_id, staff=staff
    )
    for staff_id in staff:
        audit.record("conversation.access_ended", conversation, by, actor=actor, staff=staff_id)
        events.publish(events.AccessChanged(conversation.organization_id, staff_id))


sweeps.register("mentions", Sweep(run=end_due, queue="mention"))
