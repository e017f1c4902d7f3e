"""A customer's message becomes an entry: identity -> customer -> conversation -> entry."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from helpdesk import events
from helpdesk.errors import Invalid
from helpdesk.models import (
    OPEN,
    Attachment,
    AuditEntry,
    Channel,
    Conversation,
    Customer,
    Direction,
    Entry,
    Identity,
    Message,
    Queue,
    State,
)
from helpdesk.services import audit, timeline
from helpdesk.tenancy import organization_transaction
from helpdesk.text import language_of

MAXIMUM_TEXT = 20_000


@dataclass(frozen=True)
class Sender:
    """Who wrote, as the channel knows them."""

    external_id: str
    display_name: str = ""
    is_verified: bool = False
    language: str = ""
    # Known facts of a new customer: name, company, email, phone, place, tags, external_id.
    profile: dict[str, Any] = field(default_factory=dict)
    # What is kept with the identity, such as the page the visitor is on.
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Received:
    """Where a message went; `is_repeated` when it was there already."""

    conversation_id: int
    number: int
    message_id: int
    is_repeated: bool = False


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
    files = list(attachment_ids)
    if not text.strip() and not files:
        raise Invalid(field="text")
    with organization_transaction():
        identity = identify(channel, sender)
        conversation = _open_conversation(channel, identity, thread_key, subject, at)
        repeated = _repeated(conversation, client_ref)
        if repeated:
            return repeated
        return _append(
            conversation, identity, text[:MAXIMUM_TEXT], client_ref, files, provider_id, at
        )


def identify(channel: Channel, sender: Sender) -> Identity:
    """Return the identity behind an address, made with its customer when it is new."""
    rows = Identity.objects.filter(channel=channel, external_id=sender.external_id)
    found = rows.first()
    if found is None:
        try:
            with transaction.atomic():
                return _new_identity(channel, sender)
        except IntegrityError:
            found = rows.get()
    return found


def _new_identity(channel: Channel, sender: Sender) -> Identity:
    known = {"name", "company", "email", "phone", "place", "tags"}
    profile = {name: value for name, value in sender.profile.items() if name in known}
    profile.setdefault("name", sender.display_name)
    customer = Customer.objects.create(language=sender.language, **profile)
    return Identity.objects.create(
        customer=customer,
        channel=channel,
        external_id=sender.external_id,
        display_name=sender.display_name,
        is_verified=sender.is_verified,
        data=sender.data,
        seen_at=timezone.now(),
    )


def _repeated(conversation: Conversation, client_ref: str) -> Received | None:
    found = (
        Message.objects.filter(conversation=conversation, client_ref=client_ref)
        .select_related("entry")
        .first()
    )
    if found is None:
        return None
    return Received(conversation.pk, found.entry.number, found.pk, is_repeated=True)


def _open_conversation(
    channel: Channel, identity: Identity, thread_key: str, subject: str, at: datetime | None
) -> Conversation:
    """Return the open conversation of the thread, locked; reopened or made when there is none."""
    thread = Conversation.objects.filter(channel=channel, identity=identity, thread_key=thread_key)
    found = (
        thread.select_for_update(no_key=True).exclude(state=State.CLOSED).order_by("-id").first()
    )
    if found is None:
        try:
            with transaction.atomic():
                return _new_conversation(channel, identity, thread_key, subject, at)
        except IntegrityError:
            return thread.select_for_update(no_key=True).get(OPEN)
    if not found.is_open:
        reopen(found, at=at)
    return found


def _new_conversation(
    channel: Channel, identity: Identity, thread_key: str, subject: str, at: datetime | None
) -> Conversation:
    queue = channel.queue or Queue.objects.select_related("department").get(is_default=True)
    now = at or timezone.now()
    conversation = Conversation.objects.create(
        customer_id=identity.customer_id,
        identity=identity,
        channel=channel,
        thread_key=thread_key,
        subject=subject[:200],
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


def _append(
    conversation: Conversation,
    identity: Identity,
    text: str,
    client_ref: str,
    files: list[str],
    provider_id: str,
    at: datetime | None,
) -> Received:
    now = at or timezone.now()
    is_new = conversation.last_number == 0
    entry = timeline.add_entry(conversation, Entry.Kind.MESSAGE, at=now)
    message = Message.objects.create(
        entry=entry,
        conversation=conversation,
        direction=Direction.IN,
        text=text,
        # Known before anybody is shown the message: what is shown later equals what was shown first.
        language=language_of(text),
        client_ref=client_ref,
        provider_id=provider_id,
    )
    claim_files(message, files, identity_id=identity.pk)
    _customer_spoke(conversation, text, now)
    if is_new:
        _tell_queued(conversation)
    events.publish(
        events.MessageReceived(conversation.organization_id, conversation.pk, entry.number)
    )
    return Received(conversation.pk, entry.number, message.pk)


def _customer_spoke(conversation: Conversation, text: str, now: datetime) -> None:
    if conversation.state == State.SNOOZED:
        conversation.snoozed_until = None
    if conversation.state in {State.WAITING, State.SNOOZED}:
        timeline.set_state(conversation, State.OPEN)
        audit.record("conversation.resumed", conversation, actor=AuditEntry.Actor.CUSTOMER)
    conversation.waiting_since = conversation.waiting_since or now
    conversation.last_text = timeline.preview(text)
    conversation.last_direction = Direction.IN
    conversation.last_message_at = now
    conversation.customer_seen_number = conversation.last_number
    timeline.wake_router(conversation)
    conversation.save()


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
