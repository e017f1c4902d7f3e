"""However a private address is spelled, no connection reaches what listens there."""

import contextlib
import socket

import httpcore
import httpx
import pytest

from channels_app import egress
from channels_app.adapters.webhook.adapter import Adapter
from channels_app.protocol import (
    Attachment,
    ChannelConfig,
    ContactIdentity,
    OutboundMessage,
    SendError,
)
from helpdesk.errors import ChannelError

MESSAGE = OutboundMessage("r-1", ContactIdentity("u-1"), "可以退货")
# What a hostile or careless name server would say.
NAMES = {
    "inside.example": ["10.1.2.3"],
    "loopback.example": ["127.0.0.1"],
    "mixed.example": ["93.184.215.14", "127.0.0.1"],
    "mixed6.example": ["2606:4700::1111", "::1"],
    "metadata.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "localhost.example.": ["127.0.0.1"],
}
SPELLINGS = [
    "http://127.0.0.1:{port}/",
    "http://127.0.0.2:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://127.255.255.254:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0X7F.0.0.1:{port}/",
    "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://00000177.0.0.1:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://１２７.０.０.１:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "http://ⓛocalhost:{port}/",
    "http://user@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@example.com/",
    "http://127.0.0.1:{port}?@example.com/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http://example.com\\@127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}",
    "//127.0.0.1:{port}/",
    "HTTP://127.0.0.1:{port}/",
    " http://127.0.0.1:{port}/ ",
    "http://127.0.0.1%00.example.com:{port}/",
    "http://127%2e0%2e0%2e1:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:7f00:1::80ff:fffe]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[fe80::1%lo]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[fd00:ec2::254]:{port}/",
    "http://[ff02::1]:{port}/",
    "http://10.0.0.1:{port}/",
    "http://172.16.0.1:{port}/",
    "http://192.168.0.1:{port}/",
    "http://100.64.0.1:{port}/",
    "http://169.254.169.254:{port}/latest/meta-data/",
    "http://0xa9fea9fe:{port}/",
    "http://2852039166:{port}/",
    "http://192.0.0.1:{port}/",
    "http://198.18.0.1:{port}/",
    "http://224.0.0.1:{port}/",
    "http://240.0.0.1:{port}/",
    "http://255.255.255.255:{port}/",
    "https://127.0.0.1:{port}/",
    "https://[::1]:{port}/",
    "gopher://127.0.0.1:{port}/",
    "file://127.0.0.1:{port}/etc/passwd",
    *(f"http://{name}:{{port}}/" for name in NAMES),
]


@pytest.fixture
def canary(monkeypatch):
    """Listen on every loopback address; returns the port and a count of connections."""
    real = socket.getaddrinfo

    def look_up(host, port, family=0, type=0):
        # Numbers are read by the system as ever; names are answered from the table.
        answers = NAMES.get(host.lower()) or [host]
        rows = []
        for answer in answers:
            flags = 0 if answer.rstrip(".").lower() == "localhost" else socket.AI_NUMERICHOST
            rows += real(answer, port, family, type, flags=flags)
        return rows

    monkeypatch.setattr(egress.socket, "getaddrinfo", look_up)
    with contextlib.ExitStack() as open_sockets:
        listener = open_sockets.enter_context(
            socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        )
        listener.setblocking(False)

        def count():
            found = 0
            with contextlib.suppress(BlockingIOError):
                while True:
                    listener.accept()[0].close()
                    found += 1
            return found

        yield listener.getsockname()[1], count


def send(url):
    Adapter(ChannelConfig("c", settings={"callback_url": url}, secrets=("s",))).send(MESSAGE)


def fetch(url):
    Adapter(ChannelConfig("c")).fetch_media(Attachment("file", url=url))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_private_address_is_never_reached(canary, spelling):
    port, connections = canary
    url = spelling.format(port=port)
    with pytest.raises(SendError) as raised:
        send(url)
    assert not raised.value.ambiguous  # nothing left this house
    with pytest.raises(ChannelError):
        fetch(url)
    assert connections() == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "017700000001", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
)
def test_the_listener_hears_what_an_operator_allows(canary, settings, monkeypatch, host):
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128", "::ffff:127.0.0.0/104"]
    monkeypatch.setattr("channels_app.calling.TIMEOUT", httpx.Timeout(20, read=0.05))
    port, connections = canary
    with pytest.raises(SendError) as raised:
        send(f"http://{host}:{port}/")
    assert raised.value.ambiguous
    assert connections() == 1


def test_a_refused_address_is_not_tried_again(canary):
    port, _connections = canary
    with pytest.raises(SendError) as raised:
        send(f"http://mixed.example:{port}/")
    error = raised.value
    assert (error.kind, error.retryable) == ("undeliverable", False)


def test_a_name_that_changes_its_address_gains_nothing(canary, settings, monkeypatch):
    port, connections = canary
    asked = []

    def look_up(host, port, **more):
        asked.append(host)
        address = "192.0.2.7" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    reached = []

    def connect(self, host, *rest):
        reached.append(host)
        raise httpcore.ConnectError

    monkeypatch.setattr(egress.socket, "getaddrinfo", look_up)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    settings.OUTGOING_ALLOWED_NETWORKS = ["192.0.2.0/24"]  # stands for a public network
    with pytest.raises(SendError):
        send(f"http://rebinding.example:{port}/")
    assert (asked, reached) == (["rebinding.example"], ["192.0.2.7"])
    assert connections() == 0


@pytest.mark.parametrize(
    "url",
    [
        "x",
        "http://",
        "http://[",
        "http://\x00/",
        "http://a b/",
        "http://" + "a" * 64 + ".com/",
        "http://h:99999/",
    ],
)
def test_an_address_that_is_none_is_an_error_and_nothing_worse(canary, url):
    with pytest.raises(SendError) as raised:
        send(url)
    assert not raised.value.ambiguous
