"""What comes as HTML is read as text, before anything of the database is held."""

import time

import pytest
from django.db import connection

from channels_app.processing import process_due
from channels_app.protocol import Attachment, ContactIdentity, Event
from channels_app.services import arriving, ingesting
from channels_app.services.doors import find_door
from helpdesk.errors import ChannelError
from helpdesk.models import Message

ANN = ContactIdentity("ann", display_name="Ann")
HOSTILE = "<style>p{}</style><script>run()</script><p hidden>no</p><p>怎么<b>退货</b>?</p>"
LONGEST = 200_000


@pytest.fixture
def door(world):
    return find_door(world.channel.public_id)


def arrive(door, **facts):
    event = {"kind": "message", "dedup_key": "1", "provider_id": "m1", "sender": ANN, **facts}
    ingesting.store(door, [Event(**event)], b"raw")
    process_due()


def text(world):
    with world.transaction():
        return Message.objects.get().text


def test_a_message_of_html_is_read_as_text(world, door):
    arrive(door, html=HOSTILE)
    assert text(world) == "怎么退货?"


def test_an_edit_of_html_is_read_as_text(world, door):
    arrive(door, text="old")
    arrive(door, kind="edit", dedup_key="2", html=HOSTILE)
    assert text(world) == "怎么退货?"


def test_the_text_counts_where_there_is_one(world, door):
    arrive(door, text="said", html="<p>shown</p>")
    assert text(world) == "said"


def test_html_with_a_file_that_cannot_be_had_keeps_its_text(world, door, monkeypatch):
    class Adapter:
        def fetch_media(self, attachment):
            raise ChannelError("gone", permanent=True)

    monkeypatch.setattr(arriving, "adapter_for", lambda channel: Adapter())
    file = Attachment("file", "a.txt", url="https://shop.example/a.txt")
    arrive(door, html="<p>look</p>", attachments=(file,))
    assert text(world).splitlines() == ["look", "［无法取得文件「a.txt」。］"]


def test_html_is_read_before_a_transaction_is_open(world, door, monkeypatch):
    seen = []
    real = arriving.plain_text

    def watched(*html):
        seen.append(connection.in_atomic_block)
        return real(*html)

    monkeypatch.setattr(arriving, "plain_text", watched)
    arrive(door, html=HOSTILE)
    arrive(door, kind="edit", dedup_key="2", html="<p>new</p>")
    assert (seen, text(world)) == ([False, False], "new")


@pytest.mark.parametrize("outside", [0, 149])
@pytest.mark.parametrize(
    "piece", ["<p>x</p>", "<ul><li>", "<li>x", "<td>x", "<table><tr><td>x", "<blockquote><p>x"]
)
def test_html_is_read_to_its_end_in_time_that_grows_with_its_length(piece, outside):
    quarter, whole = (_seconds("<div>" * outside, piece, part) for part in (LONGEST // 4, LONGEST))
    # Four times the text: sixteen times the work would be twice as much as this.
    assert whole < 8 * quarter


def _seconds(outside, piece, length):
    """Return the CPU seconds of reading HTML of this many characters, the best of three."""
    html = (outside + piece * length)[: length - 4] + ">end"
    event = Event(kind="message", dedup_key="1", sender=ANN, html=html)
    spent = []
    for _try in range(3):
        begun = time.process_time()
        found, _files = arriving.prepared_files(None, event, hold=lambda: None)
        spent.append(time.process_time() - begun)
        assert found.text.endswith("end")
    return min(spent)
