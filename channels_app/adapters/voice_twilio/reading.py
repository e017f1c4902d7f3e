"""What a request of Twilio Voice reports of a call (https://www.twilio.com/docs/voice/twiml).

Each address that we give out says in `step` what it is for. Without one it is a call that comes in, or
the number's report that a call has ended. When something happened is told by our own clock: theirs counts
whole seconds, and may go otherwise.
"""

import re
from collections.abc import Mapping

from channels_app.exchange import caller
from channels_app.protocol import Attachment, ContactIdentity, Event, RawRequest
from channels_app.twilio import read_form

NUMBER = re.compile(r"\+[1-9][0-9]{4,14}")
_DIGITS = re.compile("[0-9]{1,15}")
_WORD = re.compile("[a-z-]{1,30}")
# What a call has ended as, and what became of a leg that was rung.
_ENDED = {"completed", "busy", "no-answer", "failed", "canceled"}
_ENDINGS = {"busy": "busy", "failed": "failed", "no-answer": "missed", "canceled": "missed"}
_TALKED = {"completed", "answered"}
# The carrier of the caller vouches for the number.
_VOUCHED = "TN-Validation-Passed-A"


def read_events(request: RawRequest, *, confirms: bool) -> list[Event]:
    """Return what the request reports: one event at most. Raises BadPayload.

    With `confirms` colleagues take a call by a key, and picking up alone is none.
    """
    report = _Report(request)
    match report.query.get("step", ""):
        case "":
            # Twilio comes back to the first address where it was given no other.
            return report.of_message() if report.has_message else report.of_caller()
        case "next":
            is_gone = report.word("QueueResult") == "hangup"
            return [report.event("customer", "ended", whose=report.sender)] if is_gone else []
        case "leg":
            return report.of_leg(confirms=confirms)
        case "confirmed":
            return [report.event("staff", "answered", leg_id=report.sid)]
        case "connect":
            return [report.event("staff", "answered", leg_id=report.sid)]
        case "dialled":
            return report.of_dial()
        case "status":
            return report.of_colleague()
        case "left":
            return report.of_message()
        case "recording":
            return report.of_recording()
    return []


class _Report:
    """One request, with what its address says."""

    def __init__(self, request: RawRequest) -> None:
        self.form = read_form(request.body)
        self.query = dict(request.query)
        self.sid = self.form.identifier("CallSid", 64, required=True)
        # The ends of a call have names of their own; the address says which call they belong to.
        self.call_id = self.query.get("call") or self.sid

    @property
    def has_message(self) -> bool:
        return "RecordingSid" in self.form

    def word(self, name: str) -> str:
        return self.form.line(name, 30, fits=_WORD)

    @property
    def sender(self) -> ContactIdentity:
        """Who calls us."""
        return caller(
            self.form.identifier("From", 100, required=True),
            self.form.line("CallerName", 100),
            self.sid,
            is_vouched_for=self.form.line("StirVerstat", 60).startswith(_VOUCHED),
        )

    def of_caller(self) -> list[Event]:
        state = self.word("CallStatus")
        if self.form.line("Direction", 30).startswith("outbound"):
            return []
        change = "ended" if state in _ENDED else "ringing"
        ending = _ENDINGS.get(state, "")
        return [self.event("customer", change, whose=self.sender, ending=ending)]

    def of_leg(self, *, confirms: bool) -> list[Event]:
        """Read how the phone is doing that we have rung: a colleague's, or in our own calls the customer's."""
        leg = "customer" if self.query.get("of") == "customer" else "staff"
        state = self.word("CallStatus")
        if state == "ringing":
            return [self.event(leg, "ringing", leg_id=self.sid)]
        if state == "in-progress" and not (confirms and leg == "staff"):
            return [self.event(leg, "answered", leg_id=self.sid)]
        if state in _ENDINGS:
            return [self.event(leg, "unanswered", leg_id=self.sid, ending=_ENDINGS[state])]
        return []

    def of_dial(self) -> list[Event]:
        """Read how ringing somebody has ended: after a talk we hang up, which is the end of the call."""
        state, leg_id = self.word("DialCallStatus"), self.form.identifier("DialCallSid", 64)
        is_ours = bool(self.query.get("ref"))
        if state in _TALKED and self.word("DialBridged") != "false":
            if is_ours:
                return [self.event("customer", "ended", leg_id=leg_id)]
            return [self.event("customer", "ended", whose=self.sender)]
        leg = "customer" if is_ours else "staff"
        ending = _ENDINGS.get(state, "missed")
        return [self.event(leg, "unanswered", leg_id=leg_id, ending=ending)]

    def of_colleague(self) -> list[Event]:
        """Read how the colleague's phone is doing in a call that we asked for."""
        state = self.word("CallStatus")
        if state == "ringing":
            return [self.event("staff", "ringing", leg_id=self.sid)]
        if state == "completed":
            return [self.event("staff", "ended", leg_id=self.sid)]
        if state in _ENDINGS:
            return [self.event("staff", "unanswered", leg_id=self.sid, ending=_ENDINGS[state])]
        return []

    def of_message(self) -> list[Event]:
        """Read that the caller has left a message; its sound comes by itself once it can be had."""
        recording = self.form.identifier("RecordingSid", 64)
        seconds = self.form.line("RecordingDuration", 10, fits=_DIGITS)
        if not recording or seconds == "0":
            return [self.event("customer", "ended", whose=self.sender)]
        facts = {"recording_id": recording, "seconds": int(seconds) if seconds else None}
        return [self.event("customer", "left", whose=self.sender, facts=facts)]

    def of_recording(self) -> list[Event]:
        """Read that a recording can be had, or never will."""
        state = self.word("RecordingStatus")
        recording = self.form.identifier("RecordingSid", 64, required=True)
        facts = {"recording_id": recording, "of": self.query.get("of", "")}
        if state == "completed":
            url = self.form.identifier("RecordingUrl", 2000, required=True)
            file = Attachment(
                "audio", filename=f"{recording}.mp3", mime="audio/mpeg", url=f"{url}.mp3"
            )
            return [self.event("", "recorded", files=(file,), facts=facts)]
        if state in {"failed", "absent"}:
            return [self.event("", "recorded", facts=facts)]
        return []

    def event(
        self,
        leg: str,
        change: str,
        *,
        whose: ContactIdentity | None = None,
        leg_id: str = "",
        ending: str = "",
        files: tuple[Attachment, ...] = (),
        facts: Mapping[str, object] | None = None,
    ) -> Event:
        facts = facts or {}
        known: Mapping[str, object] = {
            "call_id": self.call_id,
            "leg": leg,
            "change": change,
            "leg_id": leg_id,
            "ending": ending,
            "reference": self.query.get("ref", ""),
            "staff_id": _id(self.query.get("staff", "")),
            **facts,
        }
        if whose is not None and whose.phone:
            known = {
                **known,
                "customer_number": whose.phone,
                "our_number": self.form.line("To", 100),
            }
        what = facts.get("recording_id") or leg_id
        return Event(
            kind="call",
            dedup_key=f"{self.call_id}:{leg}:{what}:{change}",
            sender=whose,
            attachments=files,
            data={name: value for name, value in known.items() if value not in ("", None)},
        )


def _id(text: str) -> int | None:
    return int(text) if _DIGITS.fullmatch(text) else None
