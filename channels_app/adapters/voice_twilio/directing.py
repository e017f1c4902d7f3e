"""What Twilio is to do with a call next, in its language TwiML (https://www.twilio.com/docs/voice/twiml).

A caller is greeted and waits in a queue. Each time that the music ends Twilio asks: once a colleague is to be
rung, or nobody was found for long enough, the caller leaves the queue for the phone or for the voicemail.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from html import escape
from urllib.parse import urlencode

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from channels_app.exchange import CallStanding
from channels_app.protocol import ChannelConfig, HttpReply, RawRequest
from channels_app.twilio import NO_ORDERS, XML

# The languages of channels, as Twilio's voices call them.
_VOICES = {"zh-hans": "zh-CN", "en": "en-US"}
_PAUSE_SECONDS = 2
_MESSAGE_SECONDS = 180
_CONFIRM_SECONDS = 8
_MOST_SECONDS = 600
_TALKED = {"completed", "answered"}
_OVER = {"completed", "busy", "no-answer", "failed", "canceled"}
# Steps of a caller who waits, whose addresses carry on since when, and who was rung in vain.
_OF_CALLERS = {"wait", "next", "dialled"}


class Director:
    """Answers one request about one call."""

    def __init__(
        self,
        config: ChannelConfig,
        request: RawRequest,
        form: Mapping[str, str],
        standing: CallStanding,
    ) -> None:
        self.config = config
        self.request = request
        self.form = form
        self.standing = standing
        self.query = dict(request.query)
        self.call_id = self.query.get("call") or form.get("CallSid", "")

    def answer(self) -> HttpReply:
        """Return the orders."""
        act = _STEPS.get(self.query.get("step", ""))
        if act is None or self.form.get("CallStatus") in _OVER:
            return NO_ORDERS
        with translation.override(self.standing.language):
            orders = act(self)
        return HttpReply(
            body=f'<?xml version="1.0" encoding="UTF-8"?><Response>{orders}</Response>'.encode(),
            content_type=XML,
        )

    # --- a caller ----------------------------------------------------------------------------------

    def _greet(self) -> str:
        if self.form.get("RecordingSid"):
            return self._left()
        greeting = self._setting("greeting") or _("Thank you for calling. Please hold the line.")
        said = self._say(greeting)
        if self._is_on("records"):
            said += self._say(self._announcement())
        return said + self._enqueue()

    def _wait(self) -> str:
        if self._rings() or self.standing.is_over or self._is_late():
            return _element("Leave")
        music = self._setting("hold_music")
        sound = (
            _element("Play", escape(music)) if music else _element("Pause", length=_PAUSE_SECONDS)
        )
        return sound + _element("Redirect", escape(self._address("wait")), method="POST")

    def _next(self) -> str:
        if self.form.get("QueueResult") == "hangup" or self.standing.is_over:
            return _element("Hangup")
        if self._rings():
            return self._ring()
        return self._part() if self._is_late() else self._enqueue()

    def _dialled(self) -> str:
        talked = (
            self.form.get("DialCallStatus") in _TALKED and self.form.get("DialBridged") != "false"
        )
        if talked or self.query.get("ref") or self.standing.is_over:
            return _element("Hangup")
        return _element("Redirect", escape(self._address("next")), method="POST")

    def _left(self) -> str:
        return self._say(_("Thank you. We will call you back.")) + _element("Hangup")

    def _enqueue(self) -> str:
        return _element(
            "Enqueue",
            escape(f"everydesk-{self.config.public_id}"),
            waitUrl=self._address("wait"),
            waitUrlMethod="POST",
            action=self._address("next"),
            method="POST",
        )

    def _ring(self) -> str:
        staff, call = str(self.standing.staff_id), self.call_id
        tried = ",".join(filter(None, [self._tried(), staff]))
        whisper = {"url": self._address("whisper", call=call, staff=staff)}
        place = self._place(
            self.standing.ring,
            self._address("leg", call=call, staff=staff),
            **(whisper if confirms(self.config) else {}),
        )
        action = self._address("dialled", staff=staff, tried=tried)
        return self._dial(place, action, call=call)

    def _part(self) -> str:
        if not self._number("voicemail_after", 90):
            return self._say(
                _("Nobody can take your call now. Please call again later.")
            ) + _element("Hangup")
        words = _("Nobody can take your call now. Please leave a message after the tone.")
        return self._say(words) + _element(
            "Record",
            action=self._address("left"),
            method="POST",
            maxLength=_MESSAGE_SECONDS,
            finishOnKey="#",
            playBeep="true",
            recordingStatusCallback=self._address("recording", of="voicemail"),
            recordingStatusCallbackEvent="completed absent",
        )

    # --- a colleague -------------------------------------------------------------------------------

    def _whisper(self) -> str:
        confirmed = self._address(
            "confirmed", call=self.query.get("call", ""), staff=self.query.get("staff", "")
        )
        words = self._say(_("A customer is calling. Press any key to take the call."))
        gather = _element(
            "Gather",
            words,
            numDigits=1,
            timeout=_CONFIRM_SECONDS,
            action=confirmed,
            method="POST",
        )
        return gather + _element("Hangup")

    def _connect(self) -> str:
        """Ring the customer, once the colleague who asked for the call has picked up."""
        number, reference = self.standing.customer_number, self.query.get("ref", "")
        if not number or self.standing.is_over:
            return _element("Hangup")
        records = {"url": self._address("announce")} if self._is_on("records") else {}
        place = self._place(
            number, self._address("leg", call=self.call_id, ref=reference, of="customer"), **records
        )
        action = self._address("dialled", ref=reference)
        return self._dial(place, action, call=self.call_id, callerId=self._setting("number"))

    def _announce(self) -> str:
        return self._say(self._announcement())

    # --- words -------------------------------------------------------------------------------------

    def _say(self, text: str) -> str:
        voice = self._setting("voice")
        spoken = {"voice": voice} if voice else {}
        language = _VOICES.get(self.standing.language, "en-US")
        return _element("Say", escape(text, quote=False), language=language, **spoken)

    def _announcement(self) -> str:
        return self._setting("announcement") or _("This call is recorded.")

    def _dial(self, place: str, action: str, *, call: str, **facts: str) -> str:
        recording = {
            "record": "record-from-answer-dual",
            "recordingStatusCallback": self._address("recording", call=call, of="talk"),
            "recordingStatusCallbackEvent": "completed absent",
        }
        return _element(
            "Dial",
            place,
            action=action,
            method="POST",
            timeout=self._number("ring_seconds", 20),
            answerOnBridge="true",
            **facts,
            **(recording if self._is_on("records") else {}),
        )

    def _place(self, address: str, callback: str, **facts: str) -> str:
        return _element(
            "Sip" if address.startswith(("sip:", "sips:")) else "Number",
            escape(address),
            statusCallback=callback,
            statusCallbackEvent="ringing answered completed",
            statusCallbackMethod="POST",
            **facts,
        )

    # --- facts -------------------------------------------------------------------------------------

    def _rings(self) -> bool:
        return bool(self.standing.ring) and str(self.standing.staff_id) not in self._tried().split(
            ","
        )

    def _tried(self) -> str:
        """Return who did not pick up in this call, which the books may not know yet."""
        return self.query.get("tried", "")

    def _is_late(self) -> bool:
        patience = self._number("voicemail_after", 90) or _MOST_SECONDS
        return self.request.received_at - self._since >= timedelta(seconds=patience)

    @property
    def _since(self) -> datetime:
        """Return when the call came in: the addresses that we give out carry it on."""
        try:
            began = datetime.fromtimestamp(
                int(self.query["since"]), self.request.received_at.tzinfo
            )
        except (KeyError, ValueError, OverflowError, OSError):
            return self.request.received_at
        return began

    def _address(self, step: str, **facts: str) -> str:
        known = {"step": step, **facts}
        if step in _OF_CALLERS:
            known["since"] = str(int(self._since.timestamp()))
            known.setdefault("tried", self._tried())
        query = urlencode({name: value for name, value in known.items() if value})
        return f"{settings.PUBLIC_URL}/channels/{self.config.public_id}/?{query}"

    def _setting(self, name: str) -> str:
        return str(self.config.settings.get(name) or "").strip()

    def _is_on(self, name: str, *, default: bool = False) -> bool:
        return self.config.settings.get(name, default) is True

    def _number(self, name: str, default: int) -> int:
        try:
            found = int(str(self.config.settings.get(name, default)))
        except ValueError:
            return default
        return min(max(found, 0), _MOST_SECONDS)


def confirms(config: ChannelConfig) -> bool:
    """Tell whether colleagues take a call by pressing a key."""
    return config.settings.get("confirms", True) is True


def _element(name: str, *inside: str, **facts: object) -> str:
    """Return an element; what is inside is one already, or escaped."""
    known = "".join(f' {key}="{escape(str(value))}"' for key, value in facts.items())
    return f"<{name}{known}>{''.join(inside)}</{name}>" if inside else f"<{name}{known}/>"


_STEPS: dict[str, Callable[[Director], str]] = {
    "": Director._greet,
    "wait": Director._wait,
    "next": Director._next,
    "dialled": Director._dialled,
    "left": Director._left,
    "whisper": Director._whisper,
    "connect": Director._connect,
    "announce": Director._announce,
}
