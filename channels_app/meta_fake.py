"""What the played vendors of Messenger and Instagram have in common."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar

from django.utils import timezone

from channels_app import meta
from channels_app.fake_vendor import PICTURE, Answer, Call, FakeVendor, Greeting, Sealed
from channels_app.protocol import ChannelConfig

VERSION = "/v26.0"


class MessagingVendor(FakeVendor):
    """Takes every message, knows the account, and tells what became of messages."""

    product: ClassVar[str] = "page"
    account: ClassVar[str] = "117172741761305"
    addresses: ClassVar[Mapping[str, str]] = {"base_url": VERSION}
    named_secrets: ClassVar[Mapping[str, str]] = {
        "access_token": "a token of the account",
        "verify_token": "a word of our own",
    }
    customer: ClassVar[str] = "3383290475046708"
    # Below which address messages are sent.
    sends_as: ClassVar[str] = "117172741761305"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self._given: dict[int, str] = {}

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.reports(self.row(message={"mid": reference, "text": text}))

    def picture(self, reference: str, *, text: str = "") -> bytes:
        file = {"type": "image", "payload": {"url": f"http://127.0.0.1:{self.port}/files/picture"}}
        message = {"mid": reference, "attachments": [file], **({"text": text} if text else {})}
        return self.reports(self.row(message=message))

    def reacted(self, reference: str, *, second: int, is_gone: bool = False) -> bytes:
        about = {"mid": reference, "action": "unreact" if is_gone else "react"}
        given = {} if is_gone else {"reaction": "like", "emoji": "👍"}
        at = int(timezone.now().timestamp() + second) * 1000
        return self.reports(self.row(reaction={**about, **given}, timestamp=at))

    def greeting(self, config: ChannelConfig, at: datetime) -> Greeting:
        return greeted(config)

    def row(self, **facts: object) -> dict[str, object]:
        """Return one event of the customer, as a row of a call."""
        return {
            "sender": {"id": self.customer},
            "recipient": {"id": self.account},
            "timestamp": int(timezone.now().timestamp() * 1000),
            **facts,
        }

    def echo(self, call: Call) -> bytes:
        """Return a call that reports what we sent in one of our calls."""
        sent = json.loads(call.body)
        content = {"mid": self.id_of(call), "is_echo": True, "app_id": 1, **sent["message"]}
        ends = {"sender": {"id": self.account}, "recipient": sent["recipient"]}
        return self.reports(self.row(**ends, message=content))

    def reports(self, *rows: object, name: str = "messaging", account: str = "") -> bytes:
        """Return a call that reports these rows."""
        now = int(timezone.now().timestamp() * 1000)
        entry = {"id": account or self.account, "time": now, name: list(rows)}
        # They write what is not ASCII as escapes.
        return json.dumps({"object": self.product, "entry": [entry]}).encode()

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        secret = config.secrets[0] if config.secrets else ""
        return {"x-hub-signature-256": meta.signature(secret, body)}

    def answer(self, call: Call) -> Answer:
        if call.path == "/files/picture":
            return Answer(200, PICTURE, {"content-type": "image/png"})
        if call.path == "/files/1":
            return Answer(200, b"%PDF-1.4 of a customer", {"content-type": "application/pdf"})
        if call.headers.get("authorization") != f"Bearer {self.named_secrets['access_token']}":
            return refused(190, "Invalid OAuth access token.", status=401)
        if self._is_message(call):
            whom = json.loads(call.body)["recipient"]["id"]
            return said({"recipient_id": whom, "message_id": self.id_of(call)})
        if call.method == "GET" and call.path == f"{VERSION}/{self.sends_as}":
            return said({"name": "Everydesk", "id": self.account})
        return refused(100, "Unsupported request")

    def text_of(self, call: Call) -> str | None:
        if not self._is_message(call):
            return None
        content = json.loads(call.body)["message"]
        return str(content.get("text") or content["attachment"]["payload"]["url"])

    def id_of(self, call: Call) -> str:
        """Return the id that a message of ours was given."""
        return self._given.setdefault(id(call), f"m_{len(self._given) + 1}")

    def _is_message(self, call: Call) -> bool:
        return call.method == "POST" and call.path == f"{VERSION}/{self.sends_as}/messages"


def greeted(config: ChannelConfig) -> Greeting:
    """Return how Meta tries an address: with the word that the channel's owner chose."""
    query = {
        "hub.mode": "subscribe",
        "hub.verify_token": config.named_secrets.get("verify_token", "a guess"),
        "hub.challenge": "1158201444",
    }
    return Greeting(Sealed(b"", query=query), b"1158201444")


def refused(code: int, message: str = "No", *, status: int = 400, **facts: object) -> Answer:
    """Return an error of the Graph API."""
    error = {"message": message, "type": "OAuthException", "code": code, **facts}
    return Answer(status, json.dumps({"error": error}).encode())


def said(found: Mapping[str, object]) -> Answer:
    """Return an answer of the Graph API."""
    return Answer(200, json.dumps(found).encode())
