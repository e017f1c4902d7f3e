"""What is done with the calls that run into our application, event by event.

Everything that a call is at is kept with the line, so that whoever takes the line up goes on with it.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from uuid import uuid4

from channels_app.adapters.voice_asterisk.ari import Interface
from channels_app.exchange import CallLine, caller
from channels_app.json_fields import Fields
from channels_app.protocol import Attachment, ContactIdentity, Event
from helpdesk.phones import e164

WAITING, RINGING, TALKING, RECORDING = "waiting", "ringing", "talking", "recording"
MOST_CALLS = 500
_MESSAGE_SECONDS = 180
# What the channels and bridges that we make are called.
_OURS = "everydesk-"
_RING_OUT_SECONDS = 45
# Causes of Q.850 by which a leg ends that nobody has answered; every other is a failure.
_CAUSES = {16: "missed", 17: "busy", 18: "missed", 19: "missed", 21: "busy", 26: "missed"}


@dataclass
class Attended:
    """One call: its own channel, the one of whoever is called, and where it stands."""

    id: str
    stage: str = WAITING
    since: float = 0.0
    leg: str = ""
    staff: int | None = None
    bridge: str = ""
    # Our name of a call that a colleague asked for.
    reference: str = ""
    tried: list[int] = field(default_factory=list)
    number: str = ""
    name: str = ""

    @property
    def caller(self) -> ContactIdentity | None:
        """Who calls us."""
        return None if self.reference else caller(self.number, self.name, self.id)

    @property
    def called(self) -> str:
        return "customer" if self.reference else "staff"

    @property
    def calling(self) -> str:
        return "staff" if self.reference else "customer"


class Attendant:
    """Does with each call what comes next, and tells the line."""

    def __init__(
        self, ari: Interface, line: CallLine, clock: Callable[[], float] = time.time
    ) -> None:
        self.ari, self.line, self.clock = ari, line, clock
        known = json.loads(line.position or "[]")
        self.calls = {one["id"]: Attended(**one) for one in known}

    # --- what begins and goes on ---------------------------------------------------------------------

    def resume(self) -> None:
        """End the calls that have ended while nobody listened."""
        there = self.ari.channel_ids()
        for call in list(self.calls.values()):
            if call.id not in there:
                self._over(call)

    def hear(self, message: bytes, event: Fields) -> None:
        """Do what an event asks for."""
        act = _ACTS.get(event.line("type", 60))
        if act is not None:
            act(self, message, event)

    def tick(self) -> None:
        """Ring whoever got the conversation meanwhile, and let those leave a message who waited long."""
        for call in list(self.calls.values()):
            if call.stage == WAITING and not call.reference:
                self._look(call)

    def _look(self, call: Attended) -> None:
        standing = self.line.standing(call.id, "")
        if standing.is_over:
            self.ari.do("DELETE", f"/channels/{call.id}")
        elif standing.ring and standing.staff_id not in call.tried:
            call.staff = standing.staff_id
            self._dial(call, standing.ring, "staff")
        elif self._patience and self.clock() - call.since >= self._patience:
            self._record_message(call)

    def _starts(self, message: bytes, event: Fields) -> None:
        channel = event.fields("channel")
        pk = channel.identifier("id", 200, required=True)
        role, *told = event.identifiers("args", 10) or ("",)
        if role == "leg" and told:
            self._answered(message, pk, self.calls.get(told[0]))
        elif role == "ours" and len(told) == 2:
            self._ours(message, pk, reference=told[0], staff=told[1])
        elif len(self.calls) < MOST_CALLS:
            self._comes_in(message, pk, channel)

    def _comes_in(self, message: bytes, pk: str, channel: Fields) -> None:
        who = channel.fields("caller")
        call = self.calls[pk] = Attended(
            pk,
            since=self.clock(),
            # As the trunk writes it, else as the country of the customers does.
            number=e164(who.line("number", 60), self.ari.setting("region").upper()),
            name=who.line("name", 100),
        )
        facts = {"customer_number": call.number, "our_number": self.ari.setting("number")}
        self._tell(message, call, "customer", "ringing", facts=facts)
        self.ari.do("POST", f"/channels/{pk}/answer")
        for sound in (self.ari.setting("greeting"), self._announcement):
            if sound:
                self.ari.do("POST", f"/channels/{pk}/play", media=sound)
        self.ari.do("POST", f"/channels/{pk}/moh")

    def _ours(self, message: bytes, pk: str, *, reference: str, staff: str) -> None:
        """Ring the customer, once the colleague who asked for the call has picked up."""
        call = self.calls[pk] = Attended(pk, since=self.clock(), reference=reference)
        call.staff = (
            int(staff) if staff.isascii() and staff.isdecimal() and len(staff) < 16 else None
        )
        standing = self.line.standing(pk, reference)
        self._tell(message, call, "staff", "answered", leg_id=pk)
        if standing.is_over or not standing.customer_number:
            self.ari.do("DELETE", f"/channels/{pk}")
            return
        self.ari.do("POST", f"/channels/{pk}/ring")
        self._dial(call, standing.customer_number, "customer")

    def _dial(self, call: Attended, address: str, leg: str) -> None:
        call.leg, call.stage = f"{_OURS}{uuid4().hex}", RINGING
        self._tell(b"", call, leg, "ringing", leg_id=call.leg)
        seconds = self._number("ring_seconds", 20) if leg == "staff" else _RING_OUT_SECONDS
        dialled = self.ari.do(
            "POST",
            "/channels",
            endpoint=self.ari.endpoint(address),
            app=self.ari.app,
            appArgs=f"leg,{call.id}",
            channelId=call.leg,
            timeout=str(seconds),
            callerId=self.ari.setting("number"),
        )
        if not dialled:
            self._unanswered(b"", call, "failed")

    def _answered(self, message: bytes, pk: str, call: Attended | None) -> None:
        if call is None or call.leg != pk:
            # Who was called has hung up meanwhile, or was given up.
            self.ari.do("DELETE", f"/channels/{pk}")
            return
        call.bridge, call.stage = f"{_OURS}{uuid4().hex}", TALKING
        self.ari.do("DELETE", f"/channels/{call.id}/{'ring' if call.reference else 'moh'}")
        self.ari.do("POST", "/bridges", type="mixing", bridgeId=call.bridge)
        self.ari.do("POST", f"/bridges/{call.bridge}/addChannel", channel=f"{call.id},{pk}")
        if self._announcement:
            if call.reference:
                self.ari.do("POST", f"/bridges/{call.bridge}/play", media=self._announcement)
            self._record(f"/bridges/{call.bridge}/record", f"talk-{call.id}")
        self._tell(message, call, call.called, "answered", leg_id=pk)

    # --- what ends -----------------------------------------------------------------------------------

    def _destroyed(self, message: bytes, event: Fields) -> None:
        pk = event.fields("channel").identifier("id", 200, required=True)
        call = self.calls.get(pk)
        if call is not None:
            self._over(call, message)
            return
        call = next((one for one in self.calls.values() if one.leg == pk), None)
        if call is None:
            if not pk.startswith(_OURS):
                # A colleague who asked for a call, and did not pick up.
                self._tell(message, Attended(pk), "staff", "unanswered", leg_id=pk)
            return
        if call.stage == RINGING:
            self._unanswered(message, call, _CAUSES.get(event.number("cause") or 0, "failed"))
            return
        self._tell(message, call, call.called, "ended", leg_id=pk)
        call.leg = ""
        self.ari.do("DELETE", f"/channels/{call.id}")

    def _unanswered(self, message: bytes, call: Attended, ending: str) -> None:
        leg, call.leg = call.leg, ""
        if call.staff is not None and not call.reference:
            call.tried.append(call.staff)
        call.stage = WAITING
        self._tell(message, call, call.called, "unanswered", leg_id=leg, facts={"ending": ending})
        if call.reference:
            self.ari.do("DELETE", f"/channels/{call.id}")

    def _over(self, call: Attended, message: bytes = b"") -> None:
        if call.leg:
            self.ari.do("DELETE", f"/channels/{call.leg}")
        if call.bridge:
            self.ari.do("DELETE", f"/bridges/{call.bridge}")
        del self.calls[call.id]
        self._tell(message, call, call.calling, "ended")

    # --- what is kept --------------------------------------------------------------------------------

    def _record_message(self, call: Attended) -> None:
        call.stage = RECORDING
        self.ari.do("DELETE", f"/channels/{call.id}/moh")
        prompt = self.ari.setting("prompt") or "sound:vm-intro"
        self.ari.do("POST", f"/channels/{call.id}/play", media=prompt)
        self._record(f"/channels/{call.id}/record", f"left-{call.id}")
        self.line.take(b"", (), position=self._position)

    def _record(self, path: str, name: str) -> None:
        is_talk = name.startswith("talk-")
        limits: dict[str, str] = (
            {} if is_talk else {"maxDurationSeconds": str(_MESSAGE_SECONDS), "beep": "true"}
        )
        ends: dict[str, str] = {} if is_talk else {"terminateOn": "#"}
        self.ari.do("POST", path, name=name, format="wav", ifExists="overwrite", **limits, **ends)

    def _recorded(self, message: bytes, event: Fields) -> None:
        recording = event.fields("recording")
        name = recording.identifier("name", 200, required=True)
        kind, _dash, pk = name.partition("-")
        if kind not in {"talk", "left"} or not pk:
            return
        # The recording may be told of after the end.
        call = self.calls.get(pk) or Attended(pk)
        file = Attachment(
            "audio", filename=f"{name}.wav", mime="audio/wav", url=self.ari.recording_address(name)
        )
        if kind == "talk":
            talk = {"recording_id": name, "of": "talk"}
            self._tell(message, call, "", "recorded", files=(file,), facts=talk)
            return
        seconds = recording.number("duration") or 0
        if seconds:
            facts = {"recording_id": name, "seconds": seconds}
            self._tell(message, call, "customer", "left", files=(file,), facts=facts)
        self.ari.do("DELETE", f"/channels/{pk}")

    def _changed(self, message: bytes, event: Fields) -> None:
        """Tell that a call is held, or goes on."""
        pk = event.fields("channel").identifier("id", 200, required=True)
        change = "held" if event.line("type", 60) == "ChannelHold" else "resumed"
        for call in self.calls.values():
            if pk in {call.id, call.leg}:
                leg = call.calling if pk == call.id else call.called
                self._tell(message, call, leg, change, leg_id=pk, sequence=int(self.clock() * 1000))
                return

    # --- how it is told ------------------------------------------------------------------------------

    def _tell(
        self,
        message: bytes,
        call: Attended,
        leg: str,
        change: str,
        *,
        leg_id: str = "",
        sequence: int | None = None,
        files: tuple[Attachment, ...] = (),
        facts: Mapping[str, object] | None = None,
    ) -> None:
        """Store what happened to a call, together with where all calls are by now."""
        told = {
            "call_id": call.id,
            "leg": leg,
            "change": change,
            "leg_id": leg_id,
            "reference": call.reference,
            "staff_id": call.staff,
            **(facts or {}),
        }
        what = told.get("recording_id") or leg_id
        begins = leg == "customer" and not leg_id and call.id in self.calls
        happened = Event(
            kind="call",
            dedup_key=f"{call.id}:{leg}:{what}:{change}:{'' if sequence is None else sequence}",
            sender=call.caller if begins else None,
            sequence=sequence,
            attachments=files,
            data={name: value for name, value in told.items() if value not in ("", None)},
        )
        self.line.take(message or b"{}", (happened,), position=self._position)

    @property
    def _position(self) -> str:
        return json.dumps([asdict(call) for call in self.calls.values()])

    @property
    def _announcement(self) -> str:
        records = self.ari.config.settings.get("records") is True
        return self.ari.setting("announcement") if records else ""

    @property
    def _patience(self) -> int:
        return self._number("voicemail_after", 90)

    def _number(self, name: str, default: int) -> int:
        try:
            return min(max(int(str(self.ari.config.settings.get(name, default))), 0), 600)
        except ValueError:
            return default


Act = Callable[[Attendant, bytes, Fields], None]
_ACTS: dict[str, Act] = {
    "StasisStart": Attendant._starts,
    "ChannelDestroyed": Attendant._destroyed,
    "RecordingFinished": Attendant._recorded,
    "ChannelHold": Attendant._changed,
    "ChannelUnhold": Attendant._changed,
}
