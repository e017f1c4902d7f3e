"""Genuine calls of the other system, and what the adapter reads in them."""

import json
from datetime import UTC, datetime

import pytest

from channels_app.adapters.webhook.adapter import Adapter
from channels_app.protocol import BadPayload, ChannelConfig, RawRequest

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
MESSAGE = {"id": "m-1", "sender": {"id": "u-1"}, "text": "怎么退货? 👍"}


def parse(body, *, key="msg_1", settings=None):
    request = RawRequest(
        method="POST",
        url="https://desk.example/channels/c/",
        query=(),
        headers={"webhook-id": key} if key else {},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        received_at=NOW,
    )
    return Adapter(ChannelConfig("c", settings=settings or {}, secrets=("s",))).parse(request)


def event(kind, data, **more):
    settings = more.pop("settings", None)
    [found] = parse({"type": kind, "data": data, **more}, settings=settings)
    return found


def created(**more):
    return event("message.created", {**MESSAGE, **more})


def reason(body):
    with pytest.raises(BadPayload) as raised:
        parse(body)
    return str(raised.value.message)


def wrong(kind="message.created", **more):
    return reason({"type": kind, "data": {**MESSAGE, **more}})
