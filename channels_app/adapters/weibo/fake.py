"""Weibo, played on loopback."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar
from urllib.parse import parse_qsl

from django.utils import timezone

from channels_app.adapters.weibo.adapter import signature
from channels_app.fake_vendor import Answer, Call, FakeVendor, Sealed
from channels_app.protocol import ChannelConfig

ACCOUNT = "1902538057"
TOKEN = "2.00ACCESS"  # noqa: S105  (of an account that is played)
_REPLY = "/2/messages/reply/biz.json"
# One pixel.
_PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478"
    "9c6360606060000000050001a5f645400000000049454e44ae426082"
)


class Vendor(FakeVendor):
    """Takes answers, knows one account, and gives a picture for every file of it."""

    addresses: ClassVar[Mapping[str, str]] = {
        "base_url": "",
        "account_url": "/account",
        "files_url": "/files",
    }
    facts: ClassVar[Mapping[str, object]] = {"account_id": ACCOUNT}
    named_secrets: ClassVar[Mapping[str, str]] = {"access_token": TOKEN}
    unknown: ClassVar[tuple[bytes, ...]] = (
        b'{"type":"text","receiver_id":7,"sender_id":8,"text":"for another account","data":{}}',
        b'{"type":"event","receiver_id":1902538057,"sender_id":8,"text":"",'
        b'"data":{"subtype":"view","key":"http://a"}}',
        b'{"type":"event","receiver_id":1902538057,"sender_id":8,"data":{"subtype":"hologram"}}',
    )
    customer: ClassVar[str] = "2489518277"

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.reports("text", text=text, id=reference)

    def reports(self, kind: str, **facts: object) -> bytes:
        """Return a call that reports something of the customer; they name no message themselves."""
        told = {
            "type": kind,
            "receiver_id": int(ACCOUNT),
            "sender_id": int(self.customer),
            "created_at": timezone.now().strftime("%a %b %d %H:%M:%S %z %Y"),
            "text": "",
            "data": {},
            **facts,
        }
        return json.dumps(told, ensure_ascii=False).encode()

    def picture(self, reference: str, *, text: str = "发了一张图片") -> bytes:
        data = {"vfid": 821804459, "tovfid": 821804469}
        return self.reports("image", text=text, data=data, id=reference)

    def seal(self, body: bytes, config: ChannelConfig, at: datetime) -> Sealed:
        secret = config.secrets[0] if config.secrets else ""
        timestamp, nonce = str(int(at.timestamp() * 1000)), "213674821"
        proof = signature(secret, timestamp, nonce)
        return Sealed(body, query={"signature": proof, "timestamp": timestamp, "nonce": nonce})

    def answer(self, call: Call) -> Answer:
        if call.headers.get("authorization") != f"OAuth2 {TOKEN}":
            return refusal(21332, "invalid_access_token")
        if call.path == _REPLY:
            form = form_of(call)
            told = {"receiver_id": form["receiver_id"], "type": form["type"], "result": True}
            return Answer(200, json.dumps(told).encode())
        if call.path == "/account/2/account/get_uid.json":
            return Answer(200, json.dumps({"uid": int(ACCOUNT)}).encode())
        if call.path == "/files/2/mss/msget":
            return Answer(200, _PICTURE, {"content-type": "image/png"})
        return refusal(10020, "Request api not found!")

    def text_of(self, call: Call) -> str | None:
        return str(json.loads(form_of(call)["data"])["text"]) if call.path == _REPLY else None


def form_of(call: Call) -> dict[str, str]:
    """Return what a call of ours says."""
    return dict(parse_qsl(call.body.decode()))


def refusal(code: int, error: str, *, status: int = 200) -> Answer:
    """Return how Weibo says no: mostly inside of a 200."""
    told = {"error": error, "error_code": code, "request": "/2/messages/reply/biz.json"}
    return Answer(status, json.dumps(told).encode())
