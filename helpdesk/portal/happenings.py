"""Words for what happened to a conversation, in the reader's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.models import Department, Entry, EscalationLevel, Letter, Queue, Skill, Staff, Topic
from helpdesk.portal.known_calls import KnownCalls
from helpdesk.portal.letters import letters_of, waiting_among
from helpdesk.portal.link_words import LINK_SENTENCES, LINKED
from helpdesk.portal.reactions import reactors_of
from helpdesk.reports.names import labels_of
from helpdesk.templatetags.portal import full_moment

# Which table an id in an entry's facts belongs to.
NAMED: dict[str, type[Any]] = {  # Any: models whose rows have a label
    "staff": Staff,
    "learner": Staff,
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
    "quarantined": "warn",
    "asked_to_join": "user",
    "joined": "users",
    "overflowed": "swap",
    "call": "phone",
    "merged": "merge",
    "merge_undone": "undo",
    "split": "split",
    "split_undone": "undo",
}


class Names(Mapping[tuple[type[Any], int], str]):
    """Labels of the people and things that entries speak of, read in one query; and what else belongs to them."""

    def __init__(
        self,
        found: dict[tuple[type[Any], int], str],
        waiting: frozenset[int] = frozenset(),
        letters: Mapping[int, Letter] | None = None,
        calls: KnownCalls | None = None,
        reactors: Mapping[int, str] | None = None,
    ) -> None:
        self._found = found
        # Those who asked to take part and wait for a decision; the letters, by their message; the calls;
        # who else in a thread reacted to its messages, by their identity.
        self.waiting = waiting
        self.letters = letters or {}
        self.calls = calls or KnownCalls()
        self.reactors = reactors or {}

    def __getitem__(self, key: tuple[type[Any], int]) -> str:
        return self._found[key]

    def __iter__(self) -> Any:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @classmethod
    def of(cls, entries: Sequence[Entry], waiting: frozenset[int] | None = None) -> "Names":
        """Return the names that the entries need, and their letters."""
        wanted: dict[type[Any], set[int]] = {}
        for entry in entries:
            for key, value in entry.data.items():
                model = NAMED.get(key.removesuffix("_id"))
                if model is not None:
                    ids = value if isinstance(value, list) else [value]
                    wanted.setdefault(model, set()).update(
                        each for each in ids if isinstance(each, int)
                    )
        if waiting is None:
            waiting = waiting_among(entries)
        return cls(
            labels_of(wanted),
            waiting,
            letters_of(entries),
            KnownCalls.of(entries),
            reactors_of(entries),
        )


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
        if self.entry.kind == Entry.Kind.QUARANTINED:
            return ""
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

    @property
    def event(self) -> str:
        """Return the id of what could not be read."""
        return self._id("event") if self.entry.kind == Entry.Kind.QUARANTINED else ""

    @property
    def asked_in(self) -> str:
        """Return the id of the conversation that holds what somebody wrote who asks to take part."""
        return self._id("conversation") if self.entry.kind in _JOINING else ""

    @property
    def other(self) -> str:
        """Return the id of the conversation that this one was merged or split with."""
        return self._id("other")

    @property
    def goes_on(self) -> bool:
        """Tell whether it is in the other conversation that it goes on."""
        return bool(self.entry.data.get("goes_on"))

    @property
    def history(self) -> str:
        """Return the id of the link whose other conversation's history is shown here."""
        return "" if self.goes_on or self.entry.kind not in LINKED else self._id("link")

    @property
    def waiting_participant(self) -> str:
        """Return the id of somebody who asks to take part while nobody has decided."""
        if self.entry.kind != Entry.Kind.ASKED_TO_JOIN:
            return ""
        return (
            self._id("participant")
            if self.entry.data.get("participant") in self.names.waiting
            else ""
        )

    def _id(self, key: str) -> str:
        value = self.entry.data.get(key)
        return str(value) if isinstance(value, int) else ""

    def text(self, key: str) -> str:
        return str(self.entry.data.get(key) or "")

    def who(self) -> str:
        return self.actor.label if self.actor else _("The engine")

    def moment(self, key: str) -> str:
        at = parse_datetime(str(self.entry.data.get(key) or ""))
        return full_moment(at) if at else ""


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
    if line.entry.data.get("ending") == "objected":
        return _("%(staff)s said that it is not theirs; it went back to the queue.") % {
            "staff": line.name("staff", "from_staff")
        }
    if line.entry.data.get("ending") == "unanswered":
        return _("%(staff)s had not answered in time; it went back to the queue.") % {
            "staff": line.name("staff", "from_staff")
        }
    return _("%(who)s put it back in the queue.") % {"who": line.who()}


def _transferred(line: Happening) -> str:
    to = line.name("to_staff", "to_department", "to_skill", "staff", "department", "skill", "queue")
    return _("%(who)s handed it over to %(to)s.") % {"who": line.who(), "to": to}


def _mentioned(line: Happening) -> str:
    learner = line.name("learner")
    if learner:
        facts = {"staff": line.name("staff"), "learner": learner, "skill": line.name("skill")}
        return _("%(learner)s is learning %(skill)s; %(staff)s stands behind.") % facts
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


def _identified(line: Happening) -> str:
    if line.text("by") == "mail":
        return _("The customer confirmed the mail address. Answers leave now.")
    return _("The customer signed in.")


def _quarantined(line: Happening) -> str:
    reason = line.text("reason")
    known = UNREADABLE.get(reason)
    if known is not None:
        reason = str(known)
    return _("A message could not be read: %(reason)s.") % {"reason": reason or "?"}


def _asked_to_join(line: Happening) -> str:
    name, address = line.text("name"), line.text("address")
    who = f"{name} <{address}>" if name and name != address else address
    return _("%(who)s wrote with the address of this conversation and is not part of it yet.") % {
        "who": who
    }


def _joined(line: Happening) -> str:
    who = line.text("name") or line.text("address")
    if line.asked_in:
        return _("%(who)s takes part in another conversation now, where this belongs.") % {
            "who": who
        }
    return _("%(who)s takes part now.") % {"who": who}


def _rated(line: Happening) -> str:
    return _("The customer gave %(score)s of 5 stars.") % {
        "score": line.entry.data.get("score", "?")
    }


def _overflowed(line: Happening) -> str:
    facts = {"rule": line.text("rule_name"), "why": _why(line), "to": line.name("to_department")}
    match line.text("does"):
        case "move":
            return _("“%(rule)s” moved it to %(to)s: %(why)s.") % facts
        case "call_back":
            return _("“%(rule)s” offered a call back: %(why)s. Call back or write.") % facts
        case "form":
            return _("“%(rule)s” pointed to another way: %(why)s.") % facts
    return _("“%(rule)s” told the customer: %(why)s.") % facts


def _why(line: Happening) -> str:
    number = line.entry.data.get("number", 0)
    match line.text("condition"):
        case "closed":
            return _("outside working hours")
        case "length":
            return _("%(number)s were waiting") % {"number": number}
        case "wait":
            return _("half would have waited %(number)s minutes or more") % {"number": number}
    return _("nobody was there who could answer")


_JOINING = {Entry.Kind.ASKED_TO_JOIN, Entry.Kind.JOINED}
# Why something could not be read, by the codes of those who read; their other reasons are shown as they are.
UNREADABLE = {
    "too_large": gettext_lazy("it is too large"),
    "too_many_headers": gettext_lazy("its head has too many lines"),
    "too_many_addresses": gettext_lazy("it names too many addresses"),
    "header_too_long": gettext_lazy("a line of its head is too long"),
    "too_many_parts": gettext_lazy("it has too many parts"),
    "too_deep": gettext_lazy("its parts lie too deep in one another"),
    "interrupted": gettext_lazy("reading it was broken off several times"),
    "invalid": gettext_lazy("it says nothing"),
    "too_long": gettext_lazy("reading it takes too long"),
    "out_of_memory": gettext_lazy("reading it takes too much memory"),
    "crashed": gettext_lazy("reading it breaks off"),
    "unreadable": gettext_lazy("the mailbox does not give it out"),
    "unsupported_file": gettext_lazy("it has a file of a kind that is not accepted"),
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
    "identified": _identified,
    "rated": _rated,
    "quarantined": _quarantined,
    "asked_to_join": _asked_to_join,
    "joined": _joined,
    "overflowed": _overflowed,
} | LINK_SENTENCES
