"""Another system, played on loopback: it signs as Standard Webhooks say, and takes signed answers."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from channels_app import signatures
from channels_app.fake_vendor import Answer, Call, FakeVendor
from channels_app.protocol import ChannelConfig

_PATH = "/everydesk"
STATES = ("delivered", "read")


class Vendor(FakeVendor):
    """Reports messages of one customer, and gives every answer an id."""

    addresses: ClassVar[Mapping[str, str]] = {"callback_url": _PATH}
    signs_time: ClassVar[bool] = True
    says_more: ClassVar[bool] = False
    unknown: ClassVar[tuple[bytes, ...]] = (
        b'{"type":"ping","data":{"channel":"c"}}',
        b'{"type":"message.pinned","data":{"id":"m-1"}}',
        b'{"type":"invoice.paid","timestamp":"2026-11-22T08:00:00Z","data":[1]}',
    )
    customer: ClassVar[str] = "u-1"

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.report("message.created", id=reference, text=text)

    def edited(self, reference: str, *, text: str) -> bytes:
        return self.report("message.updated", id=reference, text=text)

    def withdrawn(self, reference: str) -> bytes:
        return self.report("message.deleted", id=reference)

    def receipts(self, call: Call) -> list[bytes]:
        found = id_of(call)
        return [
            json.dumps({"type": f"message.{state}", "data": {"ids": [found]}}).encode()
            for state in STATES
        ]

    def report(self, kind: str, **facts: object) -> bytes:
        """Return a call that reports something the customer did."""
        data = {"sender": {"id": self.customer, "name": "王芳"}, **facts}
        return json.dumps({"type": kind, "data": data}, ensure_ascii=False).encode()

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        # The same call again has the same id.
        identifier = f"msg_{hashlib.sha256(body).hexdigest()[:24]}"
        return signatures.signed_headers(identifier, body, secrets=config.secrets[:1], at=at)

    def answer(self, call: Call) -> Answer:
        return Answer(200, json.dumps({"id": id_of(call)}).encode())

    def text_of(self, call: Call) -> str | None:
        told = json.loads(call.body)
        return str(told["data"]["text"]) if told["type"] == "message.created" else None


def id_of(call: Call) -> str:
    """Return the id that the other system gives to what a call says: the same for every attempt."""
    return f"other-{call.headers.get('webhook-id', '')}"
