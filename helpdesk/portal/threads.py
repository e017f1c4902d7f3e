"""One open conversation as the workspace shows it: timeline, what this person may do, and the customer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils import timezone

from helpdesk import permissions as may_
from helpdesk.access import Access, visible_conversations
from helpdesk.models import (
    Conversation,
    Customer,
    Mention,
    Participant,
    Priority,
    Staff,
    State,
)
from helpdesk.portal.answering import Answering
from helpdesk.portal.known import Past, ShownIdentity, Visited, read_identities, read_past
from helpdesk.portal.letter_form import LetterForm, letter_form_of
from helpdesk.portal.rows import channel_icon
from helpdesk.portal.timeline import Line, entries_of, lines_of
from helpdesk.prepared import Argument, prepared
from helpdesk.registries import shows_one
from helpdesk.services import dialling, limits, mentions, message_templates
from helpdesk.services.letters import Joined, is_lettered

PAGE = 30
GUESTS = 40
PARTICIPANTS = 40


@dataclass(frozen=True)
class May:
    """What this person may do with this conversation now; services decide, this hides what they would refuse."""

    access: Access
    conversation: Conversation
    is_guest: bool = False

    def _may(self, permission: str) -> bool:
        return self.access.may(permission, self.conversation, is_guest=self.is_guest)

    @property
    def is_open(self) -> bool:
        return self.conversation.is_open

    @property
    def is_owner(self) -> bool:
        return self.conversation.owner_id == self.access.staff_id

    @property
    def take(self) -> bool:
        return self.is_open and not self.is_owner and self._may(may_.CONVERSATION_TAKE)

    @property
    def reply(self) -> bool:
        return self.is_open and self._may(may_.CONVERSATION_REPLY)

    @property
    def note(self) -> bool:
        return self._may(may_.CONVERSATION_NOTE)

    @property
    def transfer(self) -> bool:
        return self.is_open and self._may(may_.CONVERSATION_TRANSFER)

    @property
    def assign(self) -> bool:
        return self.is_open and self._may(may_.CONVERSATION_ASSIGN)

    @property
    def release(self) -> bool:
        return self.is_owner and self.transfer

    @property
    def keep(self) -> bool:
        return self.is_owner and self.conversation.return_at is not None

    @property
    def resolve(self) -> bool:
        return self.is_open and self._may(may_.CONVERSATION_RESOLVE)

    @property
    def reopen(self) -> bool:
        return not self.is_open and self._may(may_.CONVERSATION_RESOLVE)

    @property
    def snooze(self) -> bool:
        held = self.conversation.state in {State.OPEN, State.WAITING, State.SNOOZED}
        return held and self._may(may_.CONVERSATION_RESOLVE)

    @property
    def escalate(self) -> bool:
        return self.is_open and self._may(may_.CONVERSATION_ESCALATE)

    @property
    def topic(self) -> bool:
        return self.is_open and self._may(may_.CONVERSATION_REPLY)

    @property
    def merge(self) -> bool:
        return self.reply

    @property
    def split(self) -> bool:
        return self.reply and not shows_one(self.conversation.channel.kind)

    @property
    def priority(self) -> bool:
        return self.is_open and self._may(may_.CONVERSATION_REPLY)

    @property
    def customer(self) -> bool:
        return bool(self.access.allowed(may_.CUSTOMER_CHANGE))

    @property
    def more(self) -> bool:
        return self.assign or self.release or self.snooze or self.escalate or self.topic


class Facts(NamedTuple):
    """What the head of a thread shows to everybody."""

    c: Conversation

    @property
    def icon(self) -> str:
        return channel_icon(self.c.channel.kind)


class Guest(NamedTuple):
    """A colleague who was called in or stands behind the owner, and whether this person may end that."""

    mention_id: int
    staff_id: int
    label: str
    until: datetime
    may_end: bool
    # Behind whom the colleague stands; empty where it is nobody who still holds it.
    behind: str = ""
    is_behind_me: bool = False


class TakingPart(NamedTuple):
    """Somebody besides the customer who writes here or asks to, and where what they wrote waits."""

    pk: int
    name: str
    address: str
    since: datetime | None
    is_waiting: bool
    asked_in: int | None

    @property
    def label(self) -> str:
        return self.name or self.address


@dataclass
class Thread(Answering):
    """Everything the thread and the context show."""

    c: Conversation
    may: May
    lines: Sequence[Line]
    earlier_url: str = ""
    # Where the newest entries are, when others are shown.
    newest_url: str = ""
    draft: str = ""
    error: str = ""
    wanted_mode: str = ""
    identities: Sequence[ShownIdentity] = field(default_factory=list)
    past: Past = field(default_factory=Past)
    visited: Visited | None = None
    guests: Sequence[Guest] = field(default_factory=list)
    participants: Sequence[TakingPart] = field(default_factory=list)
    # The fields of a letter, where the reply is one.
    letter: LetterForm | None = None
    customer_typing: bool = False
    # Until when the platform takes an answer, and what it says once that is over.
    closes_at: datetime | None = None
    # How many more messages it takes before the customer writes again.
    quota_left: int | None = None
    # Whether there are approved texts, which the platform takes at any time.
    has_templates: bool = False

    @property
    def customer(self) -> Customer:
        customer: Customer = self.c.customer
        return customer

    @property
    def entries(self) -> Sequence[Line]:
        return self.lines

    @property
    def icon(self) -> str:
        return channel_icon(self.c.channel.kind)

    @cached_property
    def call_number(self) -> str:
        """Return the number that this person may have called; empty when there is none."""
        return dialling.number_of(self.c) if self.may.reply else ""

    @property
    def may_write(self) -> bool:
        return self.may.reply or self.may.note

    @cached_property
    def mode(self) -> str:
        """Return which tab of the composer is open: the reply when it is allowed."""
        if self.wanted_mode == "note" and self.may.note:
            return "note"
        return "reply" if self.may_reply or not self.may.note else "note"

    @property
    def hold_seconds(self) -> int:
        return int(self.c.channel.hold_seconds) if self.may.reply else 0

    @property
    def priorities(self) -> list[tuple[str, str]]:
        return [(value, str(label)) for value, label in Priority.choices]

    @property
    def customer_line(self) -> str:
        return " · ".join(part for part in (self.c.customer.company, self.c.customer.place) if part)


def read_thread(
    access: Access, found: Conversation, *, before: int = 0, writer: Staff | None = None
) -> Thread:
    """Return a visible conversation's newest entries, or those below the number `before`, and its customer.

    With `writer`, also what their next letter begins with.
    """
    thread = thread_of(access, found) if before else read_context(access, found)
    if thread.may.reply and not before:
        thread.closes_at = limits.closes_at(found)
        thread.quota_left = limits.quota_left(found)
        thread.has_templates = message_templates.templates_of(found).exists()
    if writer and thread.may.reply:
        people = [
            Joined(one.address, one.name, one.since)
            for one in thread.participants
            if not one.is_waiting
        ]
        thread.letter = letter_form_of(found, writer, None if before else people)
    newest = min(before - 1, found.last_number) if before else found.last_number
    oldest = max(0, newest - PAGE)
    entries = list(entries_of(found.pk, after=oldest, up_to=newest))
    waiting = frozenset(one.pk for one in thread.participants if one.is_waiting)
    thread.lines = lines_of(entries, found.customer.label, waiting=None if before else waiting)
    if oldest:
        thread.earlier_url = f"{reverse('portal:earlier', args=[found.pk])}?before={oldest + 1}"
    return thread


def read_context(access: Access, found: Conversation) -> Thread:
    """Return a visible conversation without its entries, with what is known of its customer."""
    thread = thread_of(access, found)
    thread.identities, thread.visited = read_identities(found)
    thread.past = read_past(access, found)
    thread.guests = _guests(access, found)
    thread.participants = _participants(access, found)
    return thread


def thread_of(access: Access, conversation: Conversation) -> Thread:
    """Return a visible conversation without its entries, as the head and the actions need it."""
    # Whoever sees it without a right of their own was called in.
    is_guest = not access.may(may_.CONVERSATION_VIEW, conversation)
    return Thread(conversation, May(access, conversation, is_guest), [])


def _guests(access: Access, conversation: Conversation) -> list[Guest]:
    found = _called_in(conversation.pk, timezone.now())
    may_end = mentions.endable(access, conversation, found)
    return [
        _guest(access, mention, conversation, may_end=mention.pk in may_end) for mention in found
    ]


@prepared
def _called_in(conversation_id: Argument, now: Argument) -> QuerySet[Mention]:
    rows = Mention.objects.filter(
        conversation_id=conversation_id, ended_at__isnull=True, access_until__gt=now
    )
    return rows.select_related("staff", "behind").order_by("id")[:GUESTS]


def _guest(access: Access, mention: Mention, conversation: Conversation, *, may_end: bool) -> Guest:
    is_behind = mention.behind_id is not None and mention.behind_id == conversation.owner_id
    return Guest(
        mention.pk,
        mention.staff_id,
        mention.staff.label,
        mention.access_until,
        may_end,
        behind=mention.behind.label if is_behind else "",
        is_behind_me=is_behind and mention.behind_id == access.staff_id,
    )


def _participants(access: Access, conversation: Conversation) -> list[TakingPart]:
    if not is_lettered(conversation.channel):
        return []
    seen = visible_conversations(access).filter(pk=OuterRef("asked_in_id"))
    rows = Participant.objects.filter(conversation=conversation).exclude(
        state=Participant.State.DECLINED
    )
    found = rows.annotate(may_see=Exists(seen)).order_by("id")[:PARTICIPANTS]
    return [
        TakingPart(
            row.pk,
            row.name,
            row.address,
            row.decided_at,
            row.state == Participant.State.WAITING,
            row.asked_in_id if row.may_see else None,
        )
        for row in found
    ]
