"""The line to an IMAP server: to the address that was checked, for so long, and for so many bytes."""

import imaplib
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from channels_app import egress

CONNECT_SECONDS = 5.0
# Whoever drips answers byte by byte passes every timeout but this, for one command.
COMMAND_SECONDS = 300.0
# A server may count line ends in another way than it sends them.
MARGIN_BYTES = 1024 * 1024
PIECE_BYTES = 64 * 1024
LONGEST_LINE = 1_000_000
# What keeping a line costs besides its letters.
LINE_BYTES = 100


class Client(imaplib.IMAP4):
    """Listens to the answers to a command for so long, to so many bytes, and while `goes_on` says so."""

    # Any: what imaplib's own constructors take.
    def __init__(
        self, *args: Any, goes_on: Callable[[], bool], most_bytes: int, **kwargs: Any
    ) -> None:
        self.command_seconds = COMMAND_SECONDS
        self._goes_on, self._most_bytes = goes_on, most_bytes + MARGIN_BYTES
        super().__init__(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:  # Any: as above
        self._begin()
        super().open(*args, **kwargs)

    def _command(self, name: str, *args: Any) -> bytes:  # Any: as above
        self._begin()
        # What was said unasked would be kept as long as the connection.
        self.untagged_responses.clear()
        tag: bytes = super()._command(name, *args)  # type: ignore[misc]  # not in its annotations
        return tag

    def read(self, size: int) -> bytes:
        if size > self._bytes_left:
            raise self.abort("a literal larger than any mail that was asked for")
        file: Any = self.file  # a BufferedReader, which its annotations do not say
        pieces = []
        while size and (piece := file.read1(min(size, PIECE_BYTES))):
            pieces.append(piece)
            size -= len(piece)
            self._heard(len(piece))
        return b"".join(pieces)

    def readline(self) -> bytes:
        file: Any = self.file  # as above
        line = bytearray()
        self._heard(LINE_BYTES)
        while not line.endswith(b"\n") and (heard := file.peek(1) or self._rest_of(line)):
            piece = file.read1(heard.find(b"\n") + 1 or len(heard))
            line += piece
            self._heard(len(piece))
            if len(line) > LONGEST_LINE:
                raise self.abort("a line longer than any that was asked for")
        return bytes(line)

    def _rest_of(self, line: bytearray) -> bytes:
        """Wait for what follows the beginning of a line where reading itself does not wait, as in IDLE."""
        if not line or self.sock.gettimeout() != 0:
            return b""
        select.select([self.sock], [], [], max(0.0, self._deadline - time.monotonic()))
        file: Any = self.file  # as above
        rest: bytes = file.peek(1)
        return rest

    def _begin(self) -> None:
        self._deadline = time.monotonic() + self.command_seconds
        self._bytes_left = self._most_bytes

    def _heard(self, count: int) -> None:
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise self.abort("more bytes than any mail that was asked for")
        if time.monotonic() > self._deadline or not self._goes_on():
            raise TimeoutError


class Plain(Client):
    """Connects to the address that was checked."""

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return _pinned(self.host, self.port, timeout)


class Tls(Client, imaplib.IMAP4_SSL):
    """The same with TLS, which verifies the name that was asked for."""

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        line = _pinned(self.host, self.port, timeout)
        context: ssl.SSLContext = self.ssl_context
        return context.wrap_socket(line, server_hostname=self.host)


def _pinned(host: str, port: int, timeout: float | None) -> socket.socket:
    line = egress.connect(host, port, CONNECT_SECONDS)
    line.settimeout(timeout)
    return line
