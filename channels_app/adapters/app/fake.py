"""A mobile app and its server, played on loopback."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from channels_app.chat.identity import sign_identity
from channels_app.fake_vendor import Answer, Call, FakeVendor
from channels_app.protocol import ChannelConfig


class Vendor(FakeVendor):
    """Vouches for one user of the app, and lets its server post what they write."""

    addresses: ClassVar[Mapping[str, str]] = {}
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
        return Answer(404)

    def text_of(self, call: Call) -> str | None:
        return None
