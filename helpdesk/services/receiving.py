"""A customer's message becomes an entry: identity -> customer -> conversation -> entry.

What nobody wrote, such as an absence note, joins its conversation quietly: it opens nothing again, asks
nobody and stops no clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet, Subquery
from django.utils import timezone

from helpdesk import events
from helpdesk.errors import Invalid
from helpdesk.models import (
    OPEN,
    Attachment,
    AuditEntry,
    Channel,
    Conversation,
    Direction,
    Entry,
    Identity,
    Letter,
    Message,
    Priority,
    Queue,
    State,
)
from helpdesk.services import audit, indexing, links, timeline
from helpdesk.services.identifying import Sender, identify
from helpdesk.tenancy import organization_transaction
from helpdesk.text import language_of

MAXIMUM_TEXT = 20_000
# What a customer's word changes of a conversation.
SPOKEN = [
    *("state", "snoozed_until", "waiting_since", "route_at", "last_number", "last_text"),
    *("last_direction", "last_message_at", "customer_seen_number"),
]


@dataclass(frozen=True)
class Received:
    """Where a message went; `is_repeated` when it was there already."""

    conversation_id: int
    number: int
    message_id: int
    is_repeated: bool = False


@dataclass(frozen=True)
class Arrival:
    """What somebody said, and where it belongs among what they said before."""

    text: str
    client_ref: str
    attachment_ids: tuple[str, ...] = ()
    # Rows of `files.prepare`, to be stored with the message.
    files: tuple[Attachment, ...] = ()
    thread_key: str = ""
    subject: str = ""
    provider_id: str = ""
    at: datetime | None = None
    # Taken over from before we were there: `at` is long ago, and nobody has waited for us since.
    is_of_the_past: bool = False
    revision: int = 0
    # A row to be stored with the message; without it, it came as chat.
    letter: Letter | None = None

    @property
    def is_automatic(self) -> bool:
        return self.letter is not None and bool(self.letter.automatic)


def receive(
    channel: Channel,
    sender: Sender,
    *,
    text: str,
    client_ref: str,
    attachment_ids: Iterable[str] = (),
    thread_key: str = "",
    subject: str = "",
    provider_id: str = "",
    at: datetime | None = None,
) -> Received:
    """Store a customer's message in their open conversation, or in a new or reopened one.

    The same `client_ref` again in the conversation is the same message. Runs inside the caller's
    transaction when there is one, so that the caller can store the raw input with it.
    Raises Invalid for a message without text and files.
    """
    arrival = Arrival(
        text,
        client_ref,
        tuple(attachment_ids),
        thread_key=thread_key,
        subject=subject,
        provider_id=provider_id,
        at=at,
    )
    with organization_transaction():
        return receive_from(identify(channel, sender), arrival)


def receive_from(
    identity: Identity, arrival: Arrival, *, place: Conversation | None = None
) -> Received:
    """Store what a known address said, as `receive` does; the transaction is open.

    `place` is the conversation that is meant, locked; a closed one is followed by another.
    A letter may have no text.
    """
    has_files = arrival.attachment_ids or arrival.files
    if not arrival.text.strip() and not has_files and arrival.letter is None:
        raise Invalid(field="text")
    conversation = _conversation_of(identity, arrival, place)
    is_new = conversation.last_number == 0
    repeated = None if is_new else _repeated(conversation, arrival.client_ref)
    return repeated or _append(conversation, identity, arrival)


def receive_unreadable(identity: Identity, *, subject: str, **facts: Any) -> Entry:
    """Show colleagues that something came which could not be read, in a conversation of its own.

    `facts` go into the entry as small JSON values. What else a sender sends that cannot be read
    joins the same conversation.
    """
    arrival = Arrival("", "", thread_key="unreadable", subject=subject)
    return receive_happening(identity, arrival, Entry.Kind.QUARANTINED, shown=subject, **facts)


def receive_happening(
    identity: Identity, arrival: Arrival, kind: Entry.Kind, *, shown: str, **facts: Any
) -> Entry:
    """Add what a customer did, and is no message, to the conversation that they are answered in.

    Somebody is asked as after a message. `shown` is what lists show of it; `facts` go into the entry as
    small JSON values.
    """
    with organization_transaction():
        conversation = _conversation_of(identity, arrival)
        is_new = conversation.last_number == 0
        now = arrival.at or timezone.now()
        entry = timeline.add_entry(conversation, kind, at=now, **facts)
        _customer_spoke(conversation, shown, at=now, since=now)
        if is_new:
            _tell_queued(conversation)
    return entry


def _repeated(conversation: Conversation, client_ref: str) -> Received | None:
    rows = Message.objects.filter(conversation=conversation, client_ref=client_ref)
    found = rows.values_list("entry__number", "pk").first()
    return Received(conversation.pk, *found, is_repeated=True) if found else None


def _conversation_of(
    identity: Identity, arrival: Arrival, place: Conversation | None = None
) -> Conversation:
    """Return the open conversation of the thread, locked; reopened or made when there is none."""
    if place is not None and (arrival.is_automatic or place.state != State.CLOSED):
        return _opened(place, arrival)
    thread = Conversation.objects.filter(
        channel_id=identity.channel_id, identity=identity, thread_key=arrival.thread_key
    )
    answerable = thread if arrival.is_automatic else thread.exclude(state=State.CLOSED)
    found = answerable.select_for_update(no_key=True).order_by("-id").first()
    if not arrival.is_automatic and (found is None or not found.is_open):
        # A part of it that goes on, or what it was merged into.
        newer = links.open_part(identity, thread, after=found.pk if found else 0)
        found = newer or found or _merged(thread)
    if found is None:
        try:
            with transaction.atomic():
                return _new_conversation(identity, arrival)
        except IntegrityError:
            return thread.select_for_update(no_key=True).get(OPEN)
    return _opened(found, arrival)


def _merged(thread: QuerySet[Conversation]) -> Conversation | None:
    """Return where the thread goes on whose newest conversation was merged into another, locked.

    That is the other one, or itself again where the other is behind another door. None where the other is closed,
    too: a new one begins.
    """
    newest = thread.order_by("-id").values("pk")[:1]
    found = links.standing(links.Kind.MERGE).filter(source_id=Subquery(newest)).first()
    chain = links.lock_merged(found.source_id) if found else []
    if len(chain) < 2:
        return None
    rows = Conversation.objects.select_related("channel").in_bulk([chain[0], chain[-1]])
    own, last = rows[chain[0]], rows[chain[-1]]
    if last.state == State.CLOSED:
        return None
    if links.is_one_door(own, last):
        return last
    links.come_apart(own, chain[1])
    return own


def _opened(conversation: Conversation, arrival: Arrival) -> Conversation:
    """Reopen a resolved conversation, unless nobody wrote what arrives."""
    if not conversation.is_open and not arrival.is_automatic:
        reopen(conversation, at=arrival.at)
    return conversation


def _new_conversation(identity: Identity, arrival: Arrival) -> Conversation:
    places = Queue.objects.filter(Q(channels=identity.channel_id) | Q(is_default=True))
    # The channel's own before the default of the organization, where it has one.
    queue = places.annotate(is_own=Q(channels=identity.channel_id)).order_by("-is_own")[0]
    now = timezone.now() if arrival.is_of_the_past else arrival.at or timezone.now()
    # Whoever merges customers waits for us, or we see whose it is by now.
    holder = Identity.objects.select_for_update(no_key=True).filter(pk=identity.pk)
    conversation = Conversation.objects.create(
        customer_id=holder.values_list("customer_id", flat=True).get(),
        identity=identity,
        channel_id=identity.channel_id,
        thread_key=arrival.thread_key,
        subject=arrival.subject[:200],
        priority=Priority.LOW if arrival.is_automatic else Priority.NORMAL,
        department_id=queue.department_id,
        queue=queue,
        opened_at=now,
        queued_at=now,
        waiting_since=now,
        route_at=now,
    )
    audit.record("conversation.opened", conversation, actor=AuditEntry.Actor.CUSTOMER)
    return conversation


def reopen(
    conversation: Conversation, *, at: datetime | None = None, actor_id: int | None = None
) -> None:
    """Put a resolved conversation back into its department's queue as a new episode.

    The row must be locked; it is saved.
    """
    now = at or timezone.now()
    conversation.state = State.QUEUED
    conversation.queue = queue_of(conversation.department_id)
    conversation.queued_at = conversation.waiting_since = now
    conversation.episode += 1
    conversation.resolved_at = conversation.closed_at = None
    timeline.add_entry(conversation, Entry.Kind.REOPENED, at=now, actor_id=actor_id)
    if actor_id is None:
        audit.record("conversation.reopened", conversation, actor=AuditEntry.Actor.CUSTOMER)
    timeline.wake_router(conversation)
    conversation.save()
    _tell_queued(conversation)


def queue_of(department_id: int) -> Queue:
    """Return the department's queue; the organization's default when it has none."""
    own = Queue.objects.filter(department_id=department_id).order_by("-is_default", "id").first()
    return own or Queue.objects.get(is_default=True)


def _append(conversation: Conversation, identity: Identity, arrival: Arrival) -> Received:
    now = arrival.at or timezone.now()
    is_new = conversation.last_number == 0
    entry = timeline.add_entry(conversation, Entry.Kind.MESSAGE, at=now)
    text = arrival.text[:MAXIMUM_TEXT]
    message = Message.objects.create(
        entry=entry,
        conversation=conversation,
        direction=Direction.IN,
        text=text,
        # Known before anybody is shown the message: what is shown later equals what was shown first.
        language=language_of(text),
        client_ref=arrival.client_ref,
        provider_id=arrival.provider_id,
        revision=arrival.revision,
    )
    if arrival.letter is not None:
        arrival.letter.message = message
        arrival.letter.save(force_insert=True)
    claim_files(message, list(arrival.attachment_ids), identity_id=identity.pk)
    for file in arrival.files:
        file.message = message
        file.save(force_insert=True)
    has_files = bool(arrival.attachment_ids or arrival.files)
    indexing.index(message, arrival.letter, has_files=has_files)
    received = Received(conversation.pk, entry.number, message.pk)
    if arrival.is_automatic and not is_new:
        conversation.save(update_fields=["last_number"])
        return received
    since = timezone.now() if arrival.is_of_the_past else now
    _customer_spoke(conversation, text or arrival.subject, at=now, since=since)
    if is_new:
        _tell_queued(conversation)
    events.publish(
        events.MessageReceived(conversation.organization_id, conversation.pk, entry.number)
    )
    return received


def _customer_spoke(
    conversation: Conversation, text: str, *, at: datetime, since: datetime
) -> None:
    if conversation.state == State.SNOOZED:
        conversation.snoozed_until = None
    if conversation.state in {State.WAITING, State.SNOOZED}:
        timeline.set_state(conversation, State.OPEN)
        audit.record("conversation.resumed", conversation, actor=AuditEntry.Actor.CUSTOMER)
    conversation.waiting_since = conversation.waiting_since or since
    conversation.last_text = timeline.preview(text)
    conversation.last_direction = Direction.IN
    conversation.last_message_at = at
    conversation.customer_seen_number = conversation.last_number
    timeline.wake_router(conversation)
    conversation.save(update_fields=SPOKEN)


def claim_files(
    message: Message,
    files: list[str],
    *,
    identity_id: int | None = None,
    staff_id: int | None = None,
) -> None:
    """Attach uploaded files to their message; raises Invalid when one is not the sender's own."""
    if not files:
        return
    loose = Attachment.objects.filter(public_id__in=files, message__isnull=True)
    sender = {"identity_id": identity_id} if identity_id else {"staff_id": staff_id or 0}
    own = loose.filter(**sender)
    if own.update(message=message) != len(set(files)):
        raise Invalid(field="attachments")


def _tell_queued(conversation: Conversation) -> None:
    events.publish(
        events.ConversationQueued(
            conversation.organization_id, conversation.pk, conversation.last_number
        )
    )
