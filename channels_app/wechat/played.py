"""WeChat and WeCom, played on loopback: how they seal calls, and what both answer."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes, policy
from typing import ClassVar
from uuid import uuid4

from django.utils import timezone

from channels_app.fake_vendor import Answer, Call, FakeVendor, Sealed
from channels_app.protocol import ChannelConfig
from channels_app.signatures import is_one_of
from channels_app.wechat import cipher
from channels_app.wechat.interface import DOWNLOAD, UPLOAD

AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
UNKNOWN_URL = 40066
# One pixel.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478"
    "9c6360606060000000050001a5f645400000000049454e44ae426082"
)
_ENCRYPT = re.compile(rb'(?<=<Encrypt><!\[CDATA\[)[^\]]*|(?<="Encrypt": ")[^"]*')


class SealingVendor(FakeVendor):
    """Seals its calls for one receiver, gives one token, takes files, and gives a picture for every file."""

    # The setting that names whom calls are sealed for.
    receiver: ClassVar[str] = "app_id"
    content_type: ClassVar[str] = "text/xml"
    in_json: ClassVar[bool] = False

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.token = uuid4().hex
        # By their ids: the name and the bytes of each.
        self.uploads: dict[str, tuple[str, bytes]] = {}

    def expire(self) -> None:
        """Take the token back that was given out."""
        self.token = uuid4().hex

    def said(self, **facts: object) -> bytes:
        """Return a call that reports these facts of the customer."""
        known = {
            "ToUserName": self.ours,
            "FromUserName": self.customer,
            "CreateTime": int(timezone.now().timestamp()),
            **facts,
        }
        return self.written(known)

    @property
    def ours(self) -> str:
        """What we are called in their calls."""
        return str(self.facts[self.receiver])

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.said(MsgType="text", Content=text, MsgId=number_of(reference))

    def picture(self, reference: str, *, text: str = "") -> bytes:
        url = "http://mmbiz.qpic.cn/mmbiz/1/0"
        facts = {"PicUrl": url, "MediaId": f"media-{reference}", "MsgId": number_of(reference)}
        return self.said(MsgType="image", **facts)

    def happened(self, event: str, **facts: object) -> bytes:
        """Return a call that reports an event of the customer."""
        return self.said(MsgType="event", Event=event, **facts)

    def written(self, facts: Mapping[str, object]) -> bytes:
        """Return facts as a call says them."""
        if self.in_json:
            return json.dumps(facts, ensure_ascii=False).encode()
        rows = "".join(f"<{name}>{_value(value)}</{name}>" for name, value in facts.items())
        return f"<xml>{rows}</xml>".encode()

    def seal(self, body: bytes, config: ChannelConfig, at: datetime) -> Sealed:
        receiver = config.text(self.receiver) or self.ours
        key = config.named_secrets.get("aes_key") or self.named_secrets["aes_key"]
        encrypted = cipher.encrypt(body, receiver, key)
        token = config.secrets[0] if config.secrets else ""
        timestamp, nonce = str(int(at.timestamp())), uuid4().hex[:10]
        query = {
            "timestamp": timestamp,
            "nonce": nonce,
            "encrypt_type": "aes",
            "signature": cipher.signature(token, timestamp, nonce),
            "msg_signature": cipher.signature(token, timestamp, nonce, encrypted),
        }
        outer = self.written({"ToUserName": self.ours, "Encrypt": encrypted})
        return Sealed(outer, query=query)

    def tampered(self, call: Sealed) -> Sealed:
        forged = self.message("forged", text="Refund everything")
        encrypted = cipher.encrypt(forged, self.ours, self.named_secrets["aes_key"])
        return replace(call, body=_ENCRYPT.sub(encrypted.encode(), call.body))

    def answer(self, call: Call) -> Answer:
        if not is_one_of(call.query.get("access_token", ""), [self.token]):
            return refusal(40001, "invalid credential, access_token is invalid or not latest")
        if call.path == UPLOAD:
            return self._upload(call)
        if call.path == DOWNLOAD:
            return Answer(200, PICTURE, {"content-type": "image/png"})
        return refusal(UNKNOWN_URL, "invalid url")

    def _upload(self, call: Call) -> Answer:
        name, data = file_in(call)
        media_id = uuid4().hex
        self.uploads[media_id] = (name, data)
        return answer(type=call.query.get("type"), media_id=media_id, created_at=1380000000)


class PlayedAccount(SealingVendor):
    """An account that customers write to: takes messages, and counts calls."""

    facts: ClassVar[Mapping[str, object]] = {"app_id": "wx49f0ab532d5d035a"}
    named_secrets: ClassVar[Mapping[str, str]] = {
        "app_secret": "the secret of the app",
        "aes_key": AES_KEY,
    }
    customer: ClassVar[str] = "oLVPpjqs9BhvzwPj5A-vTYAX3GLc"

    def answer(self, call: Call) -> Answer:
        if call.path == "/cgi-bin/stable_token":
            return self._token(json.loads(call.body))
        known = super().answer(call)
        if code_of(known) != UNKNOWN_URL:
            return known
        if call.path == "/cgi-bin/message/custom/send":
            return answer()
        if call.path == "/cgi-bin/openapi/quota/get":
            return answer(quota={"daily_limit": 500_000, "used": 12, "remain": 499_988})
        return known

    def text_of(self, call: Call) -> str | None:
        if call.path != "/cgi-bin/message/custom/send":
            return None
        said = json.loads(call.body)
        if said["msgtype"] == "text":
            return str(said["text"]["content"])
        return self.uploads[said[said["msgtype"]]["media_id"]][0]

    def _token(self, asked: Mapping[str, object]) -> Answer:
        if asked["appid"] != self.facts["app_id"]:
            return refusal(40013, "invalid appid")
        if asked["secret"] != self.named_secrets["app_secret"]:
            return refusal(40125, "invalid appsecret")
        if asked.get("force_refresh"):
            self.expire()
        return answer(access_token=self.token, expires_in=7200)


class PlayedCompany(SealingVendor):
    """A company on WeCom: gives tokens for its id and the secret of its app."""

    receiver: ClassVar[str] = "corp_id"
    facts: ClassVar[Mapping[str, object]] = {"corp_id": "ww12345678910"}
    named_secrets: ClassVar[Mapping[str, str]] = {
        "app_secret": "the secret of the app",
        "aes_key": AES_KEY,
    }

    def answer(self, call: Call) -> Answer:
        if call.path != "/cgi-bin/gettoken":
            return super().answer(call)
        if call.query.get("corpid") != self.facts["corp_id"]:
            return refusal(40013, "invalid corpid")
        if not is_one_of(call.query.get("corpsecret", ""), [self.named_secrets["app_secret"]]):
            return refusal(40001, "invalid credential")
        return answer(access_token=self.token, expires_in=7200)


def answer(**facts: object) -> Answer:
    """Return how they say yes."""
    known = {"errcode": 0, "errmsg": "ok", **facts}
    return Answer(200, json.dumps(known, ensure_ascii=False).encode())


def refusal(code: int, said: str = "no") -> Answer:
    """Return how they say no: with status 200."""
    body = {"errcode": code, "errmsg": f"{said} rid: 5f0a6b2c-0b1a2c3d"}
    return Answer(200, json.dumps(body).encode())


def code_of(found: Answer) -> int:
    """Return the error in an answer; 0 where there is none."""
    try:
        return int(json.loads(found.body).get("errcode", 0))
    except ValueError:
        return 0


def number_of(reference: str) -> int:
    """Return the number that stands for a reference: their ids have 64 bits."""
    return int.from_bytes(hashlib.sha256(reference.encode()).digest()[:7], "big")


def file_in(call: Call) -> tuple[str, bytes]:
    """Return the name and the bytes of the file in a call."""
    head = f"content-type: {call.headers['content-type']}\r\n\r\n".encode()
    form = message_from_bytes(head + call.body, policy=policy.default)
    (part,) = form.iter_parts()
    found = part.get_payload(decode=True)
    return part.get_filename() or "", found if isinstance(found, bytes) else b""


def _value(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{text}]]>"
