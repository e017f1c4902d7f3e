"""What the tests of Discord have in common."""

from typing import Any
from uuid import uuid4

from channels_app.adapters.discord.adapter import Adapter
from channels_app.adapters.discord.fake import BOT, TOKEN, Vendor
from channels_app.adapters.discord.reading import Ears, read_events
from channels_app.json_fields import read_object
from channels_app.protocol import ChannelConfig, ContactIdentity, Event, OutboundMessage

PERSON = Vendor.customer


def adapter(vendor: Vendor, **facts: object) -> Adapter:
    return Adapter(ChannelConfig("c", settings={**vendor.settings, **facts}, secrets=(TOKEN,)))


def reply(text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(PERSON), text=text, **facts)


def happened(kind: str, /, *, every_message: bool = False, **data: object) -> list[Event]:
    """Return what becomes of one event of the gateway."""
    frame = read_object(Vendor().event(kind, **data).encode())
    return read_events(frame, Ears(BOT, every_message))


def received(text: str = "Where is my parcel?", /, **facts: Any) -> list[Event]:
    """Return what becomes of one message of the customer."""
    every = bool(facts.pop("every_message", False))
    known = Vendor().written("1001", text, **facts)
    return happened("MESSAGE_CREATE", every_message=every, **known)
