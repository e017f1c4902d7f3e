"""The server of the sockets: what it sends arrives whole and in order."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.deploy.stack import PROJECT, eventually, free_port, is_listening

FRAME_LIMIT = 65536


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    port = free_port()
    command = [
        *(sys.executable, "-m", "deploy.daphne", "-v", "0", "-p", str(port)),
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
