"""Discord's gateway: a websocket that begins or resumes a session, beats, and says what happens.

https://discord.com/developers/docs/events/gateway
"""

import json
import random
import time
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from channels_app.adapters.discord.reading import Ears, read_events
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, Line, SendError
from channels_app.wires import Wire, WireClosed

VERSION = "10"
# Messages and reactions, in servers and in private, and what they say.
INTENTS = 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 15
DISPATCH, HEARTBEAT, IDENTIFY, RESUME = 0, 1, 2, 6
RECONNECT, INVALID, HELLO, ACKNOWLEDGED = 7, 9, 10, 11
STEP_SECONDS = 1.0
HELLO_SECONDS = 20.0
# A token, a set of intents or a version that they will never take.
_HOPELESS = frozenset({4004, 4010, 4011, 4012, 4013, 4014})
# After these a session cannot be resumed.
_OVER = frozenset({4007, 4009})
# Whoever hangs up with 1000 ends the session, and with it what is said meanwhile.
COME_BACK = 4000
# How far a session has come is kept so often, also where nothing is meant for us.
KEEP_SECONDS = 30.0
_OWN_HOSTS = ".discord.gg"


@dataclass(frozen=True, slots=True)
class Session:
    """Where we are in what they tell: kept between two connections."""

    identifier: str = ""
    sequence: int = 0
    url: str = ""
    user: str = ""

    def kept(self) -> str:
        """Return it as text."""
        return json.dumps([self.identifier, self.sequence, self.url, self.user])


def kept_session(position: str) -> Session:
    """Return the session that a text holds; a new one where it holds none."""
    try:
        identifier, sequence, url, user = json.loads(position or "[]")
        return Session(str(identifier), int(sequence), str(url), str(user))
    except (ValueError, TypeError):
        return Session()


def is_theirs(url: str, base: str) -> bool:
    """Tell whether the token may go there: to Discord, or to the host that we call anyway."""
    try:
        found, known = urlsplit(url), urlsplit(base)
        host = found.hostname or ""
    except ValueError:
        return False
    is_safe = found.scheme == "wss" or (found.scheme, known.scheme) == ("ws", "http")
    return is_safe and (host == known.hostname or host.endswith(_OWN_HOSTS))


class Gateway:
    """One connection: follows what it says, and keeps the beat."""

    def __init__(self, wire: Wire, line: Line, token: str, *, every_message: bool) -> None:
        self._wire, self._line, self._token = wire, line, token
        self._every_message = every_message
        self.session = kept_session(line.position)
        self._interval = 0.0
        self._next_beat = 0.0
        self._is_answered = True
        self._kept_at = time.monotonic()

    def follow(self) -> None:
        """Take what comes while the line is wanted; returns when it should be opened anew. Raises SendError."""
        try:
            self._greet()
            while self._line.is_wanted() and self._beat():
                frame = self._wire.receive(STEP_SECONDS)
                if frame is not None and not self._take(frame):
                    break
            self._wire.close(COME_BACK)
        except WireClosed as error:
            if error.closed_with in _HOPELESS:
                reason = _("Discord refuses the bot token or its intents (%(code)s).")
                raise SendError(reason % {"code": error.closed_with}, kind="auth") from error
            if error.closed_with in _OVER:
                self._forget()
            raise

    def _greet(self) -> None:
        """Wait to be greeted, then go on with the session, or begin one."""
        frame = self._wire.receive(HELLO_SECONDS)
        hello = _read(frame) if frame is not None else None
        if hello is None or hello.number("op") != HELLO:
            raise SendError(_("What answers there is not Discord."), kind="server", retryable=True)
        self._interval = max(1.0, (hello.fields("d").number("heartbeat_interval") or 0) / 1000)
        # Not everybody at once.
        self._next_beat = time.monotonic() + self._interval * random.random()  # noqa: S311
        if self.session.identifier:
            known = {"session_id": self.session.identifier, "seq": self.session.sequence}
            self._say(RESUME, {"token": self._token, **known})
            return
        names = dict.fromkeys(("os", "browser", "device"), "everydesk")
        self._say(IDENTIFY, {"token": self._token, "intents": INTENTS, "properties": names})

    def _beat(self) -> bool:
        """Beat when it is time; tells whether the last beat was answered."""
        now = time.monotonic()
        if now < self._next_beat:
            return True
        if not self._is_answered:
            return False
        self._is_answered, self._next_beat = False, now + self._interval
        self._say(HEARTBEAT, self.session.sequence or None)
        return True

    def _take(self, frame: str | bytes) -> bool:
        """Take one frame; tells whether the connection goes on."""
        raw = frame.encode() if isinstance(frame, str) else frame
        try:
            told = _read(raw)
            kind = told.number("op")
            if kind == DISPATCH:
                self._keep(told, raw)
        except BadPayload as error:
            self._line.unreadable(raw, reason=str(error.message))
            return True
        if kind == HEARTBEAT:
            self._next_beat, self._is_answered = 0.0, True
        elif kind == ACKNOWLEDGED:
            self._is_answered = True
        elif kind == INVALID:
            if told.plain("d") is not True:
                self._forget()
            return False
        return kind != RECONNECT

    def _keep(self, told: Fields, raw: bytes) -> None:
        self.session = replace(self.session, sequence=told.number("s") or self.session.sequence)
        kind, data = told.line("t", 100), told.fields("d")
        if kind == "READY":
            self.session = Session(
                data.identifier("session_id", required=True),
                self.session.sequence,
                data.identifier("resume_gateway_url", 500),
                data.fields("user").identifier("id", required=True),
            )
        if kind in {"READY", "RESUMED"}:
            self._line.works()
        events = read_events(told, Ears(self.session.user, self._every_message))
        now = time.monotonic()
        if events or kind == "READY" or now - self._kept_at > KEEP_SECONDS:
            self._kept_at = now
            self._line.take(raw, events, position=self.session.kept())

    def _forget(self) -> None:
        """Begin anew the next time."""
        self.session = Session(user=self.session.user)
        self._line.take(b"", [], position=self.session.kept())

    def _say(self, kind: int, data: object) -> None:
        self._wire.send(json.dumps({"op": kind, "d": data}))


def _read(frame: str | bytes) -> Fields:
    return read_object(frame.encode() if isinstance(frame, str) else frame)
