"""What the tests of Microsoft Teams have in common."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from channels_app.adapters.teams.adapter import Adapter
from channels_app.adapters.teams.fake import SECRET, Vendor, bearer
from channels_app.protocol import (
    ChannelConfig,
    ContactIdentity,
    Event,
    OutboundMessage,
    RawRequest,
)

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PERSON = Vendor.customer
QUESTION = Vendor().message("1480000000001", text="Where is my parcel?")


def config(vendor: Vendor | None = None, **facts: object) -> ChannelConfig:
    found = vendor.settings if vendor else dict(Vendor.facts)
    return ChannelConfig(
        "c",
        settings={**found, **facts},
        secrets=(SECRET,),
        vendor_keys=Vendor().vendor_keys,
    )


def adapter(vendor: Vendor | None = None, **facts: object) -> Adapter:
    return Adapter(config(vendor, **facts))


def reply(vendor: Vendor, text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    known = {"reply_token": vendor.reply_token, **facts}
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(PERSON), text=text, **known)


def request(
    body: bytes = QUESTION, headers: dict[str, str] | None = None, *, at: datetime = NOW
) -> RawRequest:
    """Return a call of Teams with these bytes; signed, unless other headers prove it."""
    proof = dict(Vendor().sign(body, config(), NOW)) if headers is None else headers
    return RawRequest("POST", "", (), proof, body, at)


def claimed(body: bytes = QUESTION, **facts: object) -> dict[str, str]:
    """Return what proves a call, where some of what the token says is another; None leaves it out."""
    known = {**Vendor().claims(body, config(), NOW), **facts}
    return bearer({name: value for name, value in known.items() if value is not None})


def parsed(body: bytes) -> list[Event]:
    return adapter().parse(request(body))


def wrote(**facts: object) -> Event:
    """Return what becomes of one message of a customer."""
    (event,) = parsed(Vendor().activity("message", "1480000000001", **{"text": "hi", **facts}))
    return event


def sent_by(vendor: Vendor) -> list[dict[str, Any]]:
    """Return the activities that the vendor took, in their order."""
    return [json.loads(each.body) for each in vendor.calls if vendor.text_of(each) is not None]
