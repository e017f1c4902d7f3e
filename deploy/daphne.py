"""Daphne for many sockets that hear the same, and for bodies of any size.

A text is encoded once, and sent without a turn of the loop. A body that is too large is refused before
any of it is kept, and one that does not come is not waited for: Daphne by itself writes all of it to disk
before the application is asked, however long that takes.
"""

import time
from functools import lru_cache
from typing import Any

import daphne.server
from autobahn.websocket.protocol import PreparedMessage
from daphne.cli import CommandLineInterface
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from django.conf import settings
from twisted.internet import reactor
from twisted.internet.base import DelayedCall
from twisted.internet.tcp import Connection

# More than one: a conversation moves on while its last text is still being sent to others.
REMEMBERED_FRAMES = 16
# How long what a refused sender still sends is thrown away, so that the answer is not lost with it.
LINGER_SECONDS = 2.0
# How long a body may take: this, and a second more for so many bytes that have come.
BODY_SECONDS = 30.0
BODY_BYTES_A_SECOND = 64 * 1024
TOO_LARGE, TOO_SLOW = b"413 Content Too Large", b"408 Request Timeout"
REFUSAL = (
    b"HTTP/1.1 %s\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 0\r\n\r\n"
)


@lru_cache(maxsize=REMEMBERED_FRAMES)
def frame_of(text: str) -> bytes:
    """Return the websocket frame of a text, made once for all who are sent it."""
    message = PreparedMessage(text.encode(), isBinary=False, applyMask=False, doNotCompress=True)
    return message.payloadHybi


class BroadcastProtocol(WebSocketProtocol):  # type: ignore[misc]  # Daphne ships no types
    """A socket that shares the frame of a text with those that were sent the same text before it."""

    is_plain = False

    def onOpen(self) -> None:  # noqa: N802  (Autobahn's name)
        """Note whether nothing stands between this socket and the system."""
        self.is_plain = isinstance(self.transport, Connection) and not self.transport.TLS
        super().onOpen()

    def serverSend(self, content: Any, binary: bool = False) -> None:  # noqa: N802  (Any: text or bytes)
        """Send text or bytes to an open socket; nothing to one that closes.

        The limit on the size of messages is for those that come in.
        """
        if self.state != self.STATE_OPEN:
            return
        if binary or self.websocket_extensions_in_use:
            super().serverSend(content, binary)
        else:
            self._write(frame_of(content))

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802  (Daphne's name)
        """Close with any code of the standard: Autobahn offers its users 1000 and their own only.

        Browsers that are told 1012 or 1013 come back by themselves.
        """
        self.sendCloseFrame(code=1000 if code is None else code)

    def _write(self, frame: bytes) -> None:
        """Write at once what the system takes now; Twisted waits with the rest until it takes more.

        Twisted by itself asks the system twice for each frame when it may write and then that it need
        not know any more: two thirds of what a frame costs.
        """
        transport = self.transport
        # What waits already is not overtaken.
        is_waiting = transport.dataBuffer or transport._tempDataBuffer if self.is_plain else True
        if is_waiting or transport.disconnecting or not transport.connected:
            transport.write(frame)
            return
        written = transport.writeSomeData(frame)
        # A connection that is lost says so to whoever writes next.
        rest = frame if isinstance(written, BaseException) else frame[written:]
        if rest:
            transport.write(rest)


class BoundedRequest(WebRequest):  # type: ignore[misc]  # Daphne ships no types
    """A request whose body is thrown away as soon as it is known to be too large, or too slow."""

    is_refused = False
    received_bytes = 0
    began_at = 0.0
    _pace: DelayedCall | None = None

    def gotLength(self, length: int | None) -> None:  # noqa: N802  (Twisted's name)
        """Refuse what says it is too large; a body in pieces does not say."""
        super().gotLength(length)
        if length is not None and length > settings.REQUEST_MAX_BYTES:
            self._refuse(TOO_LARGE)
        elif length != 0:
            self.began_at = time.monotonic()
            self._check_pace()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802  (Twisted's name)
        """Keep one piece of the body, unless it is one too many."""
        self.received_bytes += len(data)
        if self.received_bytes > settings.REQUEST_MAX_BYTES:
            self._refuse(TOO_LARGE)
        if not self.is_refused:
            super().handleContentChunk(data)

    def process(self) -> None:
        """Hand the request to the application."""
        self._stop_watching()
        if not self.is_refused:
            super().process()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802  (Any: Twisted's name and type)
        """Forget a sender who left."""
        self._stop_watching()
        super().connectionLost(reason)

    def _check_pace(self) -> None:
        allowed = BODY_SECONDS + self.received_bytes / BODY_BYTES_A_SECOND
        left = self.began_at + allowed - time.monotonic()
        if left <= 0:
            self._refuse(TOO_SLOW)
        else:
            self._pace = reactor.callLater(left, self._check_pace)  # type: ignore[arg-type]  # as below

    def _stop_watching(self) -> None:
        if self._pace is not None and self._pace.active():
            self._pace.cancel()

    def _refuse(self, status: bytes) -> None:
        if self.is_refused:
            return
        self.is_refused = True
        self._stop_watching()
        # Twisted would ask for the body after it was refused.
        self.requestHeaders.removeHeader(b"Expect")
        self.channel.dataReceived = _ignore
        transport = self.channel.transport
        transport.write(REFUSAL % status)
        # The type checker counts the interface's arguments from `self`.
        reactor.callLater(LINGER_SECONDS, transport.loseConnection)  # type: ignore[arg-type]


def _ignore(data: bytes) -> None:
    """Throw away what a refused sender still sends."""


class BoundedFactory(HTTPFactory):  # type: ignore[misc]  # Daphne ships no types
    """Daphne's connections, with requests of bounded size."""

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802  (Any: Twisted's own types)
        """Return the protocol of one connection."""
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = BoundedRequest
        return protocol


class BroadcastServer(Server):  # type: ignore[misc]  # Daphne ships no types
    """Daphne with these requests and this protocol for its sockets."""

    def __init__(self, *args: Any, **options: Any) -> None:  # Any: what Daphne's command line gives
        super().__init__(*args, **options)
        self.ready_callable = self._share_frames

    def run(self) -> None:
        """Serve until told to stop."""
        daphne.server.HTTPFactory = BoundedFactory  # it offers no other place
        super().run()

    def _share_frames(self) -> None:
        self.ws_factory.protocol = BroadcastProtocol
        # What is too large is refused with the code that says so, instead of a connection that is cut.
        self.ws_factory.setProtocolOptions(failByDrop=False)


class BroadcastCommand(CommandLineInterface):  # type: ignore[misc]  # Daphne ships no types
    """Daphne's command line."""

    server_class = BroadcastServer


if __name__ == "__main__":
    BroadcastCommand.entrypoint()
