"""What needs a colleague, by mail, for those who want it there: answered from any mail program.

An owner gets what their customers write, and whoever was called in gets the note that called them.
Nobody is mailed twice about one message, and nobody about a conversation that they may not see now.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from channels_app.models import Dispatch
from channels_app.services.dispatching import dispatch
from channels_app.services.reply_addresses import staff_address
from helpdesk.access import access_of
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import NotFound
from helpdesk.models import Channel, Conversation, Direction, Mention, Message, Presence, Staff
from helpdesk.models.people import MailCopies
from helpdesk.registries import Sweep, sweeps
from helpdesk.tenancy import organization_transaction

LOOK_BACK = timedelta(minutes=30)
BATCH = 50
MOST_PEOPLE = 1000
MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Copy:
    """One message that one colleague is to have by mail; their answer is a note where they were called in."""

    message: Message
    staff: Staff
    is_note: bool

    @property
    def key(self) -> str:
        return f"copy:{self.message.pk}:{self.staff.pk}"


def send_copies(now: datetime) -> int:
    """Have mails sent about what is new; returns how many."""
    with organization_transaction():
        people = _people(now)
        mailbox = Channel.objects.filter(kind=MAIL, is_active=True).order_by("id").first()
        if not people or mailbox is None or not mailbox.settings.get("address"):
            return 0
        wanted = {copy.key: copy for copy in copies(now, people)}
        sent = Dispatch.objects.filter(channel=mailbox, dedup_key__in=list(wanted))
        for key in sent.values_list("dedup_key", flat=True):
            wanted.pop(key)
        return sum(_send(mailbox, copy, now) for copy in wanted.values())


def copies(now: datetime, people: dict[int, Staff]) -> Iterator[Copy]:
    """Yield what is new and needs one of these people."""
    yield from _of_owners(now, people)
    yield from _of_guests(now, people)


def _people(now: datetime) -> dict[int, Staff]:
    """Return who is to be mailed now: always, or because no screen of theirs is open."""
    wanted = Staff.objects.filter(is_active=True).exclude(mail_copies=MailCopies.NEVER)
    people = {staff.pk: staff for staff in wanted.select_related("user")[:MOST_PEOPLE]}
    here = Presence.objects.filter(staff_id__in=list(people), lease_until__gt=now)
    for staff_id in here.values_list("staff_id", flat=True):
        if people[staff_id].mail_copies == MailCopies.AWAY:
            people.pop(staff_id)
    return people


def _of_owners(now: datetime, people: dict[int, Staff]) -> Iterator[Copy]:
    rows = Message.objects.filter(
        direction=Direction.IN,
        entry__at__gt=now - LOOK_BACK,
        entry__number__gt=F("conversation__owner_seen_number"),
        entry__at__gte=F("conversation__waiting_since"),  # not answered yet
        conversation__owner_id__in=list(people),
    ).exclude(letter__automatic__gt="")
    rows = rows.select_related("entry", "conversation__customer", "conversation__identity")
    for message in rows.order_by("-pk")[:BATCH]:
        yield Copy(message, people[message.conversation.owner_id], is_note=False)


def _of_guests(now: datetime, people: dict[int, Staff]) -> Iterator[Copy]:
    rows = Mention.objects.filter(
        staff_id__in=list(people),
        ended_at__isnull=True,
        answered_at__isnull=True,
        at__gt=now - LOOK_BACK,
        entry__message__isnull=False,
    ).select_related("entry__message__conversation__customer")
    for mention in rows.order_by("-pk")[:BATCH]:
        yield Copy(mention.entry.message, people[mention.staff_id], is_note=True)


def _send(mailbox: Channel, copy: Copy, now: datetime) -> int:
    conversation: Conversation = copy.message.conversation
    try:
        visible_conversation(access_of(copy.staff), conversation.pk)
    except NotFound:
        return 0
    reply_address = staff_address(
        str(mailbox.settings["address"]),
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        staff_id=copy.staff.pk,
        is_note=copy.is_note,
        now=now,
    )
    with translation.override(copy.staff.user.language or settings.LANGUAGE_CODE):
        payload = {
            "subject": _subject(conversation),
            "text": _text(copy, conversation),
            "reply_address": reply_address,
        }
    made = dispatch(
        mailbox,
        Dispatch.Kind.NOTICE,
        dedup_key=copy.key,
        recipient=copy.staff.user.email,
        payload=payload,
        conversation_id=conversation.pk,
    )
    return int(made is not None)


def _subject(conversation: Conversation) -> str:
    about = conversation.subject or conversation.customer.label
    return f"[C-{conversation.pk}] {about}"


def _text(copy: Copy, conversation: Conversation) -> str:
    page = settings.PUBLIC_URL + reverse("portal:conversation", args=[conversation.pk])
    how = (
        _("Answer this mail to write a note to your colleagues. The customer does not see it.")
        if copy.is_note
        else _("Answer this mail to answer the customer.")
    )
    return f"{copy.message.text}\n\n-- \n{how}\n{page}\n"


sweeps.register("mail_copies", Sweep(run=send_copies, every_seconds=5))
