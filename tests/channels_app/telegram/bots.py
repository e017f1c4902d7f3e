"""What the tests of Telegram have in common."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from channels_app.adapters.telegram.adapter import Adapter
from channels_app.adapters.telegram.fake import TOKEN, Vendor
from channels_app.protocol import ChannelConfig, ContactIdentity, OutboundMessage, RawRequest

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PERSON, GROUP = 5511223344, -1001987654321
SECRETS = {"bot_token": TOKEN}


def adapter(vendor: Vendor | None = None, *, secret: str = "s") -> Adapter:
    found = vendor.settings if vendor else {}
    return Adapter(
        ChannelConfig("c", settings=found, secrets=(secret, "older"), named_secrets=SECRETS)
    )


def reply(text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    to = ContactIdentity(str(PERSON))
    return OutboundMessage(client_ref=str(uuid4()), to=to, text=text, **facts)


def request(update: object, **headers: str) -> RawRequest:
    return RawRequest("POST", "", (), headers, json.dumps(update).encode(), NOW)
