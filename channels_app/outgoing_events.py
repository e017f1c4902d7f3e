"""What happens to a webhook's conversations, told to the system behind it.

The trail of who did what says in which conversations something happened, exactly and in the order of
its transactions; their entries say what. Messages are told by whoever stores them. The text of a note
never leaves, nor does who works here beyond the name that customers see.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection
from django.utils import translation

from channels_app.models import Dispatch, EventFeed
from channels_app.services.dispatching import dispatch
from helpdesk.models import AuditEntry, Channel, Conversation, Entry, Message, Staff
from helpdesk.registries import Sweep, sweeps
from helpdesk.services import links
from helpdesk.tenancy import organization_transaction

KIND = "webhook"
STORED = "message.stored"
# What is told of entries.
NAMES: dict[str, str] = {
    Entry.Kind.QUEUED: "conversation.queued",
    Entry.Kind.ASSIGNED: "conversation.assigned",
    Entry.Kind.RELEASED: "conversation.released",
    Entry.Kind.TRANSFERRED: "conversation.transferred",
    Entry.Kind.SNOOZED: "conversation.snoozed",
    Entry.Kind.WOKEN: "conversation.woken",
    Entry.Kind.RESOLVED: "conversation.resolved",
    Entry.Kind.REOPENED: "conversation.reopened",
    Entry.Kind.CLOSED: "conversation.closed",
    Entry.Kind.RATED: "conversation.rated",
}
# How much of the trail is read at once; whole transactions.
MOST_TRAIL = 2000


def tell_new(now: datetime) -> int:
    """Dispatch what happened since the last look to the systems that asked for it; returns how much."""
    with organization_transaction():
        channels = list(Channel.objects.filter(kind=KIND).order_by("pk"))
        if not channels:
            return 0
        asking = [each for each in channels if wanted(each)]
        EventFeed.objects.exclude(channel__in=asking).delete()
    return sum(_tell_channel(channel, now) for channel in asking)


def message_stored(channel: Channel, message_id: int) -> Dispatch | None:
    """Tell that a message of the other system is stored; inside the transaction that stores it."""
    if channel.kind != KIND or STORED not in wanted(channel):
        return None
    message = Message.objects.select_related("conversation", "entry").get(pk=message_id)
    own: dict[str, object] = {"id": message.provider_id or message.client_ref}
    return _dispatch(channel, message.conversation, message.entry, STORED, own)


def wanted(channel: Channel) -> frozenset[str]:
    """Return the events that a channel asked for; all where it only says yes."""
    asked = channel.settings.get("events") if channel.is_active else None
    if asked is True:
        return frozenset([*NAMES.values(), STORED])
    lines = asked.splitlines() if isinstance(asked, str) else asked
    return frozenset(str(each).strip() for each in lines) - {""} if lines else frozenset()


def _tell_channel(channel: Channel, now: datetime) -> int:
    """Tell what is new of one channel; somebody else's turn when its feed is locked."""
    with organization_transaction():
        horizon = _horizon()
        feed, is_new = EventFeed.objects.get_or_create(
            channel=channel, defaults={"since": now, "transaction": horizon}
        )
        rows = EventFeed.objects.select_for_update(skip_locked=True).filter(pk=feed.pk)
        locked: EventFeed | None = None if is_new else rows.first()
        if locked is None:
            return 0
        touched, until = _touched(channel, locked.transaction, horizon)
        told = sum(_tell_conversation(channel, pk, locked.since) for pk in touched)
        rows.update(transaction=until)
    return told


def _touched(channel: Channel, start: int, horizon: int) -> tuple[list[int], int]:
    """Return the channel's conversations in which something happened, and up to where that is known."""
    trail = AuditEntry.objects.filter(transaction__gte=start).order_by("transaction", "id")
    columns = ("transaction", "subject", "subject_id")
    rows = list(trail.filter(transaction__lt=horizon).values_list(*columns)[:MOST_TRAIL])
    if len(rows) == MOST_TRAIL:
        # The last transaction may go on: it is the next look's, unless there is no other.
        first, last = rows[0][0], rows[-1][0]
        horizon = last if last > first else first + 1
        rows = list(trail.filter(transaction__lt=horizon).values_list(*columns))
    ids = [pk for _transaction, subject, pk in rows if subject == "conversation" and pk]
    known = Conversation.objects.filter(pk__in=ids, channel_id=channel.pk)
    return list(known.order_by("pk").values_list("pk", flat=True)), horizon


def _tell_conversation(channel: Channel, conversation_id: int, since: datetime) -> int:
    names = wanted(channel)
    kinds = [kind for kind, name in NAMES.items() if name in names]
    conversation = Conversation.objects.get(pk=conversation_id)
    entries = Entry.objects.filter(conversation=conversation, kind__in=kinds, at__gte=since)
    entries = entries.exclude(number__in=_told(channel, conversation_id))
    entries = entries.select_related("actor").order_by("number")
    return sum(
        _dispatch(channel, conversation, entry, NAMES[entry.kind], _own(channel, entry)) is not None
        for entry in entries
    )


def _told(channel: Channel, conversation_id: int) -> Iterable[int]:
    """Return the numbers of the entries that were told of a conversation."""
    rows = Dispatch.objects.filter(
        channel_id=channel.pk, conversation_id=conversation_id, kind=Dispatch.Kind.EVENT
    )
    return list(rows.values_list("payload__event__data__number", flat=True))


def _dispatch(
    channel: Channel, conversation: Conversation, entry: Entry, name: str, own: dict[str, object]
) -> Dispatch | None:
    at = entry.at.isoformat()
    data = {
        "conversation": conversation.pk,
        "thread": links.thread_of(conversation),
        "to": {
            "id": conversation.identity.external_id,
            "name": conversation.identity.display_name,
        },
        "number": entry.number,
        "state": conversation.state,
        "at": at,
        **own,
    }
    return dispatch(
        channel,
        Dispatch.Kind.EVENT,
        dedup_key=f"entry {entry.pk} {name}",
        payload={"event": {"type": name, "data": data}, "sent_at": at},
        conversation_id=conversation.pk,
    )


def _own(channel: Channel, entry: Entry) -> dict[str, object]:
    """Return what only some events have: who holds it, or the stars that were given."""
    if entry.kind == Entry.Kind.RATED:
        return {"score": entry.data.get("score")}
    if entry.kind != Entry.Kind.ASSIGNED:
        return {}
    staff_id = entry.data.get("staff") or entry.actor_id or 0
    person = Staff.objects.filter(pk=staff_id).first()
    with translation.override(channel.language):
        return {"owner": {"name": person.label if person else ""}}


def _horizon() -> int:
    """Return the oldest transaction that still runs: below it, nothing can still appear."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])


sweeps.register("webhook_events", Sweep(run=tell_new))
