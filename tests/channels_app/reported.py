"""What channels report, stored and worked on as the connector does."""

from datetime import timedelta
from typing import Any

import time_machine
from django.utils import timezone

from channels_app.models import InboundEvent
from channels_app.processing import claim_due, process_all
from channels_app.protocol import ContactIdentity, Event
from channels_app.services import ingesting
from channels_app.services.doors import Door
from helpdesk.models import Message
from tests.factories import World

ANN = ContactIdentity("ann", display_name="Ann")


def said(
    key: str, text: str = "怎么退货?", *, sender: ContactIdentity = ANN, **facts: Any
) -> Event:
    return Event(kind="message", dedup_key=key, sender=sender, text=text, **facts)


def keep(door: Door, *events: Event, raw: bytes = b"raw", **facts: Any) -> list[int]:
    return ingesting.store(door, events, raw, **facts)


def process_after(seconds: float) -> None:
    """Work on everything that is due then, as the connector would."""
    now = timezone.now() + timedelta(seconds=seconds)
    with time_machine.travel(now):
        while claims := claim_due(timezone.now()):
            process_all(claims)


def texts(world: World) -> list[str]:
    with world.transaction():
        return list(Message.objects.order_by("entry__number").values_list("text", flat=True))


def states(world: World) -> list[str]:
    with world.transaction():
        return list(InboundEvent.objects.order_by("id").values_list("state", flat=True))
