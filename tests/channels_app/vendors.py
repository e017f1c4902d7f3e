"""A vendor that does as it is told, reached through channels of its own kind, and a clock that is set by hand."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from channels_app import delivery, registry
from channels_app.leaving import claims
from channels_app.protocol import Capabilities, OutboundMessage, SendError, SendResult
from helpdesk.models import Channel, Delivery, Outbox, Staff
from helpdesk.services import organizations, receiving, replying
from helpdesk.services.identifying import Sender
from tests.factories import World

Answer = Callable[[OutboundMessage], SendResult]


class Clock:
    """The time as all code here sees it, until the database is asked."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def tick(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now


class Vendor:
    """Answers each call with what `answer` says, and keeps when it was called with what."""

    capabilities = Capabilities(idempotent_send=True)

    def __init__(self) -> None:
        self.calls: list[tuple[datetime, str, OutboundMessage]] = []
        self.answer: Answer = lambda message: SendResult()

    @property
    def texts(self) -> list[str]:
        return [message.text for _at, _account, message in self.calls]

    def fail(self, *, after: int | None = None, **facts: Any) -> None:
        """Refuse every message with this error, `after` so many calls only."""
        self._when(lambda message: True, SendError(facts.pop("reason", "no"), **facts))

    def fail_text(self, text: str, **facts: Any) -> None:
        """Refuse the messages with this text."""
        self._when(lambda message: message.text == text, SendError("no", **facts))

    def recover(self) -> None:
        self.answer = lambda message: SendResult()

    def _when(self, fits: Callable[[OutboundMessage], bool], error: SendError) -> None:
        def answer(message: OutboundMessage) -> SendResult:
            if fits(message):
                raise error
            return SendResult()

        self.answer = answer

    def adapter(self) -> type[Any]:
        """Return the class that the registry makes adapters of."""
        vendor = self

        class Adapter:
            @property
            def capabilities(self) -> Capabilities:
                return vendor.capabilities

            def __init__(self, config: Any) -> None:
                self.config = config

            def send(self, message: OutboundMessage) -> SendResult:
                vendor.calls.append((timezone.now(), self.config.public_id, message))
                return vendor.answer(message)

            def test_connection(self) -> str:
                return "Ready"

        return Adapter


def connect(monkeypatch: pytest.MonkeyPatch, **kinds: Vendor) -> None:
    """Put vendors behind kinds of channels."""
    known = registry.adapter_class
    adapters = {name: vendor.adapter() for name, vendor in kinds.items()}
    monkeypatch.setattr(registry, "adapter_class", lambda kind: adapters.get(kind) or known(kind))


def channel(world: World, kind: str, **facts: Any) -> Channel:
    with world.transaction():
        # Nobody's hands are full here.
        Staff.objects.update(capacity=999)
        return organizations.open_channel(Channel(kind=kind, name=f"{kind} {len(facts)}", **facts))


def write(world: World, at: Channel, text: str, *, visitor: str = "v1", name: str = "carol") -> int:
    """Have somebody answer a customer of the channel; returns the conversation."""
    with world.transaction():
        received = receiving.receive(
            at, Sender(external_id=visitor), text="?", client_ref=f"in {visitor} {text}"
        )
    replying.reply(world.access(name), received.conversation_id, text=text)
    return int(received.conversation_id)


def send_due(world: World) -> int:
    """Send what is due by the clock of the test."""
    now = timezone.now()
    claims.end_lapsed(now)
    return sum(
        delivery.deliver_channel(world.organization.pk, each) for each in claims.due_channels(now)
    )


def states(world: World) -> list[str]:
    with world.transaction():
        return list(Outbox.objects.order_by("message_id").values_list("state", flat=True))


def row(world: World) -> Outbox:
    with world.transaction():
        found: Outbox = Outbox.objects.order_by("message_id").first()
        return found


QUEUED, SENT, FAILED = str(Delivery.QUEUED), str(Delivery.SENT), str(Delivery.FAILED)
