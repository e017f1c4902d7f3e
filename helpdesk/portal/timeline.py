"""Entries as the timeline shows them: words for what happened, in the reader's language."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Required, TypedDict

from django.contrib.postgres.fields import ArrayField
from django.db.models import Func, OuterRef, PositiveIntegerField, Prefetch, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.models import (
    STANDING,
    Attachment,
    ConversationLink,
    Delivery,
    Entry,
    Message,
    Outbox,
    Staff,
)
from helpdesk.portal.deliveries import find_reasons, is_held, reason_to_wait
from helpdesk.portal.happenings import ICONS, Happening, Names
from helpdesk.portal.known_calls import ShownCall
from helpdesk.portal.letters import ShownLetter, author_of, letter_of
from helpdesk.portal.reactions import ShownReaction, shown_reactions
from helpdesk.registries import takes_typed_addresses
from helpdesk.templatetags.portal import day_heading, full_moment, hour

# The columns that are shown.
_SHOWN = (
    *("conversation", "number", "kind", "at", "data"),
    *("message__direction", "message__text", "message__language"),
    *("message__edited_at", "message__withdrawn_at", "message__reactions"),
    *(f"message__outbox__{name}" for name in ("state", "error", "attempts", "due_at", "template")),
    *("actor__name", "actor__name_en", "actor__department__color"),
    # Whether there is one; `Names.of` reads what is shown of it.
    "message__letter__message",
    *("conversation__channel", "conversation__channel__kind", "conversation__identity"),
)
MENTION = re.compile(r"(@[^\s@,，。.;；:：!！?？]{1,40})")
PICTURE_WIDTH, PICTURE_HEIGHT = 220, 160
_ARRIVED = {Delivery.SENT, Delivery.DELIVERED, Delivery.READ}
_CLASSES = {"out": "msg out", "note": "msg note"}


class File(NamedTuple):
    """One attachment, at the size it is shown."""

    attachment: Attachment

    @property
    def is_picture(self) -> bool:
        return self.attachment.kind == Attachment.Kind.IMAGE and not self.attachment.is_unchecked

    @property
    def is_sound(self) -> bool:
        return self.attachment.mime.startswith("audio/")

    @property
    def shown_width(self) -> int:
        return round((self.attachment.width or 0) * self._scale)

    @property
    def shown_height(self) -> int:
        return round((self.attachment.height or 0) * self._scale)

    @property
    def _scale(self) -> float:
        width, height = self.attachment.width or 1, self.attachment.height or 1
        return min(1.0, PICTURE_WIDTH / width, PICTURE_HEIGHT / height)


class Line(TypedDict, total=False):
    """One entry of the timeline, ready to show: texts under keys are what a template reads fastest.

    Either a message, which has a direction, or something that happened, which has a sentence.
    """

    number: Required[str]
    conversation: Required[str]
    instant: Required[str]
    moment: Required[str]
    hour: Required[str]
    day: Required[str]
    # The conversation in which a message goes on that was split off.
    part: Required[str]

    direction: str
    is_note: bool
    classes: str
    language: str
    staff: str
    staff_name: str
    color: str
    author: str
    text: str
    # A note in pieces, each with whether it names somebody who is called in.
    parts: list[tuple[bool, str]]
    files: list[File]
    letter: ShownLetter | None
    # Whether the sender's address was typed by whoever wrote, so that nothing says who that was.
    is_typed: bool
    edited: str
    is_withdrawn: bool
    reactions: list[ShownReaction]
    delivery: str
    cause: str
    # The name of the approved text that it is.
    template: str
    # Until when the reply can be taken back, while it can.
    held_until: datetime | None

    icon: str
    sentence: str
    remark: str
    # What can be fetched or decided about it.
    event: str
    asked_in: str
    # The conversation that this one was merged or split with.
    other: str
    # The link whose other conversation's history is shown here, and whether it is shown at once.
    history: str
    is_beginning: bool
    participant: str
    call: ShownCall | None


def line_of(entry: Entry, names: Names, customer: str, *, opens_day: bool = False) -> Line:
    """Return an entry, which comes from `entries_of`, as a line."""
    line = Line(
        number=str(entry.number),
        conversation=str(entry.conversation_id),
        instant=entry.at.isoformat(),
        moment=full_moment(entry.at),
        hour=hour(entry.at),
        day=day_heading(entry.at) if opens_day else "",
        part=str(entry.part or ""),  # type: ignore[attr-defined]  # annotated
    )
    message: Message | None = getattr(entry, "message", None)
    if message:
        line["letter"] = letter_of(message, names.letters)
        _show_message(line, message, entry.actor, customer)
        line["reactions"] = shown_reactions(entry, message, names.reactors)
        line["is_typed"] = _is_typed(entry, line)
    else:
        _show_happening(line, Happening(entry, names))
    return line


def _show_happening(line: Line, happening: Happening) -> None:
    line["icon"] = ICONS.get(happening.entry.kind, "info")
    line["sentence"], line["remark"] = happening.sentence, happening.remark
    line["event"], line["asked_in"] = happening.event, happening.asked_in
    line["history"] = happening.history
    line["is_beginning"] = happening.entry.kind == Entry.Kind.SPLIT
    line["other"], line["participant"] = happening.other, happening.waiting_participant
    line["call"] = happening.names.calls.shown(happening.entry)


def _show_message(line: Line, message: Message, actor: Staff | None, customer: str) -> None:
    line["direction"], line["text"] = message.direction, message.text
    line["is_note"] = message.direction == "note"
    line["classes"] = _CLASSES.get(message.direction, "msg")
    line["language"] = message.language
    line["author"] = line["staff_name"] = actor.label if actor else ""
    line["staff"] = str(actor.pk) if actor else ""
    line["color"] = actor.department.color if actor else "cust"
    line["files"] = [File(each) for each in message.files]  # type: ignore[attr-defined]  # prefetched
    if actor is None and message.direction == "out":
        line["author"] = line["staff_name"] = _("Automatic message")
        line["color"] = "other"
    elif actor is None:
        line["author"] = author_of(line["letter"], customer) if line["letter"] else customer
        line["edited"] = full_moment(message.edited_at) if message.edited_at else ""
        line["is_withdrawn"] = message.withdrawn_at is not None
    if line["is_note"]:
        pieces = MENTION.split(message.text)
        line["parts"] = [(piece.startswith("@"), piece) for piece in pieces if piece]
    elif message.direction == "out":
        _show_delivery(line, getattr(message, "outbox", None))


def _is_typed(entry: Entry, line: Line) -> bool:
    if line["direction"] != "in" or line["letter"]:
        return False
    return takes_typed_addresses(entry.conversation.channel.kind)


def _show_delivery(line: Line, outbox: Outbox | None) -> None:
    if outbox is None:
        return
    line["delivery"] = outbox.state
    line["template"] = str(outbox.template["name"]) if outbox.template else ""
    if outbox.state == Delivery.FAILED:
        line["classes"] += " fail"
        line["cause"] = outbox.error or _("the channel did not take it")
    elif outbox.state in _ARRIVED:
        line["cause"] = outbox.error  # somebody else on the letter did not get it
    if outbox.state != Delivery.QUEUED:
        return
    if is_held(outbox):
        line["held_until"] = outbox.due_at
    else:
        line["cause"] = reason_to_wait(outbox)


def entries_of(conversation_id: int, *, after: int, up_to: int) -> QuerySet[Entry]:
    """Return entries with numbers in (after, up_to], in order, with everything that is shown of them."""
    return (
        Entry.objects.filter(conversation_id=conversation_id, number__gt=after, number__lte=up_to)
        .select_related(
            *("message", "message__outbox", "message__letter", "actor", "actor__department"),
            "conversation__channel",
        )
        .prefetch_related(Prefetch("message__attachments", _shown_files(), to_attr="files"))
        .only(*_SHOWN)
        .annotate(part=_part())
        .order_by("number")
    )


def _part() -> Subquery:
    """Return the conversation in which an entry goes on that was split off."""
    number = Func(
        OuterRef("number"),
        template="ARRAY[%(expressions)s]",
        output_field=ArrayField(PositiveIntegerField()),
    )
    rows = ConversationLink.objects.filter(
        STANDING,
        kind=ConversationLink.Kind.SPLIT,
        source_id=OuterRef("conversation_id"),
        numbers__contains=number,
    )
    return Subquery(rows.order_by("pk").values("target_id")[:1])


def _shown_files() -> QuerySet[Attachment]:
    shown = (
        "message",
        "public_id",
        "kind",
        "name",
        "mime",
        "size_bytes",
        "width",
        "height",
        "is_unchecked",
    )
    return Attachment.objects.only(*shown).order_by("id")


def lines_of(
    entries: Sequence[Entry], customer: str, *, waiting: frozenset[int] | None = None
) -> list[Line]:
    """Return the entries as lines, the first of each day marked.

    `waiting` names the participants who wait for a decision; they are asked for when it is missing.
    """
    names = Names.of(entries, waiting)
    find_reasons(entries)
    lines, day, zone = [], None, timezone.get_current_timezone()
    for entry in entries:
        opened = entry.at.astimezone(zone).date()
        lines.append(line_of(entry, names, customer, opens_day=opened != day))
        day = opened
    return lines
