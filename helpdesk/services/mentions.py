"""Calling a colleague into a conversation: access for a set time.

Who sees a conversation only because they were called in is its guest. A colleague has one access to a
conversation. Called in once more, they are told again, and the weightier call decides: one by somebody with a
right of their own outweighs a guest's, and among equals the longer one counts. It is ended by the owner and by
whoever has called the colleague in, a guest only while no weightier call stands. It ends together with what
its holder, as a guest, gave to others; called back they are by somebody with a right of their own.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from helpdesk import events, permissions
from helpdesk.access import Access, access_of_id, colleagues, running_mentions
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
) -> None:
    """Give colleagues access to the conversation, whose row is locked; the caller saves it.

    A guest gives it for as long as their own lasts. Raises Invalid for too many, for a time that is not
    within 14 days, and for somebody who does not work here; Refused for a guest who calls somebody back.
    """
    called = _wanted(by, staff_ids, access_for)
    if not called:
        return
    now = timezone.now()
    until = _own_limit(by, conversation, now + access_for)
    if _is_guest(by, conversation):
        _check_not_ended(conversation, called)
    earlier = _outweighed(by, conversation, called, until, now)
    Mention.objects.bulk_create(
        Mention(
            conversation=conversation,
            entry=entry,
            staff_id=staff_id,
            by_id=by.staff_id,
            at=now,
            access_until=max(until, before),
            behind_id=behind_id,
        )
        for staff_id, (before, behind_id) in earlier.items()
    )
    for person in called:
        audit.record("conversation.mentioned", conversation, by, staff=person.pk)
        events.publish(
            events.StaffMentioned(
                conversation.organization_id, conversation.pk, entry.number, staff_id=person.pk
            )
        )


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
    if not _is_guest(by, conversation):
        return wanted
    own = running_mentions(by.staff_id).filter(conversation=conversation).first()
    if own is None:
        raise Refused
    return min(wanted, own.access_until)


def _is_guest(access: Access, conversation: Conversation) -> bool:
    """Tell whether the person may see the conversation at most because they were called in."""
    return not access.may(permissions.CONVERSATION_NOTE, conversation)


def _is_given_by_guest(mention: Mention, conversation: Conversation) -> bool:
    return mention.by_id is not None and _is_guest(access_of_id(mention.by_id), conversation)


def _check_not_ended(conversation: Conversation, called: list[Staff]) -> None:
    """Raise Refused when somebody ended the last access of one of these by hand."""
    rows = Mention.objects.filter(conversation=conversation, staff__in=called)
    last = rows.order_by("staff_id", "-id").distinct("staff_id")
    by_hand = Entry.objects.filter(
        conversation=conversation,
        kind=Entry.Kind.MENTION_ENDED,
        at__in=[mention.ended_at for mention in last if mention.ended_at],
        actor__isnull=False,
    )
    if by_hand.exists():
        raise Refused(_("Only who works on this conversation may call this colleague back."))


def _outweighed(
    by: Access, conversation: Conversation, called: list[Staff], until: datetime, now: datetime
) -> dict[int, tuple[datetime, int | None]]:
    """Return who gets a new access, and until when and behind whom the one they had ran; ends those.

    The others keep the one they have, which waits for an answer again.
    """
    rows = Mention.objects.filter(
        conversation=conversation, staff__in=called, ended_at__isnull=True
    )
    weight = (not _is_guest(by, conversation), until)
    earlier: dict[int, tuple[datetime, int | None]] = {
        person.pk: (until, None) for person in called
    }
    kept, ended = [], []
    for mention in rows:
        earlier_weight = (not _is_given_by_guest(mention, conversation), mention.access_until)
        if mention.access_until > now and earlier_weight >= weight:
            del earlier[mention.staff_id]
            kept.append(mention.pk)
        else:
            earlier[mention.staff_id] = (mention.access_until, mention.behind_id)
            ended.append(mention.pk)
    rows.filter(pk__in=kept).update(seen_at=None, answered_at=None)
    rows.filter(pk__in=ended).update(ended_at=now)
    return earlier


def end_access(by: Access, mention_id: int, *, conversation_id: int | None = None) -> None:
    """End a colleague's access before its time; the second time changes nothing.

    Raises NotFound for who may not, and for a mention of another conversation than the one given.
    """
    with organization_transaction():
        mention = Mention.objects.filter(pk=mention_id).first()
        if mention is None or conversation_id not in {None, mention.conversation_id}:
            raise NotFound
        conversation = visible_conversation(by, mention.conversation_id, lock=True)
        mention.refresh_from_db(fields=["ended_at"])
        if not endable(by, conversation, [mention]):
            raise NotFound
        if mention.ended_at is None:
            given = _given_by_guests(conversation, mention)
            _end(conversation, [mention, *given], timezone.now(), by=by, is_by_hand=True)
            conversation.save()


def endable(by: Access, conversation: Conversation, given: list[Mention]) -> set[int]:
    """Return the ids of those of the conversation's accesses that the person may end."""
    if not given or conversation.owner_id == by.staff_id:
        return {mention.pk for mention in given}
    calls = Mention.objects.filter(conversation=conversation, by_id=by.staff_id)
    called = set(calls.values_list("staff_id", flat=True))
    is_guest = _is_guest(by, conversation)
    return {
        mention.pk
        for mention in given
        if mention.staff_id in called
        and (not is_guest or _is_given_by_guest(mention, conversation))
    }


def _given_by_guests(conversation: Conversation, ended: Mention) -> list[Mention]:
    """Return what the holder of an access gave to others as a guest, what those gave, and so on."""
    running = Mention.objects.filter(conversation=conversation, ended_at__isnull=True)
    rest = list(running.exclude(pk=ended.pk).order_by("id"))
    givers, found = [ended.staff_id], []
    while givers:
        giver = givers.pop()
        if _is_guest(access_of_id(giver), conversation):
            theirs = [mention for mention in rest if mention.by_id == giver]
            rest = [mention for mention in rest if mention.by_id != giver]
            found += theirs
            givers += [mention.staff_id for mention in theirs]
    return found


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
