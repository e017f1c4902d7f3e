"""What a customer said is edited or taken back: the newest version counts, whatever order they come in."""

from django.utils import timezone

from helpdesk import events
from helpdesk.models import Conversation, Direction, Message
from helpdesk.services import indexing, links, timeline
from helpdesk.services.receiving import MAXIMUM_TEXT
from helpdesk.tenancy import organization_transaction
from helpdesk.text import language_of


def edit(
    channel_id: int, identity_id: int | None, provider_id: str, *, text: str, revision: int
) -> int | None:
    """Put a newer text in the place of a message's; returns its entry's id, None when there is none.

    `identity_id` is whose message it must be; None where the channel itself speaks for all of its senders.
    An older version than the one that is shown changes nothing.
    """
    with organization_transaction():
        message = _own(channel_id, identity_id, provider_id)
        if message is None:
            return None
        if revision > message.revision and message.withdrawn_at is None:
            message.text = text[:MAXIMUM_TEXT]
            message.language = language_of(text)
            message.revision, message.edited_at = revision, timezone.now()
            message.save(update_fields=["text", "language", "revision", "edited_at"])
            indexing.reindex([message.pk])
            _tell(message)
        return int(message.pk)


def withdraw(channel_id: int, identity_id: int | None, provider_id: str) -> int | None:
    """Take a message's text away and keep its place; returns its entry's id, None when there is none.

    `identity_id` is as in `edit`.
    """
    with organization_transaction():
        message = _own(channel_id, identity_id, provider_id)
        if message is None:
            return None
        if message.withdrawn_at is None:
            message.text, message.withdrawn_at = "", timezone.now()
            message.save(update_fields=["text", "withdrawn_at"])
            indexing.reindex([message.pk])
            _tell(message)
        return int(message.pk)


def _own(channel_id: int, identity_id: int | None, provider_id: str) -> Message | None:
    """Return the sender's own message with its conversation locked."""
    rows = Message.objects.filter(
        conversation__channel_id=channel_id, provider_id=provider_id, direction=Direction.IN
    )
    if identity_id is not None:
        rows = rows.filter(conversation__identity_id=identity_id)
    conversation_id = rows.values_list("conversation_id", flat=True).order_by("-pk").first()
    if conversation_id is None:
        return None
    timeline.lock(conversation_id)
    message: Message = rows.select_related("entry", "conversation").order_by("-pk")[0]
    return message


def _tell(message: Message) -> None:
    """Have its conversation show it anew, and the one that begins with it where it was split off."""
    _show(message.conversation, message, message.entry.number)
    _own, *parts = links.shown_at(message.conversation_id, message.entry.number)
    for part_id, number in parts:
        _show(timeline.lock(part_id), message, number)


def _show(conversation: Conversation, message: Message, number: int) -> None:
    """Correct the row of a locked conversation, and have its pages show the entry with this number anew."""
    newest = Message.objects.filter(links.said(conversation)).exclude(direction=Direction.NOTE)
    if newest.order_by("-pk").values_list("pk", flat=True).first() == message.pk:
        conversation.last_text = timeline.preview(message.text)
        conversation.save(update_fields=["last_text"])
        timeline.changed(conversation)
    events.publish(events.MessageChanged(conversation.organization_id, conversation.pk, number))
