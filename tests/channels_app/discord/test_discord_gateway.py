"""The gateway of Discord from end to end: begun, resumed, begun anew, and never without a beat."""

from collections.abc import Iterator, Sequence

import pytest

from channels_app import lines
from channels_app.adapters.discord import gateway
from channels_app.adapters.discord.fake import BOT, CHAT, TOKEN, Vendor, said
from channels_app.fake_vendor import Answer
from channels_app.models import PollPosition
from channels_app.processing import process_due
from channels_app.protocol import Event, SendError
from channels_app.services import fetching
from helpdesk.models import Channel, Delivery, Direction, Message
from helpdesk.services import organizations, replying
from tests.channels_app.discord.bots import adapter
from tests.channels_app.vendors import states
from tests.delivering import deliver_due
from tests.deploy.stack import eventually
from tests.factories import World


@pytest.fixture
def discord(world: World, vendor: Vendor) -> Channel:
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="discord", name="Discord", secret=TOKEN, settings=vendor.settings)
        )


@pytest.fixture
def listening(discord: Channel, monkeypatch: pytest.MonkeyPatch) -> Iterator[lines.Lines]:
    """A process that holds lines; it looks when it is told to, and ends with the test."""
    monkeypatch.setattr(lines, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(gateway, "STEP_SECONDS", 0.05)
    found = lines.Lines()
    yield found
    found.stop_listening()


class Unkept:
    """A line that keeps nothing."""

    position = ""

    def is_wanted(self) -> bool:
        return True

    def take(self, raw: bytes, events: Sequence[Event], *, position: str | None = None) -> None:
        raise AssertionError("Nothing comes")

    def unreadable(self, raw: bytes, *, reason: str) -> None:
        raise AssertionError("Nothing comes")

    def works(self) -> None:
        raise AssertionError("Nobody let us in")


def heard(vendor: Vendor, *kinds: int) -> None:
    """Wait until sessions were asked for in these ways."""
    eventually(lambda: [each["op"] for each in vendor.heard] == list(kinds), 20)


def texts(world: World) -> list[str]:
    process_due()
    with world.transaction():
        rows = Message.objects.filter(direction=Direction.IN).order_by("entry__number")
        return list(rows.values_list("text", flat=True))


def test_a_session_is_resumed_where_it_was_and_begun_anew_where_it_is_lost(
    world: World, vendor: Vendor, listening: lines.Lines
) -> None:
    listening.look()
    heard(vendor, gateway.IDENTIFY)
    eventually(lambda: len(vendor.wires) == 1, 10)
    vendor.tell("MESSAGE_CREATE", **vendor.written("1", "one"))
    eventually(lambda: texts(world) == ["one"], 20)
    # It hangs up, and something is said meanwhile.
    vendor.tell("MESSAGE_CREATE", **vendor.written("2", "two"))
    vendor.order(gateway.RECONNECT)
    heard(vendor, gateway.IDENTIFY, gateway.RESUME)
    eventually(lambda: texts(world) == ["one", "two"], 20)
    vendor.order(gateway.INVALID, False)
    heard(vendor, gateway.IDENTIFY, gateway.RESUME, gateway.IDENTIFY)
    eventually(lambda: len(vendor.wires) == 1, 10)
    vendor.tell("MESSAGE_CREATE", **vendor.written("3", 7))
    vendor.tell("MESSAGE_CREATE", **vendor.written("4", "four"))
    eventually(lambda: texts(world) == ["one", "two", "four"], 20)


def test_a_process_that_ends_leaves_the_session_to_the_next(
    world: World, vendor: Vendor, listening: lines.Lines
) -> None:
    listening.look()
    heard(vendor, gateway.IDENTIFY)
    eventually(lambda: len(vendor.wires) == 1, 10)
    vendor.tell("MESSAGE_CREATE", **vendor.written("1", "one"))
    eventually(lambda: texts(world) == ["one"], 20)
    listening.stop_listening()
    eventually(lambda: not vendor.wires, 10)
    vendor.tell("MESSAGE_CREATE", **vendor.written("2", "two"))
    after = lines.Lines()
    after.look()
    try:
        heard(vendor, gateway.IDENTIFY, gateway.RESUME)
        eventually(lambda: texts(world) == ["one", "two"], 20)
    finally:
        after.stop_listening()


def test_a_beat_without_an_answer_ends_the_connection(
    vendor: Vendor, listening: lines.Lines
) -> None:
    vendor.interval_milliseconds, vendor.answers_beats = 1000, False
    listening.look()
    heard(vendor, gateway.IDENTIFY, gateway.RESUME)
    assert vendor.beats >= 1


def test_a_token_that_is_refused_is_said_to_administrators(
    world: World, vendor: Vendor, listening: lines.Lines, discord: Channel
) -> None:
    with world.transaction():
        Channel.objects.filter(pk=discord.pk).update(secret="another")
    vendor.fail(Answer(200, f'{{"url":"{vendor.wire_address}"}}'.encode()))
    listening.look()

    def trouble() -> bool:
        with world.transaction():
            row = PollPosition.objects.filter(channel=discord, place=lines.PLACE).first()
            told = fetching.report(discord.pk)
        return bool(row and row.failures and told and told.is_trouble)

    eventually(trouble, 20)


def test_a_customer_is_answered_and_what_was_in_doubt_is_settled(
    world: World, vendor: Vendor, listening: lines.Lines
) -> None:
    listening.look()
    heard(vendor, gateway.IDENTIFY)
    eventually(lambda: len(vendor.wires) == 1, 10)
    vendor.tell("MESSAGE_CREATE", **vendor.written("1", "怎么退货?"))
    eventually(lambda: texts(world) == ["怎么退货?"], 20)
    with world.transaction():
        asked = Message.objects.get()
    opened = Answer(200, f'{{"id":"{CHAT}"}}'.encode())
    vendor.fail(opened, Answer(is_dropped=True))
    replying.reply(world.access("carol"), asked.conversation_id, text="七天之内都可以")
    deliver_due()
    assert states(world) == [Delivery.UNKNOWN]
    # The gateway tells that it is there after all.
    ours = {"id": BOT, "username": "everydesk", "bot": True}
    nonce = vendor.values_of(vendor.calls[-1])["nonce"]
    vendor.tell("MESSAGE_CREATE", **vendor.written("901", "…", author=ours, nonce=nonce))

    def settled() -> bool:
        process_due()
        return states(world) == [Delivery.SENT]

    eventually(settled, 20)
    assert sum(vendor.text_of(each) is not None for each in vendor.calls) == 1


@pytest.mark.parametrize("address", ["ws://127.0.0.1:1", "ws://elsewhere.example"])
def test_a_session_is_resumed_elsewhere_where_its_address_is_gone_or_not_theirs(
    world: World, vendor: Vendor, listening: lines.Lines, discord: Channel, address: str
) -> None:
    kept = gateway.Session("s-1", 0, address, BOT).kept()
    with world.transaction():
        PollPosition.objects.create(channel=discord, place=lines.PLACE, position=kept)
    listening.look()
    heard(vendor, gateway.RESUME)


def test_a_gateway_that_is_not_theirs_gets_no_token(vendor: Vendor) -> None:
    vendor.fail(said(url="ws://elsewhere.example"))
    with pytest.raises(SendError) as failed:
        adapter(vendor).listen(Unkept())
    assert (failed.value.kind, failed.value.retryable) == ("server", True)
    assert not vendor.heard


@pytest.mark.parametrize(
    ("url", "is_theirs"),
    [
        ("wss://gateway.discord.gg", True),
        ("wss://gateway-us-east1-b.discord.gg/", True),
        ("wss://discord.com/x", True),
        ("ws://gateway.discord.gg", False),
        ("wss://discord.gg.example", False),
        ("wss://evildiscord.gg", False),
        ("wss://[", False),
        ("", False),
    ],
)
def test_the_token_goes_to_discord_alone(url: str, *, is_theirs: bool) -> None:
    assert gateway.is_theirs(url, "https://discord.com/api/v10") is is_theirs


def test_how_far_a_session_came_is_kept_also_where_nothing_is_meant_for_us(
    world: World, vendor: Vendor, listening: lines.Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "KEEP_SECONDS", 0.0)
    listening.look()
    heard(vendor, gateway.IDENTIFY)
    vendor.tell("TYPING_START", user_id="7")
    vendor.tell("TYPING_START", user_id="7")

    def is_kept() -> bool:
        with world.transaction():
            position = PollPosition.objects.get(place=lines.PLACE).position
        return gateway.kept_session(position).sequence == 2

    eventually(is_kept, 20)
