"""Long replies leave in parts: cut where a reader would, each sent once, told of as one."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from channels_app.leaving.parts import parts_of
from channels_app.models import SentPart
from channels_app.protocol import (
    Attachment,
    Capabilities,
    ContactIdentity,
    Event,
    OutboundMessage,
    SendError,
    SendResult,
)
from channels_app.services import receipts
from helpdesk.models import Channel, Delivery
from helpdesk.splitting import count_messages, split
from tests.channels_app import vendors
from tests.channels_app.vendors import FAILED, SENT, Vendor, row, states
from tests.factories import World

FAMILY = "👨‍👩‍👧‍👦"
CHARACTERS = ("a", "你", "。", " ", "\n", FAMILY, "👍🏽", "é", "🇨🇳")
MESSAGE = OutboundMessage(client_ref=str(uuid.uuid4()), to=ContactIdentity("u-1"), text="")
SIZES = {
    "characters": len,
    "bytes": lambda text: len(text.encode()),
    "utf16": lambda text: len(text.encode("utf-16-le")) // 2,
}


@given(
    text=st.lists(st.sampled_from(CHARACTERS), max_size=120).map("".join),
    most=st.integers(30, 60),
    unit=st.sampled_from(sorted(SIZES)),
)
def test_parts_are_the_text_again_and_fit_and_cut_no_character(text, most, unit):
    parts = split(text, most, unit)
    assert "".join(parts) == text
    assert all(SIZES[unit](part) <= most for part in parts)
    assert sum(len(regex.findall(r"\X", part)) for part in parts) == len(regex.findall(r"\X", text))


@pytest.mark.parametrize("unit", SIZES)
def test_an_emoji_at_the_limit_goes_whole_into_the_next_part(unit):
    text = "a" * 40 + FAMILY
    assert split(text, 45, unit) == ["a" * 40, FAMILY]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("one two three. four five six", "one two three. "),
        ("第一句话在这里。第二句话也在这里", "第一句话在这里。"),
        ("one two three\nfour five six", "one two three\n"),
        ("one two three four five", "one two three "),
    ],
)
def test_a_text_is_cut_where_a_reader_would(text, first):
    most = 12 if text[0] == "第" else 18
    assert split(text, most, "characters")[0] == first


def test_a_character_larger_than_the_limit_is_cut_all_the_same():
    parts = split("e" + "\u0301" * 50, 10, "characters")
    assert "".join(parts) == "e" + "\u0301" * 50
    assert max(map(len, parts)) <= 10


def test_files_follow_the_text_where_they_travel_on_their_own():
    files = tuple(Attachment("file", filename=name) for name in ("a", "b"))
    message = replace(MESSAGE, text="x" * 15, attachments=files, reply_to="m-1")
    apart = parts_of(message, Capabilities(text_max=10, files_apart=True))
    assert [(each.text, len(each.attachments)) for each in apart] == [
        ("x" * 10, 0),
        ("x" * 5, 0),
        ("", 1),
        ("", 1),
    ]
    together = parts_of(message, Capabilities(text_max=10))
    assert [len(each.attachments) for each in together] == [0, 2]
    assert [each.reply_to for each in together] == ["m-1", ""]
    assert apart == parts_of(message, Capabilities(text_max=10, files_apart=True))
    assert len({each.client_ref for each in apart}) == 4
    # What speaks of this key speaks of all of it: a vendor tells of each part by its key at once.
    assert apart[-1].client_ref == message.client_ref


def test_what_fits_leaves_as_it_is():
    assert parts_of(MESSAGE, Capabilities()) == [MESSAGE]
    empty = replace(MESSAGE, text=" " * 30)
    assert parts_of(empty, Capabilities(text_max=10)) == [empty]


# --- on their way ---------------------------------------------------------------------------------


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Vendor:
    vendor = Vendor()
    vendor.capabilities = Capabilities(text_max=10)
    vendor.answer = lambda message: SendResult(provider_ids=(f"id {message.text[0]}",))
    vendors.connect(monkeypatch, fake=vendor)
    return vendor


@pytest.fixture
def fake(world: World, vendor: Vendor) -> Channel:
    made = vendors.channel(world, "fake")
    vendors.write(world, made, "aaaaaaaaaabbbbbbbbbbccccc")
    return made


def receipt(world: World, channel: Channel, status: str, *references: str) -> int | None:
    event = Event(kind="receipt", dedup_key="r", status=status, references=references, error="full")
    with world.transaction():
        return receipts.apply(event, channel.pk)


def send(world: World, clock: Any) -> None:
    clock.tick(minutes=30)
    vendors.send_due(world)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, fake: Channel) -> vendors.Clock:
    from django.utils import timezone  # noqa: PLC0415  (read before it is replaced)

    clock = vendors.Clock(timezone.now())
    monkeypatch.setattr("django.utils.timezone.now", clock)
    return clock


def test_a_long_reply_leaves_in_parts_and_is_one_reply(world, vendor, fake, clock):
    send(world, clock)
    assert vendor.texts == ["aaaaaaaaaa", "bbbbbbbbbb", "ccccc"]
    assert states(world) == [SENT]
    assert row(world).provider_id == "id c"


def test_what_the_vendor_has_taken_is_not_sent_again(world, vendor, fake, clock):
    vendor.fail_text("bbbbbbbbbb", kind="server", retryable=True)
    send(world, clock)
    assert states(world) == [str(Delivery.QUEUED)]
    vendor.recover()
    send(world, clock)
    assert vendor.texts == ["aaaaaaaaaa", "bbbbbbbbbb", "bbbbbbbbbb", "ccccc"]
    assert states(world) == [SENT]
    with world.transaction():
        assert SentPart.objects.count() == 2


def test_a_sender_that_lost_its_lease_sends_no_further_part(world, vendor, fake, clock):
    def answer(message: OutboundMessage) -> SendResult:
        # As if another had taken the row over meanwhile.
        with world.transaction():
            type(row_before).objects.filter(pk=row_before.pk).update(fence=99)
        return SendResult()

    row_before = row(world)
    vendor.answer = answer
    send(world, clock)
    assert vendor.texts == ["aaaaaaaaaa"]
    with world.transaction():
        assert not SentPart.objects.exists()


def test_the_last_part_tells_how_far_a_reply_has_come(world, vendor, fake, clock):
    send(world, clock)
    assert receipt(world, fake, "delivered", "id a") == 1
    assert states(world) == [SENT]
    assert receipt(world, fake, "delivered", "id c") == 1
    assert states(world) == [str(Delivery.DELIVERED)]


def test_a_vendor_that_tells_of_a_part_at_once_does_not_end_the_reply(world, vendor, fake, clock):
    def answer(message: OutboundMessage) -> SendResult:
        # It names the part by its key before we have noted it.
        event = Event(kind="receipt", dedup_key="r", status="sent", client_ref=message.client_ref)
        with world.transaction():
            receipts.apply(event, fake.pk)
        return SendResult()

    vendor.answer = answer
    send(world, clock)
    assert vendor.texts == ["aaaaaaaaaa", "bbbbbbbbbb", "ccccc"]
    assert states(world) == [SENT]


def test_a_part_that_was_not_delivered_is_told_whatever_became_of_the_rest(
    world, vendor, fake, clock
):
    send(world, clock)
    assert receipt(world, fake, "failed", "id b") == 1
    assert states(world) == [FAILED]
    assert receipt(world, fake, "read", "id c") == 1
    assert receipt(world, fake, "failed", "id a") == 1
    assert states(world) == [str(Delivery.READ)]
    assert "full" in row(world).error


def test_a_part_that_is_refused_fails_the_reply(world, vendor, fake, clock):
    vendor.fail_text("bbbbbbbbbb", kind="blocked")
    send(world, clock)
    assert states(world) == [FAILED]
    assert vendor.texts == ["aaaaaaaaaa", "bbbbbbbbbb"]


def test_the_error_of_a_vendor_is_no_part(world, vendor, fake, clock):
    vendor.answer = lambda message: (_ for _ in ()).throw(SendError("no", kind="blocked"))
    send(world, clock)
    with world.transaction():
        assert not SentPart.objects.exists()


@given(
    text=st.lists(st.sampled_from(CHARACTERS), max_size=60).map("".join),
    files=st.integers(0, 3),
    are_apart=st.booleans(),
)
def test_what_is_counted_before_is_what_leaves(text, files, are_apart):
    capabilities = Capabilities(text_max=30, files_apart=are_apart)
    message = replace(MESSAGE, text=text, attachments=(Attachment("file"),) * files)
    assert count_messages(text, files, capabilities) == len(parts_of(message, capabilities))
