"""What is said to a customer by a rule and by no person: marked as automatic, never to a machine, never too often."""

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone, translation

from helpdesk import events
from helpdesk.errors import Invalid
from helpdesk.models import (
    Conversation,
    Direction,
    Entry,
    Letter,
    Message,
    Outbox,
)
from helpdesk.registries import automatic_gates
from helpdesk.services import indexing, letters, limits, timeline
from helpdesk.services.receiving import MAXIMUM_TEXT

DAY = timedelta(days=1)
# To one customer's address in a day.
MOST_A_DAY = 3


def announce(conversation: Conversation, text: str) -> Message | None:
    """Say something to the customer of an open conversation; None where nothing automatic may go.

    The row must be locked; the caller saves `last_number`. The customer still waits for a person: no
    clock stops, nobody has answered.
    """
    if not text.strip() or not may_announce(conversation):
        return None
    entry = timeline.add_entry(conversation, Entry.Kind.MESSAGE, automatic=True)
    message = Message.objects.create(
        entry=entry,
        conversation=conversation,
        direction=Direction.OUT,
        text=text.strip()[:MAXIMUM_TEXT],
        client_ref=uuid4().hex,
    )
    indexing.index(message, _write_letter(message, conversation))
    channel = conversation.channel.answers_by or conversation.channel
    Outbox.objects.create(
        message=message, conversation=conversation, channel=channel, due_at=timezone.now()
    )
    events.publish(
        events.MessageQueued(conversation.organization_id, conversation.pk, entry.number)
    )
    return message


def _can_leave(conversation: Conversation) -> bool:
    """Tell whether something written here has an address to go to and one to come from, if it is a letter."""
    mailbox = letters.mailbox_of(conversation)
    if mailbox is None:
        return True
    try:
        letters.address_of(mailbox)
    except Invalid:
        return False
    return bool(letters.draft_of(conversation).to[0])


def may_announce(conversation: Conversation) -> bool:
    """Tell whether an automatic message may go: to a proved or answered address, to no machine, not too often."""
    identity = conversation.identity
    if identity.awaits_proof or _wrote_last_automatically(conversation):
        return False
    if limits.wordless_reason(conversation):
        return False
    if not _can_leave(conversation) or not limits.takes_announcements(conversation):
        return False
    lately = Entry.objects.filter(
        conversation__identity=identity,
        at__gt=timezone.now() - DAY,
        kind=Entry.Kind.MESSAGE,
        data__automatic=True,
    )
    if lately.count() >= MOST_A_DAY:
        return False
    return all(gate(conversation) for _name, gate in automatic_gates.items())


def _wrote_last_automatically(conversation: Conversation) -> bool:
    newest = Letter.objects.filter(
        message__conversation=conversation, message__direction=Direction.IN
    ).order_by("-pk")
    return bool(newest.values_list("automatic", flat=True).first())


def _write_letter(message: Message, conversation: Conversation) -> Letter | None:
    """Make the letter of an announcement where answers leave as letters."""
    mailbox = letters.mailbox_of(conversation)
    if mailbox is None:
        return None
    draft = letters.draft_of(conversation)
    with translation.override(letters.language_of(conversation)):
        sender = letters.sender_name(mailbox)
    letter: Letter = Letter.objects.create(
        message=message,
        mail_id=letters.new_mail_id(mailbox),
        references=list(draft.references),
        subject=draft.subject,
        sender_name=sender,
        sender_address=letters.address_of(mailbox),
        to=[list(draft.to)],
        full_text=message.text,
        automatic=Letter.Automatic.REPLY,
    )
    return letter
