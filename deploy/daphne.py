"""Daphne for many sockets that hear the same: a text is encoded once, and sent without a turn of the loop.

The application speaks plain ASGI and runs on any server; this one only makes a broadcast cheaper.
"""

from functools import lru_cache
from typing import Any

from autobahn.websocket.protocol import PreparedMessage
from daphne.cli import CommandLineInterface
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.tcp import Connection

# More than one: a conversation moves on while its last text is still being sent to others.
REMEMBERED_FRAMES = 16


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


class BroadcastServer(Server):  # type: ignore[misc]  # Daphne ships no types
    """Daphne with this protocol for its sockets."""

    def __init__(self, *args: Any, **options: Any) -> None:  # Any: what Daphne's command line gives
        super().__init__(*args, **options)
        self.ready_callable = self._share_frames

    def _share_frames(self) -> None:
        self.ws_factory.protocol = BroadcastProtocol
        # What is too large is refused with the code that says so, instead of a connection that is cut.
        self.ws_factory.setProtocolOptions(failByDrop=False)


class BroadcastCommand(CommandLineInterface):  # type: ignore[misc]  # Daphne ships no types
    """Daphne's command line."""

    server_class = BroadcastServer


if __name__ == "__main__":
    BroadcastCommand.entrypoint()
