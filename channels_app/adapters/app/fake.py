"""A mobile app, its server and its push services, played on loopback."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from channels_app.chat.identity import sign_identity
from channels_app.fake_vendor import Answer, Call, FakeVendor
from channels_app.protocol import ChannelConfig


class Vendor(FakeVendor):
    """Vouches for one user of the app, and lets its server post what they write."""

    addresses: ClassVar[Mapping[str, str]] = {
        "fcm_url": "",
        "fcm_token_url": "/token",
        "push_url": "/push",
    }
    is_called: ClassVar[bool] = False
    unknown: ClassVar[tuple[bytes, ...]] = (b'{"type":"ping"}', b'{"type":"typing","on":true}')
    customer: ClassVar[str] = "sub:user-7"

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        frame = {"type": "message", "client_ref": reference, "text": text}
        return json.dumps(frame, ensure_ascii=False).encode()

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.identity(config, at)}"}

    def identity(self, config: ChannelConfig, at: datetime, **claims: object) -> str:
        """Return the token that the app's server gives to its user."""
        known = {
            "sub": self.customer.removeprefix("sub:"),
            "name": "王芳",
            "aud": config.public_id,
            "exp": at.timestamp() + 600,
            **claims,
        }
        return sign_identity(known, config.secrets[0] if config.secrets else "")

    def answer(self, call: Call) -> Answer:
        if call.path == "/token":
            return self.token_answer()
        return Answer() if _is_push(call) else Answer(404)

    def text_of(self, call: Call) -> str | None:
        return _push_of(call)["text"] if _is_push(call) else None

    def token_answer(self, token: str = "a token") -> Answer:  # noqa: S107  (of a service that is played)
        """Return what Google answers to who asks for an access token."""
        body = {"access_token": token.replace(" ", "-"), "expires_in": 3600}
        return Answer(body=json.dumps(body).encode())

    def pushed(self) -> list[dict[str, Any]]:
        """Return what devices were told, whichever service was asked."""
        return [_push_of(call) for call in list(self.calls) if _is_push(call)]


def _is_push(call: Call) -> bool:
    return call.path == "/push" or call.path.endswith("/messages:send")


def _push_of(call: Call) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(call.body)
    if call.path == "/push":
        return dict(body["data"])
    message = body["message"]
    told = message["notification"]
    return {
        "token": message["token"],
        "title": told["title"],
        "text": told["body"],
        **message["data"],
    }
