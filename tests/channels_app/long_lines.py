"""What the tests of long connections have in common."""

from collections.abc import Callable
from typing import Any

import pytest

from channels_app import lines
from channels_app.fake_wires import FakeStreamVendor
from channels_app.models import InboundEvent, PollPosition
from channels_app.processing import process_due
from channels_app.services import fetching
from channels_app.wires import Wire, WireClosed
from helpdesk.models import Channel, Direction, Message
from tests.deploy.stack import eventually
from tests.factories import World


def texts(world: World) -> list[str]:
    """Return what customers have written, once all that came is worked on."""
    process_due()
    with world.transaction():
        rows = Message.objects.filter(direction=Direction.IN).order_by("entry__number")
        return list(rows.values_list("text", flat=True))


def acknowledged(vendor: FakeStreamVendor, count: int) -> None:
    """Wait until so many things that the vendor told were answered."""
    eventually(lambda: len(vendor.acknowledged) == count, 20)


def unreadable(world: World) -> list[tuple[bytes, str]]:
    """Return what came and could not be read, with the reasons."""
    with world.transaction():
        rows = InboundEvent.objects.filter(kind="unreadable").order_by("pk")
        return [(bytes(each.raw), each.reason) for each in rows]


def troubled(world: World, channel: Channel, word: str) -> None:
    """Wait until the page of a channel says that its line cannot be held, and why."""

    def is_told() -> bool:
        with world.transaction():
            told = fetching.report(channel.pk)
            rows = PollPosition.objects.filter(channel=channel, place=lines.PLACE)
            return bool(told and told.is_trouble and word in told.text and rows.get().failures)

    eventually(is_told, 20)


def loses_the_first_answer(
    monkeypatch: pytest.MonkeyPatch, is_answer: Callable[[Any], bool]
) -> None:
    """Let the line break just before the first answer leaves."""
    send, lost = Wire.send, [False]

    def sending(wire: Wire, message: str | bytes) -> None:
        if not lost[0] and is_answer(message):
            lost[0] = True
            raise WireClosed(1006)
        send(wire, message)

    monkeypatch.setattr(Wire, "send", sending)


def stores_nothing_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let storing fail once."""
    store, failed = lines.ingesting.store, [False]

    def storing(*given: Any, **facts: Any) -> list[int]:
        if not failed[0]:
            failed[0] = True
            raise RuntimeError("The disk is full")
        return store(*given, **facts)

    monkeypatch.setattr(lines.ingesting, "store", storing)
