"""Long connections: held by one process, taken up again when they break, and guarded as every call."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone
from websockets.sync.server import ServerConnection

from channels_app import lines, registry
from channels_app.fake_wires import FakeWireVendor
from channels_app.models import PollPosition
from channels_app.processing import process_due
from channels_app.protocol import (
    Capabilities,
    ChannelConfig,
    ContactIdentity,
    Event,
    Line,
    SendError,
)
from channels_app.services import fetching
from channels_app.wires import WireClosed, open_wire
from helpdesk.models import Channel, Message
from tests.deploy.stack import eventually
from tests.factories import World


class Caller(FakeWireVendor):
    """Says what it is told to over each line, once the line has been heard."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def on_wire(self, wire: ServerConnection) -> None:
        for message in wire:
            self.heard.append(str(message))

    def tell(self, text: str) -> None:
        self.wires[-1].send(json.dumps({"text": text}))


@pytest.fixture
def caller(settings: LazySettings) -> Iterator[Caller]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Caller() as caller:
        yield caller


@pytest.fixture
def listening(
    world: World, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], lines.Lines]]:
    """Begins one more process that holds lines; all of them end with the test."""

    class Adapter:
        capabilities = Capabilities()
        has_line = True

        def __init__(self, config: ChannelConfig) -> None:
            self.config = config

        def listen(self, line: Line) -> None:
            with open_wire(f"{caller.wire_address}/line") as wire:
                wire.send(f"hello from {line.position or 'the beginning'}")
                line.works()
                while line.is_wanted():
                    told = wire.receive(0.05)
                    if told is not None:
                        text = json.loads(told)["text"]
                        line.take(str(told).encode(), [said(text)], position=text)

    monkeypatch.setattr(registry, "adapter_class", lambda kind: Adapter)
    monkeypatch.setattr(lines, "adapter_class", lambda kind: Adapter)
    monkeypatch.setattr(lines, "FIRST_PAUSE", 0.05)
    begun: list[lines.Lines] = []

    def begin() -> lines.Lines:
        found = lines.Lines()
        found.look()
        begun.append(found)
        return found

    yield begin
    for each in begun:
        each.stop_listening()


def said(text: str) -> Event:
    return Event(
        kind="message", dedup_key=text, sender=ContactIdentity("u-1", verified=True), text=text
    )


def texts(world: World) -> list[str]:
    process_due()
    with world.transaction():
        return list(Message.objects.order_by("entry__number").values_list("text", flat=True))


def test_what_a_line_says_becomes_messages_also_after_it_broke(
    world: World, caller: Caller, listening: Callable[[], lines.Lines]
) -> None:
    listening()
    eventually(lambda: len(caller.heard) == 1, 10)
    caller.tell("a")
    eventually(lambda: texts(world) == ["a"], 10)
    with world.transaction():
        told = fetching.report(world.channel.pk)
    assert told is not None
    assert (told.is_trouble, told.text.startswith("长连接在")) == (False, True)
    caller.hang_up()
    eventually(lambda: len(caller.heard) == 2, 10)
    caller.tell("b")
    eventually(lambda: texts(world) == ["a", "b"], 10)
    assert caller.heard == ["hello from the beginning", "hello from a"]


def test_two_processes_hold_one_line_and_the_second_takes_over(
    world: World, caller: Caller, listening: Callable[[], lines.Lines]
) -> None:
    first = listening()
    eventually(lambda: len(caller.wires) == 1, 10)
    listening()
    threading.Event().wait(0.3)
    assert len(caller.heard) == 1
    first.stop_listening()
    eventually(lambda: len(caller.heard) == 2 and len(caller.wires) == 1, 10)


def test_whoever_lost_the_line_stores_nothing_more(
    world: World, caller: Caller, listening: Callable[[], lines.Lines]
) -> None:
    listening()
    eventually(lambda: len(caller.wires) == 1, 10)
    with world.transaction():
        rows = PollPosition.objects.filter(place=lines.PLACE)
        rows.update(fence=99, lease_until=timezone.now() + timedelta(hours=1))
    caller.tell("a")
    eventually(lambda: not caller.wires, 10)
    assert texts(world) == []


def test_a_channel_that_is_switched_off_hangs_up(
    world: World, caller: Caller, listening: Callable[[], lines.Lines]
) -> None:
    begun = listening()
    eventually(lambda: len(caller.wires) == 1, 10)
    with world.transaction():
        Channel.objects.update(is_active=False)
    begun.look()
    eventually(lambda: not caller.wires, 10)


@pytest.mark.parametrize(
    ("language", "words"), [("zh-hans", "公网"), ("en", "not at a public address")]
)
def test_a_line_that_cannot_be_had_says_why_in_the_language_of_its_channel(
    world: World,
    settings: LazySettings,
    listening: Callable[[], lines.Lines],
    language: str,
    words: str,
) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = []
    with world.transaction():
        Channel.objects.update(language=language)
    listening()

    def trouble() -> bool:
        with world.transaction():
            told = fetching.report(world.channel.pk)
        is_said = told is not None and "无法保持长连接" in told.text and words in told.text
        return told is not None and told.is_trouble and is_said

    eventually(trouble, 10)


def test_no_line_leads_inside_and_other_schemes_are_none(settings: LazySettings) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = []
    for url in ("ws://127.0.0.1:9/", "ws://[::1]:9/", "http://example.com/", "wss://", "ws://a:b/"):
        with pytest.raises(SendError), open_wire(url):
            pass


def test_a_frame_that_is_too_large_ends_the_line(caller: Caller) -> None:
    with open_wire(caller.wire_address) as wire:
        eventually(lambda: len(caller.wires) == 1, 10)
        threading.Thread(target=caller.wires[0].send, args=("x" * 4_000_000,), daemon=True).start()
        with pytest.raises(WireClosed) as closed:
            wire.receive(10)
        assert closed.value.closed_with
