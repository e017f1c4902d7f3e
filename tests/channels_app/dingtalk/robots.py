"""What the tests of DingTalk have in common."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from channels_app.adapters.dingtalk.adapter import Adapter
from channels_app.adapters.dingtalk.fake import CLIENT, SECRET, Vendor
from channels_app.protocol import (
    ChannelConfig,
    ContactIdentity,
    Event,
    OutboundMessage,
    RawRequest,
)

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PERSON = Vendor.customer
SECRETS = (SECRET, "the older secret")


def adapter(vendor: Vendor | None = None, **facts: object) -> Adapter:
    found = vendor.settings if vendor else {"client_id": CLIENT}
    return Adapter(ChannelConfig("c", settings={**found, **facts}, secrets=SECRETS))


def reply(text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(PERSON), text=text, **facts)


def in_session(vendor: Vendor, message: OutboundMessage, **left: float) -> OutboundMessage:
    """Return a message that answers one whose session lasts so long."""
    until = timezone.now() + timedelta(**left)
    url = f"http://127.0.0.1:{vendor.port}/robot/sendBySession?session=1"
    return replace(message, reply_token=f"{int(until.timestamp() * 1000)} {url}")


def request(body: bytes, *, at: datetime = NOW, secret: str = SECRETS[0]) -> RawRequest:
    """Return a call of DingTalk with these bytes."""
    headers = Vendor().sign(body, ChannelConfig("c", secrets=(secret,)), at)
    return RawRequest("POST", "", (), headers, body, NOW)


def received(kind: str, /, **facts: object) -> list[Event]:
    """Return what becomes of one message to the robot."""
    return adapter().parse(request(Vendor().written("msg-1", kind, **facts)))
