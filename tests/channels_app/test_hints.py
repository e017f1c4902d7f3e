"""Hints on their way to the web processes."""

import asyncio
import threading
import time
from typing import Any

import pytest

from channels_app.live import hints
from channels_app.live.hints import Hint

HINTS = 500


class SlowLayer:
    """A layer that takes a while for each message, as one does while the process is busy."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await asyncio.sleep(0.002)
        self.heard.append(message)


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> SlowLayer:
    layer = SlowLayer()
    monkeypatch.setattr(hints, "get_channel_layer", lambda: layer)
    return layer


def wait_for(layer: SlowLayer, count: int) -> list[Hint]:
    """Return what has arrived, as soon as that many hints have."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        arrived = [hint for message in list(layer.heard) for hint in hints.read(message)]
        if len(arrived) >= count:
            return arrived
        time.sleep(0.01)
    raise AssertionError(f"{len(arrived)} of {count} hints arrived")


def test_a_burst_arrives_whole_in_its_order_and_in_few_messages(layer: SlowLayer) -> None:
    sent = [Hint("entry", 1, number, number=7, viewers=(number,)) for number in range(HINTS)]
    for hint in sent:
        hints.publish(hint)
    assert wait_for(layer, HINTS) == sent
    assert len(layer.heard) < HINTS / 5


def test_a_field_that_another_version_sends_is_left_out(layer: SlowLayer) -> None:
    message = hints.message_of([Hint("entry", 1, 2)])
    message["hints"][0]["color"] = "red"
    assert hints.read(message) == [Hint("entry", 1, 2)]


def break_layer(layer: SlowLayer, monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Let the layer fail so many times; returns how often it is still to fail."""
    left = [times]

    def broken() -> SlowLayer:
        left[0] -= 1
        if not left[0]:
            monkeypatch.setattr(hints, "get_channel_layer", lambda: layer)
        raise ConnectionError

    monkeypatch.setattr(hints, "get_channel_layer", broken)
    return left


def test_one_that_fails_is_sent_again(layer: SlowLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    break_layer(layer, monkeypatch, times=2)
    hints.publish(Hint("entry", 1, 1))
    assert wait_for(layer, 1) == [Hint("entry", 1, 1)]


def test_one_that_fails_too_often_stops_none_that_follow(
    layer: SlowLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "AGAIN_AFTER_SECONDS", (0.01, 0.01))
    left = break_layer(layer, monkeypatch, times=3)
    hints.publish(Hint("entry", 1, 1))
    deadline = time.monotonic() + 20
    while left[0] and time.monotonic() < deadline:
        time.sleep(0.01)
    hints.publish(Hint("entry", 1, 2))
    assert wait_for(layer, 1) == [Hint("entry", 1, 2)]


def test_those_of_many_threads_all_leave(layer: SlowLayer) -> None:
    def say(thread: int) -> None:
        for number in range(200):
            hints.publish(Hint("entry", 1, thread, number=number))
            time.sleep(0.001 * (number % 3))  # so that the sender goes idle in between

    threads = [threading.Thread(target=say, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(set(wait_for(layer, 800))) == 800


def test_what_waits_behind_one_whose_sending_was_broken_off_leaves_all_the_same(
    layer: SlowLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BrokenOff:
        async def group_send(self, group: str, message: dict[str, Any]) -> None:
            monkeypatch.setattr(hints, "get_channel_layer", lambda: layer)
            hints.publish(Hint("entry", 1, 2))
            await asyncio.sleep(0.01)
            raise asyncio.CancelledError

    monkeypatch.setattr(hints, "get_channel_layer", BrokenOff)
    hints.publish(Hint("entry", 1, 1))
    assert wait_for(layer, 1) == [Hint("entry", 1, 2)]
