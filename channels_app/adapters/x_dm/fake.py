"""X, played on loopback."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar
from urllib.parse import parse_qsl
from uuid import uuid4

from django.utils import timezone

from channels_app import signatures
from channels_app.adapters.x_dm.adapter import signature
from channels_app.fake_vendor import Answer, Call, FakeVendor
from channels_app.protocol import ChannelConfig

ACCOUNT = "4337869213"
CLIENT = "the-client"
_SEND = re.compile(r"/2/dm_conversations/with/([0-9]+)/messages")
# One pixel.
_PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478"
    "9c6360606060000000050001a5f645400000000049454e44ae426082"
)


class Vendor(FakeVendor):
    """Gives tokens for the newest refresh token, takes messages, and gives a picture for every file."""

    facts: ClassVar[Mapping[str, object]] = {"account_id": ACCOUNT, "client_id": CLIENT}
    named_secrets: ClassVar[Mapping[str, str]] = {
        "client_secret": "a client secret",
        "refresh_token": "the first refresh token",
    }
    unknown: ClassVar[tuple[bytes, ...]] = (
        b'{"for_user_id":"4337869213","tweet_create_events":[{"id_str":"1"}]}',
        b'{"for_user_id":"7","direct_message_events":[{"type":"message_create","id":"1"}]}',
        b'{"for_user_id":"4337869213","direct_message_events":[{"type":"reaction_create","id":"1"}]}',
    )
    customer: ClassVar[str] = "3001969357"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.begin()

    def begin(self) -> None:
        self.access_token, self.refresh_token = "", self.named_secrets["refresh_token"]

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.reports(reference, text=text)

    def reports(self, reference: str, *, is_ours: bool = False, **content: object) -> bytes:
        """Return a call that reports a message of the conversation with the customer."""
        number = int.from_bytes(hashlib.sha256(reference.encode()).digest()[:7], "big")
        event = {
            "type": "message_create",
            "id": str(number),
            "created_timestamp": str(int(timezone.now().timestamp() * 1000)),
            "message_create": {
                "target": {"recipient_id": self.customer if is_ours else ACCOUNT},
                "sender_id": ACCOUNT if is_ours else self.customer,
                "message_data": {"text": "", "entities": {}, **content},
            },
        }
        return self.tells(direct_message_events=[event])

    def tells(self, **lists: object) -> bytes:
        """Return a call about the account with these lists."""
        people = {self.customer: {"id": self.customer, "name": "王芳", "screen_name": "fang"}}
        told = {"for_user_id": ACCOUNT, "users": people, **lists}
        return json.dumps(told, ensure_ascii=False).encode()

    def picture(self, reference: str, *, text: str = "") -> bytes:
        """Return a call that reports a picture of the customer, which lies here."""
        url = f"http://127.0.0.1:{self.port}/files/1"
        media = {"id": 7, "media_url_https": url, "type": "photo"}
        return self.reports(reference, text=text, attachment={"type": "media", "media": media})

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        secret = config.secrets[0] if config.secrets else ""
        return {"x-twitter-webhooks-signature": signature(secret, body)}

    def answer(self, call: Call) -> Answer:
        if call.path == "/2/oauth2/token":
            return self._tokens(call)
        if call.headers.get("authorization") != f"Bearer {self.access_token or None}":
            return problem(401, "Unauthorized")
        if _SEND.fullmatch(call.path):
            told = {"dm_conversation_id": "1-2", "dm_event_id": str(len(self.calls))}
            return Answer(201, json.dumps({"data": told}).encode())
        if call.path == "/2/users/me":
            told = {"id": ACCOUNT, "username": "everydesk", "name": "Everydesk"}
            return Answer(200, json.dumps({"data": told}).encode())
        if call.path.startswith("/files/"):
            return Answer(200, _PICTURE, {"content-type": "image/png"})
        return problem(404, "Not Found")

    def text_of(self, call: Call) -> str | None:
        return str(json.loads(call.body)["text"]) if _SEND.fullmatch(call.path) else None

    def forget_token(self) -> None:
        """Let the access token end before its time."""
        self.access_token = uuid4().hex

    def _tokens(self, call: Call) -> Answer:
        form = dict(parse_qsl(call.body.decode()))
        pair = f"{CLIENT}:{self.named_secrets['client_secret']}".encode()
        known = f"Basic {base64.b64encode(pair).decode()}"
        proofs = (
            (call.headers.get("authorization", ""), known),
            (form.get("refresh_token", ""), self.refresh_token),
        )
        if not all(signatures.is_one_of(given, [kept]) for given, kept in proofs):
            return Answer(400, b'{"error":"invalid_request"}')
        self.forget_token()
        # Each is good for one use.
        self.refresh_token = uuid4().hex
        told = {
            "token_type": "bearer",
            "expires_in": 7200,
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
        }
        return Answer(200, json.dumps(told).encode())


def problem(status: int, detail: str, **headers: str) -> Answer:
    """Return how X says no."""
    told = {"title": "Problem", "detail": detail, "type": "about:blank", "status": status}
    return Answer(
        status, json.dumps(told).encode(), {"content-type": "application/problem+json", **headers}
    )
