"""Whoever sets up a channel reaches no server inside this network, however its host is spelled."""

import socket
import threading
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from channels_app.adapters.mail import imap, smtp
from channels_app.protocol import ChannelConfig
from helpdesk.errors import ChannelError
from tests.channels_app.mail.conftest import settings_for

LOOPBACK = [
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.1",
    "0177.1",
    "127.0.0.1.",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "ｌocalhost",
    "0",
    "0.0.0.0",
    "0x0",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "::1%lo",
]
INSIDE = [
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "2852039166",
    "100.64.0.1",
    "fe80::1",
    "fc00::1",
    "::ffff:10.0.0.1",
    "255.255.255.255",
    "224.0.0.1",
]
NONSENSE = ["", " ", "\x00", "a" * 300, "127.0.0.1\r\nX"]


@pytest.fixture
def canary() -> Iterator[tuple[int, list[str]]]:
    """Listen on every loopback address and note who connects."""
    seen: list[str] = []
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        listener.settimeout(0.05)
        stop = threading.Event()

        def listen() -> None:
            while not stop.is_set():
                try:
                    line, address = listener.accept()
                except TimeoutError:
                    continue
                seen.append(str(address))
                line.close()

        thread = threading.Thread(target=listen)
        thread.start()
        yield listener.getsockname()[1], seen
        stop.set()
        thread.join(5)


def channel(host: str, port: int, security: str) -> ChannelConfig:
    return ChannelConfig(
        "box-1",
        settings_for(
            imap_host=host,
            imap_port=port,
            imap_security=security,
            smtp_host=host,
            smtp_port=port,
            smtp_security=security,
        ),
    )


@pytest.mark.parametrize("security", ["none", "tls", "starttls"])
def test_no_spelling_reaches_what_is_inside(canary: tuple[int, list[str]], security: str) -> None:
    port, seen = canary
    for host in (*LOOPBACK, *INSIDE, *NONSENSE):
        config = channel(host, port, security)
        with pytest.raises(ChannelError):
            imap.count_mails(config)
        with pytest.raises(ChannelError):
            smtp.test(config)
    # One that is allowed comes through, and so the others would have.
    socket.create_connection(("127.0.0.1", port)).close()
    while not seen:
        pass
    assert len(seen) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "::ffff:127.0.0.1"])
def test_what_the_operator_allows_is_reached(
    canary: tuple[int, list[str]], settings: Settings, host: str
) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128", "::ffff:127.0.0.0/104"]
    port, seen = canary
    with pytest.raises(ChannelError):
        smtp.test(channel(host, port, "none"))
    with pytest.raises(ChannelError):
        imap.count_mails(channel(host, port, "none"))
    assert len(seen) == 2


def test_a_name_that_turns_private_after_the_check_gains_nothing(
    canary: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, seen = canary
    answers = ["192.0.2.9", "127.0.0.1"]
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def rebinding(host: str, *rest: object, **how: object) -> object:
        if host != "mail.evil.example":
            return resolve(host, *rest, **how)  # type: ignore[arg-type]
        asked.append(host)
        return resolve(answers[min(len(asked), 2) - 1], *rest, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    for _time in range(2):
        with pytest.raises(ChannelError):
            smtp.test(channel("mail.evil.example", port, "none"))
    assert (len(asked), seen) == (2, [])
