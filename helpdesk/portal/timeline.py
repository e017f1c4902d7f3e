"""Entries as the timeline shows them: words for what happened, in the reader's language."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet
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
from helpdesk.templatetags.portal import full_moment

MENTION = re.compile(r"(@[^\s@,，。.;；:：!！?？]{1,40})")
PICTURE_WIDTH, PICTURE_HEIGHT = 220, 160

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
    """Labels of the people and things that entries speak of, read in one query per table."""

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
        found = {
            (model, row.pk): row.label
            for model, ids in wanted.items()
            if ids
            for row in model.objects.filter(pk__in=ids)
        }
        return cls(found)


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


@dataclass(frozen=True)
class Line:
    """One entry of the timeline."""

    entry: Entry
    names: Mapping[tuple[type[Any], int], str] = field(default_factory=dict)
    customer: str = ""
    opens_day: bool = False

    @property
    def number(self) -> int:
        return self.entry.number

    @property
    def conversation_id(self) -> int:
        return int(self.entry.conversation_id)

    @property
    def at(self) -> datetime:
        return self.entry.at

    @property
    def message(self) -> Message | None:
        return getattr(self.entry, "message", None)

    @property
    def actor(self) -> Staff | None:
        actor: Staff | None = self.entry.actor
        return actor

    @property
    def actor_id(self) -> int | None:
        return self.entry.actor_id

    @property
    def author(self) -> str:
        return self.actor.label if self.actor else self.customer

    @property
    def parts(self) -> list[tuple[bool, str]]:
        """Return the text in pieces, each with whether it names somebody who is called in."""
        message = self.message
        if message is None or message.direction != "note":
            return [(False, message.text if message else "")]
        return [(piece.startswith("@"), piece) for piece in MENTION.split(message.text) if piece]

    @property
    def files(self) -> list[File]:
        return [File(each) for each in self.message.attachments.all()] if self.message else []

    @property
    def outbox(self) -> Outbox | None:
        return getattr(self.message, "outbox", None)

    @property
    def delivery(self) -> str:
        return self.outbox.state if self.outbox else ""

    @property
    def cause(self) -> str:
        return (self.outbox.error if self.outbox else "") or _("the channel did not take it")

    @property
    def held_until(self) -> datetime | None:
        """Return until when the reply can be taken back, while it can."""
        waits = (
            self.outbox is not None
            and self.outbox.state == Delivery.QUEUED
            and not self.outbox.attempts
        )
        if self.outbox is None or not waits or not self.outbox.due_at:
            return None
        return self.outbox.due_at if self.outbox.due_at > timezone.now() else None

    @property
    def icon(self) -> str:
        return ICONS.get(self.entry.kind, "info")

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
        .prefetch_related("message__attachments")
        .order_by("number")
    )


def lines_of(entries: Sequence[Entry], customer: str) -> list[Line]:
    """Return the entries as lines, the first of each day marked."""
    names = Names.of(entries)
    lines, day = [], None
    for entry in entries:
        opened = timezone.localtime(entry.at).date()
        lines.append(Line(entry, names, customer, opens_day=opened != day))
        day = opened
    return lines


def _assigned(line: Line) -> str:
    staff = line.name("staff", "to_staff") or line.who()
    if line.entry.data.get("mode") == "taken":
        return _("%(staff)s took the conversation.") % {"staff": staff}
    if line.actor and line.actor.label != staff:
        return _("%(who)s assigned it to %(staff)s.") % {"who": line.actor.label, "staff": staff}
    return _("Assigned to %(staff)s.") % {"staff": staff}


def _queued(line: Line) -> str:
    place = line.name("queue", "department")
    return (
        _("Waiting in the queue %(queue)s.") % {"queue": place}
        if place
        else _("Waiting in the queue.")
    )


def _released(line: Line) -> str:
    if line.entry.data.get("ending") == "vanished":
        return _("%(staff)s was away; it went back to the queue.") % {
            "staff": line.name("staff", "from_staff")
        }
    return _("%(who)s put it back in the queue.") % {"who": line.who()}


def _transferred(line: Line) -> str:
    to = line.name("to_staff", "to_department", "to_skill", "staff", "department", "skill", "queue")
    return _("%(who)s handed it over to %(to)s.") % {"who": line.who(), "to": to}


def _mentioned(line: Line) -> str:
    return _("%(who)s called %(staff)s in.") % {"who": line.who(), "staff": line.name("staff")}


def _mention_ended(line: Line) -> str:
    return _("The access of %(staff)s ended.") % {"staff": line.name("staff") or line.who()}


def _snoozed(line: Line) -> str:
    return _("%(who)s snoozed it until %(until)s.") % {
        "who": line.who(),
        "until": line.moment("until"),
    }


def _topic_changed(line: Line) -> str:
    topic = line.name("topic", "to_topic")
    if not topic:
        return _("The topic is unknown.")
    if line.actor:
        return _("%(who)s set the topic to %(topic)s.") % {"who": line.actor.label, "topic": topic}
    return _("Classified as %(topic)s.") % {"topic": topic}


def _escalated(line: Line) -> str:
    facts = {"level": line.entry.data.get("order", 1), "name": line.name("level")}
    if facts["name"]:
        return _("Escalated to level %(level)s, %(name)s.") % facts
    return _("Escalated to level %(level)s.") % facts


def _rated(line: Line) -> str:
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
    "woken": lambda _line: _("The snooze is over."),
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
