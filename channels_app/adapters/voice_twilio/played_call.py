"""One call of the played Twilio: it follows the orders that it is answered with, as theirs do.

It stops where somebody else has to do something: a colleague who is rung, a caller who waits or talks.
"""

import time
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, fromstring

import httpx
from django.utils import timezone

from channels_app.fake_vendor import PATIENCE_SECONDS
from channels_app.protocol import ChannelConfig

if TYPE_CHECKING:
    from channels_app.adapters.voice_twilio.fake import Vendor

_MOST_ROUNDS = 600


class PlayedCall:
    """A call that came in, or one that Everydesk has asked for."""

    def __init__(
        self,
        vendor: "Vendor",
        config: ChannelConfig,
        sid: str,
        address: str,
        *,
        caller: str = "",
        wish: dict[str, str] | None = None,
    ) -> None:
        self.vendor, self.config, self.sid, self.address = vendor, config, sid, address
        self.wish = wish
        self._facts = vendor.facts_of(sid, caller=caller)
        if wish:
            self._facts |= {"Direction": "outbound-api", "To": wish["To"]}
        self.orders: deque[Element] = deque()
        # What the caller has heard, and where the call stands: queued, dialling, recording, talking, over.
        self.heard: list[str] = []
        self.stands = ""
        self.status = 0
        self._at = Element("Response")
        self._wait_url = ""
        self._leg = ""

    # --- what the world does -----------------------------------------------------------------------

    def begins(self) -> None:
        """Ring Everydesk."""
        self._ask(self.address, CallStatus="ringing")
        self._run()

    def waits(self, rounds: int = 1) -> None:
        """Let the music play, and ask each time that it has ended."""
        for _round in range(rounds):
            if self.stands != "queued":
                return
            self._ask(self._wait_url, QueueSid="QU1", QueueTime="1")
            self._hear_music()

    def colleague_answers(self) -> None:
        """Have whoever is rung pick up, and take the call by a key where that is asked for."""
        if self.wish and not self._leg:
            self._report(self.wish["StatusCallback"], CallStatus="in-progress")
            self._ask(self.wish["Url"], CallStatus="in-progress")
            self._run()
            return
        place = self._at[0]
        self._tell_leg("in-progress")
        whisper = place.get("url")
        if whisper:
            for gather in self._told(whisper, CallSid=self._leg).findall("Gather"):
                self._told(gather.get("action") or whisper, CallSid=self._leg, Digits="1")
        self.stands = "talking"

    def colleague_ignores(self, state: str = "no-answer") -> None:
        """Have whoever is rung not pick up."""
        if self.wish and not self._leg:
            self._report(self.wish["StatusCallback"], CallStatus=state)
            self.stands = "over"
            return
        self._tell_leg(state)
        self._dialled(state)

    def talk_ends(self) -> None:
        """Have the talk end; what was recorded can be had."""
        self._tell_leg("completed")
        recording = self._at.get("recordingStatusCallback")
        if recording:
            self._record(recording)
        self._dialled("completed")

    def leaves_message(self, seconds: int = 7) -> None:
        """Have the caller speak after the tone and hang up."""
        record, recording = self._at, self._recording()
        url = self._recording_url(recording)
        facts = {"RecordingSid": recording, "RecordingUrl": url, "Digits": "hangup"}
        self._told(record.get("action") or self.address, RecordingDuration=seconds, **facts)
        self._record(record.get("recordingStatusCallback") or "")
        self._ends()

    def hangs_up(self) -> None:
        """Have the caller hang up, wherever the call stands."""
        if self.stands == "queued":
            self._told(self._at.get("action") or self.address, QueueResult="hangup")
        if self.stands == "dialling":
            self._tell_leg("canceled")
        self._ends()

    def goes_its_way(self) -> None:
        """Let colleagues pick up and talk for a while, and leave a message if nobody does."""
        for _round in range(_MOST_ROUNDS):
            if self.stands == "over":
                return
            if self.stands == "queued":
                time.sleep(2)
                self.waits()
            elif self.stands == "dialling":
                self.colleague_answers()
                time.sleep(5)
                self.talk_ends()
            elif self.stands == "recording":
                self.leaves_message()

    # --- what the call does ------------------------------------------------------------------------

    def _run(self) -> None:
        """Follow the orders until one lasts; without any the call is over."""
        while self.orders:
            order = self.orders.popleft()
            match order.tag:
                case "Say" | "Play":
                    self.heard.append(order.text or "")
                case "Redirect":
                    self._ask(order.text or "")
                case "Enqueue":
                    self._at, self.stands = order, "queued"
                    self._wait_url = order.get("waitUrl") or ""
                    return
                case "Dial":
                    self._dial(order)
                    return
                case "Record":
                    self._at, self.stands = order, "recording"
                    return
                case "Hangup":
                    break
        self._ends()

    def _hear_music(self) -> None:
        """Follow the orders of the music: the last may lead out of the queue."""
        while self.orders:
            order = self.orders.popleft()
            match order.tag:
                case "Say" | "Play":
                    self.heard.append(order.text or "")
                case "Redirect":
                    # Asked when the music has ended.
                    self._wait_url = order.text or ""
                    return
                case "Leave":
                    self._ask(self._at.get("action") or self.address, QueueResult="leave")
                    self._run()
                    return

    def _dial(self, order: Element) -> None:
        self._at, self.stands = order, "dialling"
        self._leg = f"{self.sid[:-4]}{len(self.heard):02}{len(self.vendor.calls) % 100:02}"
        self._tell_leg("ringing")

    def _dialled(self, state: str) -> None:
        facts = {"DialCallStatus": state, "DialCallSid": self._leg, "DialCallDuration": "12"}
        self._ask(self._at.get("action") or self.address, **facts)
        self._run()

    def _ends(self) -> None:
        if self.stands == "over":
            return
        self.stands = "over"
        where = self.wish["StatusCallback"] if self.wish else self.address
        self._report(where, CallStatus="completed")

    def _record(self, callback: str) -> None:
        recording = self._recording()
        self._post(
            callback,
            {
                "AccountSid": self._facts["AccountSid"],
                "CallSid": self.sid,
                "RecordingSid": recording,
                "RecordingUrl": self._recording_url(recording),
                "RecordingStatus": "completed",
                "RecordingDuration": "7",
                "RecordingChannels": "1",
            },
        )

    def _recording(self) -> str:
        return f"RE{self.sid[2:]}"

    def _recording_url(self, recording: str) -> str:
        account = self._facts["AccountSid"]
        here = f"http://127.0.0.1:{self.vendor.port}"
        return f"{here}/2010-04-01/Accounts/{account}/Recordings/{recording}"

    # --- how it asks and reports -------------------------------------------------------------------

    def _ask(self, url: str, **facts: Any) -> None:  # Any: values of a form
        """Ask what to do next, and do that from now on."""
        self.orders = deque(self._told(url, **facts))

    def _told(self, url: str, **facts: Any) -> Element:  # Any: values of a form
        """Return what Everydesk answers about the call."""
        response = self._post(url, {**self._facts, **facts})
        self.status = response.status_code
        response.raise_for_status()
        return fromstring(response.content)  # noqa: S314  (what Everydesk writes)

    def _report(self, url: str, **facts: Any) -> None:  # Any: values of a form
        moment = timezone.now().strftime("%a, %d %b %Y %H:%M:%S +0000")
        known = {"Timestamp": moment, "CallbackSource": "call-progress-events"}
        self._post(url, {**self._facts, **known, **facts})

    def _tell_leg(self, state: str) -> None:
        callback = self._at[0].get("statusCallback") if len(self._at) else None
        if callback:
            facts = {"CallSid": self._leg, "ParentCallSid": self.sid, "Direction": "outbound-dial"}
            self._report(callback, CallStatus=state, **facts)

    def _post(self, url: str, form: dict[str, Any]) -> httpx.Response:  # Any: values of a form
        body = urlencode(form).encode()
        headers = {
            "content-type": self.vendor.content_type,
            **self.vendor.sign_for(url, body, self.config),
        }
        with httpx.Client(trust_env=False, timeout=PATIENCE_SECONDS) as client:
            return client.post(url, content=body, headers=headers)
