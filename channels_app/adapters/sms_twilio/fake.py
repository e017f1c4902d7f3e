"""Twilio, played on loopback."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode

from django.conf import settings

from channels_app.fake_vendor import PICTURE, Answer, Call, FakeVendor
from channels_app.protocol import ChannelConfig
from channels_app.twilio_signature import signature

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
NUMBER = "+14155550100"
_MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
_MEDIA = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/"


class Vendor(FakeVendor):
    """Takes messages for one account, and sends for every file to where it lies."""

    unknown: ClassVar[tuple[bytes, ...]] = (
        b"MessageSid=SM1&MessageStatus=queued&To=%2B1",
        b"MessageSid=SM1&MessageStatus=sending",
        b"MessageSid=SM1&MessageStatus=beamed",
    )
    content_type: ClassVar[str] = "application/x-www-form-urlencoded"
    customer: ClassVar[str] = "+8613800138000"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        # Of our messages, by the call that said them.
        self._sids: dict[int, str] = {}

    @property
    def settings(self) -> dict[str, object]:
        return {**super().settings, "account_sid": ACCOUNT, "sender": NUMBER}

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.form(MessageSid=sid_of(reference), From=self.customer, Body=text)

    def form(self, **facts: object) -> bytes:
        """Return a call with these facts, and what all messages that come in have."""
        known = {
            "ToCountry": "US",
            "SmsStatus": "received",
            "To": NUMBER,
            "NumSegments": 1,
            "NumMedia": 0,
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
        }
        return urlencode({**known, **facts}).encode()

    def picture(self, reference: str, *, text: str = "") -> bytes:
        """Return a call that reports a message with one picture, which lies here."""
        media = {
            "MediaUrl0": f"http://127.0.0.1:{self.port}{_MEDIA}ME1",
            "MediaContentType0": "image/png",
        }
        sid = sid_of(reference)
        return self.form(MessageSid=sid, From=self.customer, Body=text, NumMedia=1, **media)

    def receipts(self, call: Call) -> list[bytes]:
        return [self.receipt(self._sids[id(call)], state) for state in ("sent", "delivered")]

    def receipt(self, sid: str, state: str, *, code: int | None = None) -> bytes:
        """Return a call that reports how far one of our messages has come."""
        facts = {
            "MessageSid": sid,
            "SmsSid": sid,
            "MessageStatus": state,
            "SmsStatus": state,
            "AccountSid": ACCOUNT,
            "From": NUMBER,
            "To": self.customer,
            "ApiVersion": "2010-04-01",
        }
        return urlencode(facts | ({"ErrorCode": code} if code else {})).encode()

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        url = f"{settings.PUBLIC_URL}/channels/{config.public_id}/"
        form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        secret = config.secrets[0] if config.secrets else ""
        return {"x-twilio-signature": signature(secret, url, form)}

    def answer(self, call: Call) -> Answer:
        if call.path.startswith("/elsewhere/"):
            return Answer(200, PICTURE, {"content-type": "image/png"})
        if _account_of(call) != ACCOUNT:
            return refusal(401, 20003, "Authenticate")
        if call.path == _MESSAGES:
            sid = self._sids[id(call)] = sid_of(str(len(self.calls)))
            return Answer(201, json.dumps({"sid": sid, "status": "queued"}).encode())
        if call.path.startswith(_MEDIA):
            place = f"http://127.0.0.1:{self.port}/elsewhere/{call.path.rpartition('/')[2]}"
            return Answer(307, b"", {"location": place})
        if call.path == f"/2010-04-01/Accounts/{ACCOUNT}.json":
            account = {"sid": ACCOUNT, "friendly_name": "Everydesk", "status": "active"}
            return Answer(200, json.dumps(account).encode())
        return refusal(404, 20404, "The requested resource was not found")

    def text_of(self, call: Call) -> str | None:
        said = values_of(call) if call.path == _MESSAGES else {}
        return said.get("Body") or said.get("MediaUrl")


def sid_of(reference: str) -> str:
    """Return the id that stands for a reference, in their form."""
    return f"SM{hashlib.sha256(reference.encode()).hexdigest()[:32]}"


def refusal(status: int, code: int, message: str) -> Answer:
    """Return how Twilio says no."""
    body = {"code": code, "message": message, "more_info": "", "status": status}
    return Answer(status, json.dumps(body).encode())


def values_of(call: Call) -> dict[str, str]:
    """Return what a call says."""
    return dict(parse_qsl(call.body.decode(), keep_blank_values=True))


def _account_of(call: Call) -> str:
    kind, _space, pair = call.headers.get("authorization", "").partition(" ")
    return base64.b64decode(pair).decode().partition(":")[0] if kind == "Basic" else ""
