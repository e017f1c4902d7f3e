"""LINE, played on loopback."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar
from uuid import uuid4

from django.utils import timezone

from channels_app.adapters.line.adapter import signature
from channels_app.fake_vendor import PICTURE, Answer, Call, FakeVendor
from channels_app.protocol import ChannelConfig

PUSH = "/v2/bot/message/push"


class Vendor(FakeVendor):
    """Takes pushes once per retry key, gives a picture for every file, and knows the account."""

    addresses: ClassVar[Mapping[str, str]] = {"base_url": "", "data_url": "/data"}
    named_secrets: ClassVar[Mapping[str, str]] = {"access_token": "a long-lived token"}
    unknown: ClassVar[tuple[bytes, ...]] = (
        b'{"destination":"U0","events":[]}',
        b'{"destination":"U0","events":[{"type":"beacon","mode":"active","webhookEventId":"e"}]}',
        b'{"destination":"U0","events":[{"type":"message","mode":"standby","webhookEventId":"e"}]}',
    )
    customer: ClassVar[str] = "U4af4980629d6b0e3d0a7bb0b9e1d2c3f"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self._taken: dict[str, str] = {}

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.event(
            "message", message={"id": reference, "type": "text", "text": text}, replyToken="once"
        )

    def picture(self, reference: str, *, text: str = "") -> bytes:
        return self.event("message", message={"id": reference, "type": "image"}, replyToken="once")

    def edited(self, reference: str, *, text: str) -> bytes:
        return self.event("messageEdited", message={"id": reference, "type": "text", "text": text})

    def withdrawn(self, reference: str) -> bytes:
        return self.event("unsend", unsend={"messageId": reference})

    def event(self, kind: str, **facts: object) -> bytes:
        """Return a call that reports one event of the customer."""
        event = {
            "type": kind,
            "mode": "active",
            "timestamp": int(timezone.now().timestamp() * 1000),
            "source": {"type": "user", "userId": self.customer},
            "webhookEventId": uuid4().hex,
            "deliveryContext": {"isRedelivery": False},
            **facts,
        }
        return json.dumps({"destination": "U0", "events": [event]}, ensure_ascii=False).encode()

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        return {"x-line-signature": signature(config.secrets[0] if config.secrets else "", body)}

    def answer(self, call: Call) -> Answer:
        if call.headers.get("authorization") != f"Bearer {self.named_secrets['access_token']}":
            return Answer(401, b'{"message":"Authentication failed"}')
        if call.path == PUSH:
            return self._push(call)
        if call.path.startswith("/data/v2/bot/message/"):
            return Answer(200, PICTURE, {"content-type": "image/png"})
        if call.path == "/v2/bot/info":
            return Answer(200, json.dumps({"displayName": "Everydesk"}).encode())
        return Answer(404, b'{"message":"Not found"}')

    def text_of(self, call: Call) -> str | None:
        if call.path != PUSH:
            return None
        rows = json.loads(call.body)["messages"]
        return "\n".join(each.get("text") or each["originalContentUrl"] for each in rows)

    def _push(self, call: Call) -> Answer:
        key = call.headers.get("x-line-retry-key", uuid4().hex)
        status = 409 if key in self._taken else 200
        found = self._taken.setdefault(key, str(len(self._taken) + 1))
        return Answer(status, json.dumps({"sentMessages": [{"id": found}]}).encode())
