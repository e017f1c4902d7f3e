"""A server that everything ends at which asks a foreign host: it answers with traps and tells who came."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.hostile_letters import PIXEL

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(top.__pwn=1)"/>'
HTML = b"<!doctype html><script>alert(top.__pwn=1)</script>"
# By the end of what is asked for: what it claims to be, and what it is.
ANSWERS = {
    "lies.png": ("image/png", HTML),
    ".svg": ("image/svg+xml", SVG),
    ".html": ("text/html", HTML),
}
# Where our own server finds what others have; whoever comes elsewhere is a browser. Of all of 127.0.0.0/8
# Linux says it is this machine.
OURS, THEIRS = "127.0.0.2", "127.0.0.1"
# Names of others lead nowhere but here for our own server; nothing leaves the machine.
RESOLVER = f"""
import socket

_ask = socket.getaddrinfo


def _answer(host, *rest, **options):
    return _ask(host if host in (None, "localhost", "{THEIRS}") else "{OURS}", *rest, **options)


socket.getaddrinfo = _answer
"""


@dataclass
class Sink:
    """What arrived: from our own server, and from anybody else, which nobody may."""

    port: int = 0
    fetched: list[str] = field(default_factory=list)
    leaked: list[bytes] = field(default_factory=list)

    def hear(self, said: bytes, at: str) -> bytes:
        """Note who asks for what, and return the answer."""
        path = said.partition(b" ")[2].partition(b" ")[0].decode("ascii", "replace")
        if at != OURS:
            self.leaked.append(_told(said))
        else:
            host = said.lower().partition(b"\r\nhost: ")[2].partition(b"\r\n")[0].decode()
            self.fetched.append(f"http://{host}{path}" if host else "")
        if path.endswith("/elsewhere"):
            return b"HTTP/1.1 302 Found\r\nLocation: http://redirected.example/x.png\r\n\r\n"
        mime, data = next(
            (ANSWERS[end] for end in ANSWERS if path.endswith(end)), ("image/png", PIXEL)
        )
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\nContent-Length: {len(data)}\r\n"
        return head.encode() + b"Connection: close\r\n\r\n" + data


def _told(said: bytes) -> bytes:
    """Return what was asked for: the request, or of an encrypted call the names in it."""
    if said[:1] != b"\x16":
        return said[:300]
    return b"TLS " + b" ".join(re.findall(rb"[\w-]+(?:\.[\w-]+)+", said))


@contextmanager
def sink() -> Iterator[Sink]:
    """Open one on loopback."""
    opened = Sink()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(5)
            try:
                said = self.request.recv(8192)
            except OSError:
                said = b""
            # A connection that says nothing has told enough.
            answer = opened.hear(said, self.request.getsockname()[0])
            if said:
                self.request.sendall(answer)

    with _server(THEIRS, 0, Handler) as theirs:
        opened.port = int(theirs.server_address[1])
        with _server(OURS, opened.port, Handler):
            yield opened


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64


@contextmanager
def _server(
    address: str, port: int, handler: type[socketserver.BaseRequestHandler]
) -> Iterator[_Server]:
    with _Server((address, port), handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
