"""What the tests of Feishu have in common."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from channels_app.adapters.feishu.adapter import Adapter
from channels_app.adapters.feishu.fake import APP, Vendor
from channels_app.protocol import (
    ChannelConfig,
    ContactIdentity,
    Event,
    OutboundMessage,
    RawRequest,
)

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PERSON = Vendor.customer
KEYS = ("the encrypt key", "the older key")


def adapter(vendor: Vendor | None = None, **facts: object) -> Adapter:
    found = vendor.settings if vendor else {"app_id": APP}
    return Adapter(
        ChannelConfig(
            "c", settings={**found, **facts}, secrets=KEYS, named_secrets=Vendor.named_secrets
        )
    )


def reply(text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(PERSON), text=text, **facts)


def request(body: bytes, *, at: datetime = NOW, key: str = KEYS[0]) -> RawRequest:
    """Return a call of Feishu that says this."""
    sealed = Vendor().seal(body, ChannelConfig("c", secrets=(key,)), at)
    return RawRequest("POST", "", (), sealed.headers, sealed.body, NOW)


def parsed(body: bytes) -> list[Event]:
    return adapter().parse(request(body))


def received(kind: str, content: object, /, **facts: object) -> list[Event]:
    """Return what becomes of one message of a customer."""
    return parsed(Vendor().written("om_1", kind, content, **facts))  # type: ignore[arg-type]  # also what is broken


def event(kind: str, **facts: object) -> bytes:
    return Vendor().event(kind, **facts)  # type: ignore[arg-type]  # facts of the event


def sent_by(vendor: Vendor) -> list[dict[str, Any]]:
    """Return the bodies of the messages that the vendor took, in their order."""
    return [json.loads(each.body) for each in vendor.calls if vendor.text_of(each) is not None]
