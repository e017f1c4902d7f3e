"""What the tests of Slack have in common."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from channels_app.adapters.slack.adapter import Adapter
from channels_app.adapters.slack.fake import Vendor
from channels_app.protocol import (
    ChannelConfig,
    ContactIdentity,
    Event,
    OutboundMessage,
    RawRequest,
)

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PERSON = Vendor.customer
SECRETS = ("the signing secret", "the older secret")


def adapter(vendor: Vendor | None = None, **facts: object) -> Adapter:
    found = vendor.settings if vendor else {}
    return Adapter(
        ChannelConfig(
            "c", settings={**found, **facts}, secrets=SECRETS, named_secrets=Vendor.named_secrets
        )
    )


def reply(text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(PERSON), text=text, **facts)


def request(body: bytes, *, at: datetime = NOW, secret: str = SECRETS[0]) -> RawRequest:
    """Return a call of Slack with these bytes."""
    headers = Vendor().sign(body, ChannelConfig("c", secrets=(secret,)), at)
    return RawRequest("POST", "", (), headers, body, NOW)


def parsed(body: bytes, **facts: object) -> list[Event]:
    return adapter(**facts).parse(request(body))


def happened(kind: str = "message", /, **facts: object) -> list[Event]:
    """Return what becomes of one event of the customer."""
    known = {"ts": "1355517523.000005", "text": "Where is my parcel?"}
    return parsed(Vendor().event(kind, **{**known, **facts}))
