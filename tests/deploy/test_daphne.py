"""The server of the sockets: what it sends arrives whole and in order."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.deploy.stack import PROJECT, eventually, free_port, is_listening

FRAME_LIMIT = 65536


HURRIED = (
    "from deploy import daphne; daphne.BODY_SECONDS = 0.2; daphne.BroadcastCommand.entrypoint()"
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    yield from serve("-m", "deploy.daphne")


@pytest.fixture
def hurried_address() -> Iterator[str]:
    """A server that waits for a body for a moment only."""
    yield from serve("-c", HURRIED)


def serve(*program: str) -> Iterator[str]:
    port = free_port()
    command = [
        *(sys.executable, *program, "-v", "0", "-p", str(port)),
        *("--websocket-max-message-size", str(FRAME_LIMIT)),
        "tests.deploy.counting:application",
    ]
    with subprocess.Popen(command, cwd=PROJECT) as server:
        try:
            eventually(lambda: is_listening(port))
            yield f"ws://127.0.0.1:{port}/"
        finally:
            server.terminate()


def test_a_slow_reader_gets_everything_in_order(address: str) -> None:
    count, size = 600, 20_000

    async def work() -> list[str]:
        # What the system does not take at once must wait, and nothing may overtake it.
        async with connect(address, max_queue=1, max_size=None, proxy=None) as socket:
            await socket.send(f"{count} {size}")
            return [str(await socket.recv()) for _ in range(count)]

    heard = asyncio.run(work())
    assert [int(text.split()[0]) for text in heard] == list(range(count))
    assert {len(text) for text in heard} == {size}


def test_the_limit_on_what_comes_in_does_not_bind_what_goes_out(address: str) -> None:
    async def work() -> str:
        async with connect(address, max_size=None, proxy=None) as socket:
            await socket.send(f"1 {FRAME_LIMIT * 2}")
            return str(await socket.recv())

    assert len(asyncio.run(work())) == FRAME_LIMIT * 2


@pytest.mark.parametrize("code", [1009, 1012, 1013, 4001])
def test_a_socket_closes_with_the_code_that_was_asked_for(address: str, code: int) -> None:
    async def work() -> int | None:
        async with connect(address, proxy=None) as socket:
            await socket.send(f"leave {code}")
            # What the application sends after that goes nowhere.
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            return socket.close_code

    assert asyncio.run(work()) == code


def test_what_is_too_large_is_refused_with_the_code_that_says_so(address: str) -> None:
    async def work() -> int | None:
        async with connect(address, proxy=None) as socket:
            await socket.send("x" * (FRAME_LIMIT + 1))
            await socket.wait_closed()
            return socket.close_code

    assert asyncio.run(work()) == 1009


def _post(address: str, declared: str, body: bytes = b"") -> HTTPResponse:
    """Send the head of a request and some of its body; returns what is answered by then."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as line:
        line.sendall(f"POST / HTTP/1.1\r\nHost: desk\r\n{declared}\r\n\r\n".encode() + body)
        answer = HTTPResponse(line)
        answer.begin()
        return answer


def _piece(size: int) -> bytes:
    return f"{size:x}\r\n".encode() + b"x" * size + b"\r\n"


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(address: str) -> None:
    most = settings.REQUEST_MAX_BYTES
    assert _post(address, f"Content-Length: {most + 1}").status == 413
    assert _post(address, "Content-Length: 5", b"12345").status == 200


def test_a_body_in_pieces_is_refused_at_the_piece_that_is_too_much(address: str) -> None:
    pieces = b"".join(_piece(1_000_000) for _ in range(settings.REQUEST_MAX_BYTES // 1_000_000))
    fits = _post(address, "Transfer-Encoding: chunked", pieces + b"0\r\n\r\n")
    assert fits.status == 200
    # It never ends, and is answered all the same.
    assert _post(address, "Transfer-Encoding: chunked", pieces + _piece(1_000_000)).status == 413


def test_whoever_sends_all_of_it_first_still_hears_that_it_is_too_large(address: str) -> None:
    parts = urlsplit(address)
    line = HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    line.request("POST", "/", body=b"x" * (settings.REQUEST_MAX_BYTES + 1))
    assert line.getresponse().status == 413
    line.close()


@pytest.mark.parametrize("length", [5, settings.REQUEST_MAX_BYTES + 1])
def test_nobody_is_asked_for_a_body_that_was_refused(address: str, length: int) -> None:
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as line:
        head = f"POST / HTTP/1.1\r\nHost: desk\r\nExpect: 100-continue\r\nContent-Length: {length}"
        line.sendall(f"{head}\r\n\r\n".encode())
        heard = b""
        if length > 5:
            while piece := line.recv(4096):
                heard += piece
        else:
            heard = line.recv(4096)
    assert (heard.count(b"100 Continue"), heard.count(b"413")) == (
        (1, 0) if length == 5 else (0, 1)
    )


@pytest.mark.parametrize("declared", ["Content-Length: 2000000", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_not_waited_for(hurried_address: str, declared: str) -> None:
    assert _post(hurried_address, "Content-Length: 5", b"12345").status == 200
    started = _piece(10) if "chunked" in declared else b"x" * 10
    answer = _post(hurried_address, declared, started)
    assert (answer.status, answer.getheader("Connection")) == (408, "close")


def test_a_body_that_keeps_coming_has_its_time(hurried_address: str) -> None:
    parts = urlsplit(hurried_address)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as line:
        line.sendall(b"POST / HTTP/1.1\r\nHost: desk\r\nContent-Length: 1000001\r\n\r\n")
        line.sendall(b"x" * 1_000_000)
        # Sixteen seconds are left, and more than the first moment has passed.
        line.settimeout(0.6)
        with pytest.raises(TimeoutError):
            line.recv(1)
        line.settimeout(10)
        line.sendall(b"x")
        answer = HTTPResponse(line)
        answer.begin()
        assert answer.status == 200
