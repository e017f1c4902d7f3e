"""What a mail server says arrives in pieces, and is heard whole."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from channels_app.adapters.mail.imap_line import Client


@pytest.fixture
def line() -> Iterator[tuple[Any, socket.socket]]:
    """A client that listens, and the server's end of its line."""
    ours, theirs = socket.socketpair()
    client = Client.__new__(Client)
    facts = {"command_seconds": 5.0, "_goes_on": lambda: True, "_most_bytes": 10_000}
    client.__dict__.update(facts, sock=ours, file=ours.makefile("rb"))
    client._begin()
    yield client, theirs
    for each in (client.file, ours, theirs):
        each.close()


def test_a_line_in_two_pieces_is_heard_whole_where_nothing_waits(line: Any) -> None:
    client, server = line
    client.sock.setblocking(False)
    server.sendall(b"* 1 FETCH (")
    threading.Timer(0.2, server.sendall, [b"FLAGS ())\r\n* 2 EXISTS\r\n"]).start()
    assert client.readline() == b"* 1 FETCH (FLAGS ())\r\n"
    assert client.readline() == b"* 2 EXISTS\r\n"
    assert client.readline() == b""


def test_a_line_that_is_cut_is_no_whole_one(line: Any) -> None:
    client, server = line
    client.sock.setblocking(False)
    server.sendall(b"* 1 FETCH (")
    threading.Timer(0.1, server.close).start()
    assert client.readline() == b"* 1 FETCH ("
