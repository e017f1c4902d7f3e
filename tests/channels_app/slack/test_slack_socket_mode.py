"""Socket Mode of Slack from end to end: stored, acknowledged, and held while sockets are replaced."""

import json
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils.translation import override
from websockets.sync.server import ServerConnection

from channels_app import lines
from channels_app.adapters.slack import socket_mode
from channels_app.adapters.slack.adapter import Adapter
from channels_app.adapters.slack.fake import Vendor
from channels_app.fake_vendor import Answer
from channels_app.models import InboundEvent
from channels_app.protocol import ChannelConfig, SendError
from channels_app.services import fetching
from channels_app.services.doors import find_door
from helpdesk.errors import ChannelError
from helpdesk.models import Channel
from helpdesk.services import organizations
from tests.channels_app.long_lines import (
    acknowledged,
    loses_the_first_answer,
    stores_nothing_at_first,
    texts,
    troubled,
    unreadable,
)
from tests.channels_app.slack.apps import SECRETS
from tests.channels_app.slack.test_slack_conversations import call
from tests.deploy.stack import eventually
from tests.factories import World


class Counting(Vendor):
    """A Slack that counts what it tells, and the open sockets whenever it greets one."""

    def begin(self) -> None:
        super().begin()
        self.open_when_greeted: list[int] = []
        self.told = 0
        self.word = "hello"

    def tell(self, wire: ServerConnection, kind: str, body: bytes) -> bool:
        self.told += 1
        return super().tell(wire, kind, body)

    def greet(self, wire: ServerConnection) -> None:
        self.open_when_greeted.append(len(self.wires))
        if self.word == "hello":
            super().greet(wire)
        else:
            wire.send(self.word)


@pytest.fixture
def vendor(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counting]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(socket_mode, "STEP_SECONDS", 0.05)
    with Counting() as vendor, override("en"):
        yield vendor


@pytest.fixture
def slack(world: World, vendor: Counting) -> Channel:
    return opened(world, vendor, **vendor.named_secrets)


def opened(world: World, vendor: Vendor, name: str = "Slack", /, **secrets: str) -> Channel:
    with world.transaction():
        return organizations.open_channel(
            Channel(
                kind="slack",
                name=name,
                secret=json.dumps(secrets),
                settings={**vendor.settings, "mode": "socket"},
                language="en",
            )
        )


def is_trouble(world: World, channel: Channel) -> bool:
    with world.transaction():
        told = fetching.report(channel.pk)
        return told is None or told.is_trouble


def asked_for_sockets(vendor: Vendor) -> int:
    return sum(each.path.endswith("/apps.connections.open") for each in vendor.calls)


def test_what_comes_is_stored_and_acknowledged_and_known_again(
    world: World, vendor: Counting, slack: Channel, held: lines.Lines
) -> None:
    held.look()
    vendor.stream(vendor.message("m-1", text="one"))
    vendor.stream(vendor.message("m-1", text="one"))
    vendor.stream(vendor.pressed("choice", "yes"))
    acknowledged(vendor, 3)
    assert texts(world)[0] == "one"
    assert all(set(each) == {"envelope_id"} for each in vendor.acknowledged)
    with world.transaction():
        kinds = InboundEvent.objects.order_by("pk").values_list("kind", flat=True)
        assert list(kinds) == ["message", "postback"]
        told = fetching.report(slack.pk)
    assert told is not None
    assert not told.is_trouble
    assert "long connection was held" in told.text


def test_a_message_by_socket_and_by_call_is_one(
    world: World, client: Client, vendor: Counting, held: lines.Lines
) -> None:
    channel = opened(world, vendor, secret=SECRETS[0], **vendor.named_secrets)
    message, pressed = vendor.message("m-1", text="one"), vendor.pressed("choice", "yes")
    assert [call(client, channel, each) for each in (message, pressed)] == [200, 200]
    held.look()
    vendor.stream(message)
    vendor.stream(pressed)
    acknowledged(vendor, 2)
    with world.transaction():
        assert InboundEvent.objects.count() == 2


def test_without_a_signing_secret_nobody_else_reports_anything(
    world: World, client: Client, vendor: Counting, slack: Channel
) -> None:
    riddle = b'{"type":"url_verification","challenge":"c"}'
    for body in (vendor.message("m-1"), riddle):
        for secret in ("", "a guess", vendor.named_secrets["app_token"]):
            assert call(client, slack, body, secret=secret) == 401
    with world.transaction():
        assert not InboundEvent.objects.exists()


def test_nothing_is_acknowledged_that_is_not_stored(
    world: World,
    vendor: Counting,
    slack: Channel,
    held: lines.Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stores_nothing_at_first(monkeypatch)
    held.look()
    vendor.stream(vendor.message("m-1", text="one"))
    acknowledged(vendor, 1)
    assert texts(world) == ["one"]
    assert asked_for_sockets(vendor) == 2


def test_what_was_stored_and_not_acknowledged_is_stored_once(
    world: World,
    vendor: Counting,
    slack: Channel,
    held: lines.Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loses_the_first_answer(monkeypatch, lambda message: "envelope_id" in message)
    held.look()
    vendor.stream(vendor.message("m-1", text="one"))
    acknowledged(vendor, 1)
    assert asked_for_sockets(vendor) == 2
    assert texts(world) == ["one"]


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "new_in_2027"])
def test_the_next_socket_is_open_before_the_last_is_hung_up(
    world: World, vendor: Counting, slack: Channel, held: lines.Lines, reason: str
) -> None:
    held.look()
    vendor.stream(vendor.message("m-1", text="one"))
    acknowledged(vendor, 1)
    vendor.stream(reason.encode(), "disconnect")
    for number in range(5):
        vendor.stream(vendor.message(f"n-{number}", text=f"later {number}"))
    acknowledged(vendor, 6)
    eventually(lambda: len(vendor.wires) == 1, 20)
    assert vendor.open_when_greeted == [1, 2]
    # Each of them once, also what the last socket said while the next was opened, and the goodbye.
    assert vendor.told == 7
    assert sorted(texts(world)) == [*(f"later {number}" for number in range(5)), "one"]
    # And what the new one tells.
    vendor.stream(vendor.message("m-2", text="two"))
    acknowledged(vendor, 7)
    assert "two" in texts(world)


def test_a_socket_that_breaks_is_opened_anew(
    world: World, vendor: Counting, slack: Channel, held: lines.Lines
) -> None:
    held.look()
    eventually(lambda: len(vendor.wires) == 1, 20)
    vendor.hang_up()
    vendor.stream(vendor.message("m-1", text="one"))
    acknowledged(vendor, 1)
    assert texts(world) == ["one"]


def test_what_cannot_be_read_is_kept_and_the_socket_goes_on(
    world: World, vendor: Counting, slack: Channel, held: lines.Lines
) -> None:
    held.look()
    eventually(lambda: vendor.open_when_greeted == [1], 20)
    for frame in ("no JSON", b"\xff\xfe", '{"type":7}'):
        vendor.wires[0].send(frame)
    broken = vendor.event("message", ts="1.000001", text=7)
    for body in (broken, b"[]"):
        vendor.stream(body)
    vendor.stream(vendor.message("m-1", text="one"))
    acknowledged(vendor, 3)
    kept = unreadable(world)
    assert [raw for raw, _reason in kept] == [b"no JSON", b"\xff\xfe", b'{"type":7}', broken, b"[]"]
    assert all(reason for _raw, reason in kept)
    assert texts(world)[0] == "one"
    assert asked_for_sockets(vendor) == 1


def test_what_means_nothing_to_us_is_acknowledged_and_skipped(
    world: World, vendor: Counting, slack: Channel, held: lines.Lines
) -> None:
    held.look()
    vendor.stream(b'{"command":"/help"}', "slash_commands")
    vendor.stream(b'{"a":1}', "new_in_2027")
    vendor.stream(b'{"type":"event_callback","event":{"type":"team_rename"}}')
    vendor.stream(b'payload={"type":"view_submission","user":{"id":"U1"}}')
    acknowledged(vendor, 4)
    with world.transaction():
        assert not InboundEvent.objects.exists()


def test_what_it_is_refused_for_is_said_to_administrators(
    world: World, vendor: Counting, held: lines.Lines
) -> None:
    bot = vendor.named_secrets["bot_token"]
    wrong = opened(world, vendor, "Wrong", bot_token=bot, app_token="xapp-another")
    without = opened(world, vendor, "Without", bot_token=bot)
    held.look()
    troubled(world, wrong, "invalid_auth")
    troubled(world, without, "no app-level token")
    assert not vendor.wires


def test_it_is_said_when_somebody_switches_it_off(
    world: World, vendor: Counting, slack: Channel, held: lines.Lines
) -> None:
    held.look()
    vendor.stream(b"link_disabled", "disconnect")
    troubled(world, slack, "switched off")


@pytest.mark.parametrize("word", ["nobody", '{"type":"goodbye"}', "[]"])
def test_whoever_does_not_greet_is_not_slack(
    world: World, vendor: Counting, slack: Channel, held: lines.Lines, word: str
) -> None:
    vendor.word = word
    held.look()
    troubled(world, slack, "not Slack")


def test_a_next_socket_that_cannot_be_had_is_asked_for_again(
    world: World, vendor: Counting, slack: Channel, held: lines.Lines
) -> None:
    held.look()
    eventually(lambda: vendor.open_when_greeted == [1], 20)
    vendor.fail(Answer(200, b"{}"), Answer(200, b'{"ok":true}'), Answer(500))
    vendor.stream(b"warning", "disconnect")
    troubled(world, slack, "500")
    eventually(lambda: vendor.open_when_greeted == [1, 1], 20)
    eventually(lambda: not is_trouble(world, slack), 20)
    vendor.stream(vendor.message("m-1", text="one"))
    acknowledged(vendor, 1)
    assert texts(world) == ["one"]


def test_the_connection_is_tested_with_both_tokens(vendor: Counting) -> None:
    settings = {**vendor.settings, "mode": "socket"}
    good = ChannelConfig("c", settings=settings, named_secrets=vendor.named_secrets)
    assert "Socket Mode" in Adapter(good).test_connection()
    for wrong in ("", "xapp-another"):
        secrets = {**vendor.named_secrets, "app_token": wrong}
        with pytest.raises(ChannelError):
            Adapter(ChannelConfig("c", settings=settings, named_secrets=secrets)).test_connection()
    vendor.fail(Answer(200, b'{"ok":true,"team_id":"T1"}'), Answer(200, b'{"ok":true,"url":7}'))
    with pytest.raises(SendError) as failed:
        Adapter(good).test_connection()
    assert "not Slack" in str(failed.value.message)


def test_a_channel_that_slack_calls_has_no_line(vendor: Counting) -> None:
    for mode in ({}, {"mode": "http"}):
        assert not Adapter(ChannelConfig("c", settings={**vendor.settings, **mode})).has_line


def test_the_played_slack_speaks_over_the_socket_while_there_is_one(
    world: World, vendor: Counting, slack: Channel, held: lines.Lines
) -> None:
    held.look()
    eventually(lambda: len(vendor.wires) == 1, 20)
    assert vendor.says("http://nobody.example/", find_door(slack.public_id).config, "one") == 200
    acknowledged(vendor, 1)
    assert texts(world) == ["one"]
