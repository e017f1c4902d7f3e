"""Entries as the timeline shows them: words for what happened, in the reader's language."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Required, TypedDict

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from helpdesk.models import (
    Attachment,
    Delivery,
    Department,
    Entry,
    EscalationLevel,
    Message,
    Outbox,
    Queue,
    Skill,
    Staff,
    Topic,
)
from helpdesk.portal.deliveries import reason_to_wait
from helpdesk.reports.names import labels_of
from helpdesk.templatetags.portal import day_heading, full_moment, hour

# The columns that are shown.
_SHOWN = (
    *("conversation", "number", "kind", "at", "data"),
    *("message__direction", "message__text", "message__language"),
    *(f"message__outbox__{name}" for name in ("state", "error", "attempts", "due_at")),
    *("actor__name", "actor__name_en", "actor__department__color"),
)
MENTION = re.compile(r"(@[^\s@,，。.;；:：!！?？]{1,40})")
PICTURE_WIDTH, PICTURE_HEIGHT = 220, 160
_CLASSES = {"out": "msg out", "note": "msg note"}

# Which table an id in an entry's facts belongs to.
NAMED: dict[str, type[Any]] = {  # Any: models whose rows have a label
    "staff": Staff,
    "to_staff": Staff,
    "from_staff": Staff,
    "by": Staff,
    "topic": Topic,
    "from_topic": Topic,
    "to_topic": Topic,
    "department": Department,
    "to_department": Department,
    "from_department": Department,
    "skill": Skill,
    "to_skill": Skill,
    "queue": Queue,
    "level": EscalationLevel,
}

ICONS = {
    "queued": "inbox",
    "assigned": "spark",
    "released": "undo",
    "transferred": "swap",
    "transfer_undone": "undo",
    "mentioned": "at",
    "mention_ended": "lock",
    "snoozed": "moon",
    "woken": "bell",
    "resolved": "check",
    "reopened": "redo",
    "closed": "lock",
    "escalated": "stairs",
    "escalation_claimed": "hand",
    "escalation_ended": "check",
    "topic_changed": "tag",
    "priority_changed": "bolt",
    "identified": "user",
    "rated": "star",
}


class Names(Mapping[tuple[type[Any], int], str]):
    """Labels of the people and things that entries speak of, read in one query."""

    def __init__(self, found: dict[tuple[type[Any], int], str]) -> None:
        self._found = found

    def __getitem__(self, key: tuple[type[Any], int]) -> str:
        return self._found[key]

    def __iter__(self) -> Any:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Names":
        """Return the names that the entries need."""
        wanted: dict[type[Any], set[int]] = {}
        for entry in entries:
            for key, value in entry.data.items():
                model = NAMED.get(key.removesuffix("_id"))
                if model is not None:
                    ids = value if isinstance(value, list) else [value]
                    wanted.setdefault(model, set()).update(
                        each for each in ids if isinstance(each, int)
                    )
        return cls(labels_of(wanted))


class File(NamedTuple):
    """One attachment, at the size it is shown."""

    attachment: Attachment

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
    delivery: str
    cause: str
    # Until when the reply can be taken back, while it can.
    held_until: datetime | None

    icon: str
    sentence: str
    remark: str


def line_of(entry: Entry, names: Names, customer: str, *, opens_day: bool = False) -> Line:
    """Return an entry, which comes from `entries_of`, as a line."""
    line = Line(
        number=str(entry.number),
        conversation=str(entry.conversation_id),
        instant=entry.at.isoformat(),
        moment=full_moment(entry.at),
        hour=hour(entry.at),
        day=day_heading(entry.at) if opens_day else "",
    )
    message: Message | None = getattr(entry, "message", None)
    if message:
        _show_message(line, message, entry.actor, customer)
    else:
        happening = Happening(entry, names)
        line["icon"] = ICONS.get(entry.kind, "info")
        line["sentence"], line["remark"] = happening.sentence, happening.remark
    return line


def _show_message(line: Line, message: Message, actor: Staff | None, customer: str) -> None:
    line["direction"], line["text"] = message.direction, message.text
    line["is_note"] = message.direction == "note"
    line["classes"] = _CLASSES.get(message.direction, "msg")
    line["language"] = message.language
    line["author"] = line["staff_name"] = actor.label if actor else ""
    line["staff"] = str(actor.pk) if actor else ""
    line["color"] = actor.department.color if actor else "cust"
    line["files"] = [File(each) for each in message.files]  # type: ignore[attr-defined]  # prefetched
    if actor is None:
        line["author"] = customer
    if line["is_note"]:
        pieces = MENTION.split(message.text)
        line["parts"] = [(piece.startswith("@"), piece) for piece in pieces if piece]
    elif message.direction == "out":
        _show_delivery(line, getattr(message, "outbox", None))


def _show_delivery(line: Line, outbox: Outbox | None) -> None:
    if outbox is None:
        return
    line["delivery"] = outbox.state
    if outbox.state == Delivery.FAILED:
        line["classes"] += " fail"
        line["cause"] = outbox.error or _("the channel did not take it")
    if outbox.state != Delivery.QUEUED:
        return
    if not outbox.attempts and outbox.due_at and outbox.due_at > timezone.now():
        line["held_until"] = outbox.due_at
    else:
        line["cause"] = reason_to_wait(outbox)


@dataclass(frozen=True)
class Happening:
    """Something that happened to a conversation, told in the reader's language."""

    entry: Entry
    names: Names

    @property
    def actor(self) -> Staff | None:
        actor: Staff | None = self.entry.actor
        return actor

    @property
    def remark(self) -> str:
        """Return the words somebody added: a handover note, a reason, a comment."""
        for key in ("note", "reason", "comment"):
            if isinstance(self.entry.data.get(key), str) and self.entry.data[key]:
                return str(self.entry.data[key])
        return ""

    @property
    def sentence(self) -> str:
        """Return what happened, as one sentence in the reader's language."""
        teller = _SENTENCES.get(self.entry.kind)
        return teller(self) if teller else self.entry.get_kind_display()

    def name(self, *keys: str) -> str:
        """Return the name that the first of these facts stands for."""
        for key in keys:
            for spelled in (key, f"{key}_id"):
                value = self.entry.data.get(spelled)
                if isinstance(value, int):
                    return self.names.get((NAMED[key], value), "")
                if isinstance(value, list) and value:
                    return ", ".join(
                        str(self.names.get((NAMED[key], each), each)) for each in value
                    )
        return ""

    def who(self) -> str:
        return self.actor.label if self.actor else _("The engine")

    def moment(self, key: str) -> str:
        at = parse_datetime(str(self.entry.data.get(key) or ""))
        return full_moment(at) if at else ""


def entries_of(conversation_id: int, *, after: int, up_to: int) -> QuerySet[Entry]:
    """Return entries with numbers in (after, up_to], in order, with everything that is shown of them."""
    return (
        Entry.objects.filter(conversation_id=conversation_id, number__gt=after, number__lte=up_to)
        .select_related("message", "message__outbox", "actor", "actor__department")
        .prefetch_related(Prefetch("message__attachments", _shown_files(), to_attr="files"))
        .only(*_SHOWN)
        .order_by("number")
    )


def _shown_files() -> QuerySet[Attachment]:
    shown = ("message", "public_id", "kind", "name", "size_bytes", "width", "height")
    return Attachment.objects.only(*shown).order_by("id")


def lines_of(entries: Sequence[Entry], customer: str) -> list[Line]:
    """Return the entries as lines, the first of each day marked."""
    names = Names.of(entries)
    lines, day, zone = [], None, timezone.get_current_timezone()
    for entry in entries:
        opened = entry.at.astimezone(zone).date()
        lines.append(line_of(entry, names, customer, opens_day=opened != day))
        day = opened
    return lines


def _assigned(line: Happening) -> str:
    staff = line.name("staff", "to_staff") or line.who()
    if line.entry.data.get("mode") == "taken":
        return _("%(staff)s took the conversation.") % {"staff": staff}
    if line.actor and line.actor.label != staff:
        return _("%(who)s assigned it to %(staff)s.") % {"who": line.actor.label, "staff": staff}
    return _("Assigned to %(staff)s.") % {"staff": staff}


def _queued(line: Happening) -> str:
    place = line.name("queue", "department")
    return (
        _("Waiting in the queue %(queue)s.") % {"queue": place}
        if place
        else _("Waiting in the queue.")
    )


def _released(line: Happening) -> str:
    if line.entry.data.get("ending") == "vanished":
        return _("%(staff)s was away; it went back to the queue.") % {
            "staff": line.name("staff", "from_staff")
        }
    return _("%(who)s put it back in the queue.") % {"who": line.who()}


def _transferred(line: Happening) -> str:
    to = line.name("to_staff", "to_department", "to_skill", "staff", "department", "skill", "queue")
    return _("%(who)s handed it over to %(to)s.") % {"who": line.who(), "to": to}


def _mentioned(line: Happening) -> str:
    return _("%(who)s called %(staff)s in.") % {"who": line.who(), "staff": line.name("staff")}


def _mention_ended(line: Happening) -> str:
    return _("The access of %(staff)s ended.") % {"staff": line.name("staff") or line.who()}


def _snoozed(line: Happening) -> str:
    return _("%(who)s snoozed it until %(until)s.") % {
        "who": line.who(),
        "until": line.moment("until"),
    }


def _topic_changed(line: Happening) -> str:
    topic = line.name("topic", "to_topic")
    if not topic:
        return _("The topic is unknown.")
    if line.actor:
        return _("%(who)s set the topic to %(topic)s.") % {"who": line.actor.label, "topic": topic}
    return _("Classified as %(topic)s.") % {"topic": topic}


def _escalated(line: Happening) -> str:
    facts = {"level": line.entry.data.get("order", 1), "name": line.name("level")}
    if facts["name"]:
        return _("Escalated to level %(level)s, %(name)s.") % facts
    return _("Escalated to level %(level)s.") % facts


def _rated(line: Happening) -> str:
    return _("The customer gave %(score)s of 5 stars.") % {
        "score": line.entry.data.get("score", "?")
    }


_SENTENCES = {
    "assigned": _assigned,
    "queued": _queued,
    "released": _released,
    "transferred": _transferred,
    "transfer_undone": lambda line: _("%(who)s took the handover back.") % {"who": line.who()},
    "mentioned": _mentioned,
    "mention_ended": _mention_ended,
    "snoozed": _snoozed,
    "woken": lambda line: (
        _("%(who)s ended the snooze.") % {"who": line.actor.label}
        if line.actor
        else _("The snooze is over.")
    ),
    "resolved": lambda line: _("%(who)s resolved the conversation.") % {"who": line.who()},
    "reopened": lambda line: (
        _("%(who)s reopened it.") % {"who": line.actor.label}
        if line.actor
        else _("The customer wrote again.")
    ),
    "closed": lambda _line: _("Closed."),
    "escalated": _escalated,
    "escalation_claimed": lambda line: _("%(who)s claimed the escalation.") % {"who": line.who()},
    "escalation_ended": lambda _line: _("The escalation ended."),
    "topic_changed": _topic_changed,
    "priority_changed": lambda line: _("%(who)s changed the priority.") % {"who": line.who()},
    "identified": lambda _line: _("The customer signed in."),
    "rated": _rated,
}
