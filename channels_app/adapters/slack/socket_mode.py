"""Slack's Socket Mode: envelopes over a websocket, each acknowledged once what it holds is stored.

https://docs.slack.dev/apis/events-api/using-socket-mode. What an envelope holds is read as the call that
would have brought it to our address: by either way it is the same event.

Slack replaces sockets every few hours. It says so some seconds before, and several may be open at once.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from channels_app.adapters.slack.reading import read_events
from channels_app.json_fields import read_object
from channels_app.protocol import BadPayload, Line, SendError
from channels_app.wires import Wire, WireClosed

HELLO_SECONDS = 20.0
STEP_SECONDS = 1.0
# What a socket that is replaced may still say, before the next one is heard.
MOST_LAST_WORDS = 100
HELLO, EVENT, INTERACTION, GOODBYE = "hello", "events_api", "interactive", "disconnect"
# Somebody has switched Socket Mode off, or revoked the token.
SWITCHED_OFF = "link_disabled"


def hold(opened: Callable[[], AbstractContextManager[Wire]], line: Line, team: str) -> None:
    """Hold one socket after another while the line is wanted; the next is open before one is hung up.

    Raises SendError where none can be had, and WireClosed where one broke without a word.
    """
    with ExitStack() as held:
        socket = _Socket(held.enter_context(opened()), line, team)
        socket.greet()
        while socket.follow():
            with held.pop_all():
                before, socket = socket, _Socket(held.enter_context(opened()), line, team)
                socket.greet()
                before.drain()


class _Socket:
    """One socket, from its greeting until it is replaced."""

    def __init__(self, wire: Wire, line: Line, team: str) -> None:
        self._wire, self._line, self._team = wire, line, team

    def greet(self) -> None:
        """Wait until Slack says that it has let us in. Raises SendError."""
        frame = self._wire.receive(HELLO_SECONDS)
        try:
            is_hello = frame is not None and read_object(_raw(frame)).line("type", 50) == HELLO
        except BadPayload:
            is_hello = False
        if not is_hello:
            raise SendError(_("What answers there is not Slack."), kind="server", retryable=True)
        self._line.works()

    def follow(self) -> bool:
        """Take what comes; tells whether another socket should replace this one, or the line is over."""
        while self._line.is_wanted():
            frame = self._wire.receive(STEP_SECONDS)
            if frame is not None and not self._take(_raw(frame)):
                return True
        return False

    def drain(self) -> None:
        """Take what is still on its way; Slack may hang up first."""
        with suppress(WireClosed):
            for _each in range(MOST_LAST_WORDS):
                frame = self._wire.receive(STEP_SECONDS)
                if frame is None:
                    return
                self._take(_raw(frame))

    def _take(self, raw: bytes) -> bool:
        """Store and acknowledge one frame; tells whether the socket goes on. Raises SendError."""
        try:
            told = read_object(raw)
            kind, identifier = told.line("type", 50), told.identifier("envelope_id")
            reason = told.line("reason", 200)
        except BadPayload as error:
            # Nobody can acknowledge it: it comes again, or never mattered.
            self._line.unreadable(raw, reason=str(error.message))
            return True
        if kind == GOODBYE:
            if reason == SWITCHED_OFF:
                told_why = _("Slack says that Socket Mode is switched off for the app.")
                raise SendError(told_why, kind="auth")
            return False
        if kind in {EVENT, INTERACTION}:
            self._keep(_as_call(kind, told.plain("payload")))
        if identifier:
            # Other kinds, such as commands, mean nothing to us, and would come again.
            self._wire.send(json.dumps({"envelope_id": identifier}))
        return True

    def _keep(self, body: bytes) -> None:
        try:
            events = read_events(body, self._team)
        except BadPayload as error:
            self._line.unreadable(body, reason=str(error.message))
        else:
            self._line.take(body, events)


def _as_call(kind: str, payload: object) -> bytes:
    """Return the body of the call that would have brought this to our address."""
    written = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
    return written if kind == EVENT else urlencode({"payload": written}).encode()


def _raw(frame: str | bytes) -> bytes:
    return frame.encode("utf-8", "replace") if isinstance(frame, str) else frame
