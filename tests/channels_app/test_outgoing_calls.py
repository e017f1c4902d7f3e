import ipaddress
import resource
import socket
import threading
import zlib
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from pytest_django import Settings

from channels_app import egress, http

REFUSED = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "192.0.2.1",
    "198.18.0.1",
    "2001:db8::1",
]


PACKINGS = {"/once": "gzip", "/twice": "gzip, gzip", "/strange": "snappy"}
MEGABYTES = 100


def packed_zeros(times: int) -> bytes:
    """Return 100 MB of zeros, packed so many times; one byte for a packing that nobody knows."""
    found = (bytes(1024 * 1024) for _megabyte in range(MEGABYTES))
    for _time in range(times):
        found = _packed(found)
    return b"".join(found) if times else b"x"


def _packed(parts: Iterable[bytes]) -> Iterator[bytes]:
    gzip = zlib.compressobj(9, wbits=31)
    for part in parts:
        yield gzip.compress(part)
    yield gzip.flush()


class Peer(BaseHTTPRequestHandler):
    calls: list[str] = []
    asked_for: list[str] = []

    def do_GET(self) -> None:
        self.calls.append(self.path)
        self.asked_for.append(self.headers.get("Accept-Encoding", ""))
        status = 302 if self.path == "/redirect" else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/secret")
        body = b"x" * (5000 if self.path == "/long" else 5)
        if self.path in PACKINGS:
            body = packed_zeros(PACKINGS[self.path].count("gzip"))
            self.send_header("Content-Encoding", PACKINGS[self.path])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def peer() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    Peer.calls = []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_told_apart(address: str) -> None:
    assert not egress.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_address_passes(address: str) -> None:
    assert egress.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]"]
)
def test_loopback_is_refused_however_it_is_spelled(peer: str, host: str) -> None:
    port = peer.rpartition(":")[2]
    with pytest.raises(httpx.TransportError):
        http.call("GET", f"http://{host}:{port}/")
    assert Peer.calls == []


def test_an_operator_may_allow_a_private_network(peer: str, settings: Settings) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    assert http.call("GET", f"{peer}/hello").content == b"xxxxx"


def test_a_redirect_is_returned_and_not_followed(peer: str, settings: Settings) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    assert http.call("GET", f"{peer}/redirect").status == 302
    assert Peer.calls == ["/redirect"]


def test_a_reply_above_the_cap_is_cut_off(peer: str, settings: Settings) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with pytest.raises(http.ReplyTooLarge):
        http.call("GET", f"{peer}/long", max_bytes=1000)


@pytest.mark.parametrize("path", PACKINGS)
def test_a_packed_reply_is_refused_and_never_unpacked(
    peer: str, settings: Settings, path: str
) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(http.ReplyPacked):
        http.call("GET", f"{peer}{path}", max_bytes=10_000_000)
    assert Peer.asked_for[-1] == "identity"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


def test_headers_that_drip_end_with_the_call(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(http, "WHOLE_CALL_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = threading.Event()
        threading.Thread(target=_drip, args=(server, gone), daemon=True).start()
        with pytest.raises(httpx.ReadTimeout):
            http.call("GET", f"http://127.0.0.1:{server.getsockname()[1]}/")
        assert gone.wait(10), "the connection was left open"


def _drip(server: socket.socket, gone: threading.Event) -> None:
    line, _address = server.accept()
    with line:
        try:
            line.sendall(b"HTTP/1.1 200 OK\r\nX-More: ")
            while not gone.wait(0.05):
                line.sendall(b"x")
        except OSError:
            gone.set()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/", "gopher://example.com/"]
)
def test_other_schemes_do_not_leave(url: str) -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        http.call("GET", url)
