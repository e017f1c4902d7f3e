"""Phone calls as their line of the timeline tells them, in the reader's language."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Prefetch
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from helpdesk.models import Attachment, Call, Entry, Staff
from helpdesk.services import calls
from helpdesk.services.recordings import length
from helpdesk.templatetags.portal import hour, seconds_between

State, Ending = Call.State, Call.Ending


class Step(NamedTuple):
    """One moment of a call."""

    hour: str
    text: str


class Sound(NamedTuple):
    """A recording, as a player shows it."""

    public_id: str
    name: str
    is_unchecked: bool


@dataclass(frozen=True)
class ShownCall:
    """A call as its line shows it."""

    sentence: str
    tone: str = ""
    # Since when the talk runs, while it does.
    since: datetime | None = None
    steps: Sequence[Step] = ()
    sounds: Sequence[Sound] = ()
    is_recording_lost: bool = False
    transcript: str = ""


@dataclass(frozen=True)
class KnownCalls:
    """The calls of some entries by their entries, and who had a part in them."""

    calls: Mapping[int, Call] = field(default_factory=dict)
    people: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "KnownCalls":
        """Return the calls among entries: three queries, and none where there are no calls."""
        wanted = [entry.pk for entry in entries if entry.kind == Entry.Kind.CALL]
        if not wanted:
            return cls()
        sounds = Attachment.objects.only("call", "public_id", "name", "is_unchecked").order_by("id")
        rows = Call.objects.filter(entry__in=wanted).prefetch_related(
            Prefetch("recordings", sounds, to_attr="sounds")
        )
        found = {call.entry_id: call for call in rows.order_by()}
        ids = {one for call in found.values() for one in _people_in(call)}
        people = {one.pk: one.label for one in Staff.objects.filter(pk__in=ids).order_by()}
        return cls(found, people)

    def shown(self, entry: Entry) -> ShownCall | None:
        """Return what is shown of an entry's call."""
        call = self.calls.get(entry.pk)
        return _shown(call, self.people) if call else None


def _people_in(call: Call) -> set[int]:
    found = {call.staff_id, *(step["staff"] for step in call.steps)}
    return {int(one) for one in found if one}


def _shown(call: Call, people: Mapping[int, str]) -> ShownCall:
    who = people.get(call.staff_id or 0, "") or _("A colleague")
    files: list[Attachment] = call.sounds  # type: ignore[attr-defined]  # prefetched
    return ShownCall(
        sentence=_sentence(call, who),
        tone="t-warn" if call.ending in {Ending.MISSED, Ending.VOICEMAIL} and _is_in(call) else "",
        since=call.answered_at if call.state in {State.ANSWERED, State.HELD} else None,
        steps=_steps(call, people),
        sounds=[Sound(str(one.public_id), one.name, one.is_unchecked) for one in files],
        is_recording_lost=call.is_recording_lost,
        transcript=call.transcript,
    )


def _sentence(call: Call, who: str) -> str:
    facts = {"staff": who, "number": call.customer_number or _("Somebody"), "length": _talked(call)}
    teller = (_IN if _is_in(call) else _OUT).get(call.ending or call.state)
    sentence = str(teller(facts)) if teller else _("Phone call")
    why = _reason(call)
    return f"{sentence} {why}" if why else sentence


def _is_in(call: Call) -> bool:
    return call.direction == Call.Direction.IN


def _talked(call: Call) -> str:
    if call.answered_at is None or call.ended_at is None:
        return length(0)
    return length(seconds_between(call.answered_at, call.ended_at))


def _reason(call: Call) -> str:
    if call.ending != Ending.FAILED or not call.reason:
        return ""
    match call.reason:
        case calls.NOT_PICKED_UP:
            return _("The colleague did not pick up.")
        case calls.UNHEARD:
            return _("Nothing more was heard of it.")
        case calls.TOO_LATE:
            return _("It could not be placed in time.")
    return str(call.reason)


def _steps(call: Call, people: Mapping[int, str]) -> list[Step]:
    known = [(parse_datetime(step["at"]), step) for step in call.steps]
    ordered = sorted(((at, step) for at, step in known if at), key=lambda each: each[0])
    told = [(at, _step(call, step, people)) for at, step in ordered]
    return [Step(hour(at), text) for at, text in told if text]


def _step(
    call: Call, step: Mapping[str, Any], people: Mapping[int, str]
) -> str:  # Any: as `calls` stored it
    leg, _leg_id, change, _count = step["key"]
    facts = {"staff": people.get(step["staff"] or 0, "") or _("A colleague")}
    teller = _STEPS.get((leg, change))
    if teller is not None:
        return teller(facts)
    return _("It begins to ring.") if _is_in(call) and change == "ringing" else ""


Teller = Callable[[Mapping[str, str]], str]
_IN: dict[str, Teller] = {
    State.RINGING: lambda facts: _("%(number)s is calling.") % facts,
    State.ANSWERED: lambda facts: _("%(staff)s is on the phone with the customer.") % facts,
    State.HELD: lambda facts: _("The call with %(staff)s is on hold.") % facts,
    Ending.COMPLETED: lambda facts: _("%(staff)s talked with the customer (%(length)s).") % facts,
    Ending.MISSED: lambda _facts: _("Missed call. Please call back."),
    Ending.VOICEMAIL: lambda _facts: _("Missed call; the customer left a message."),
    Ending.BUSY: lambda _facts: _("Missed call: the line was busy."),
    Ending.FAILED: lambda _facts: _("The call failed."),
}
_OUT: dict[str, Teller] = {
    State.WANTED: lambda facts: _("%(staff)s wants to call the customer.") % facts,
    State.RINGING: lambda facts: _("%(staff)s is calling %(number)s.") % facts,
    State.ANSWERED: lambda facts: _("%(staff)s is on the phone with the customer.") % facts,
    State.HELD: lambda facts: _("The call with %(staff)s is on hold.") % facts,
    Ending.COMPLETED: lambda facts: _("%(staff)s called the customer (%(length)s).") % facts,
    Ending.MISSED: lambda facts: _("%(staff)s called; nobody picked up.") % facts,
    Ending.BUSY: lambda facts: _("%(staff)s called; the line was busy.") % facts,
    Ending.FAILED: lambda facts: _("The call of %(staff)s failed.") % facts,
}
_STEPS: dict[tuple[str, str], Teller] = {
    ("staff", "ringing"): lambda facts: _("The phone of %(staff)s rings.") % facts,
    ("staff", "answered"): lambda facts: _("%(staff)s picks up.") % facts,
    ("staff", "unanswered"): lambda facts: _("%(staff)s does not pick up.") % facts,
    ("staff", "ended"): lambda facts: _("%(staff)s hangs up.") % facts,
    ("staff", "held"): lambda facts: _("%(staff)s puts it on hold.") % facts,
    ("staff", "resumed"): lambda facts: _("%(staff)s goes on.") % facts,
    ("customer", "answered"): lambda _facts: _("The customer picks up."),
    ("customer", "unanswered"): lambda _facts: _("The customer does not pick up."),
    ("customer", "held"): lambda _facts: _("The customer puts it on hold."),
    ("customer", "resumed"): lambda _facts: _("The customer goes on."),
    ("customer", "ended"): lambda _facts: _("The call is over."),
}
