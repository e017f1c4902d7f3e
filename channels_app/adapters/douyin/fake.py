"""Douyin, played on loopback."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar
from urllib.parse import parse_qsl
from uuid import uuid4

from django.utils import timezone

from channels_app.adapters.douyin.adapter import signature
from channels_app.fake_vendor import Answer, Call, FakeVendor
from channels_app.protocol import ChannelConfig

CLIENT_KEY = "awplayed0client0key"
ACCOUNT = "aaa-7ae0-4399-914a-5eb1df5861ba"
_SEND = "/im/send/msg/"
_REFRESH = "/oauth/refresh_token/"


class Vendor(FakeVendor):
    """Gives an access token for the newest refresh token, and takes answers with it."""

    facts: ClassVar[Mapping[str, object]] = {"client_key": CLIENT_KEY, "account_id": ACCOUNT}
    named_secrets: ClassVar[Mapping[str, str]] = {"refresh_token": "rft.first"}
    unknown: ClassVar[tuple[bytes, ...]] = (
        b'{"event":"new_video","client_key":"awplayed0client0key","content":{}}',
        b'{"event":"im_receive_msg","client_key":"another","content":{}}',
        b'{"event":"im_receive_msg","client_key":"awplayed0client0key","from_user_id":"a",'
        b'"to_user_id":"for another account","content":{}}',
    )
    customer: ClassVar[str] = "ac6479a5-d7a6-4018-84be-c29bfc00000"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.begin()

    def begin(self) -> None:
        self.access_token, self.refresh_token = "", self.named_secrets["refresh_token"]

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.reports(server_message_id=reference, message_type="text", text=text)

    def reports(self, event: str = "im_receive_msg", **facts: object) -> bytes:
        """Return a call that reports something in the conversation with the customer."""
        content = {
            "conversation_short_id": "@conversation+1",
            "server_message_id": f"@{uuid4().hex}",
            "conversation_type": 1,
            "create_time": int(timezone.now().timestamp() * 1000),
            "source": "",
            "user_infos": [
                {"open_id": self.customer, "nick_name": "王芳", "avatar": "https://a.example/w"}
            ],
            **facts,
        }
        is_ours = event == "im_send_msg"
        told = {
            "event": event,
            "client_key": CLIENT_KEY,
            "from_user_id": ACCOUNT if is_ours else self.customer,
            "to_user_id": self.customer if is_ours else ACCOUNT,
            "log_id": "2023429834752345783",
            # One page of theirs shows an object here, another one a text.
            "content": json.dumps(content, ensure_ascii=False),
        }
        return json.dumps(told, ensure_ascii=False).encode()

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        secret = config.secrets[0] if config.secrets else ""
        return {"x-douyin-signature": signature(secret, body), "msg-id": uuid4().hex}

    def answer(self, call: Call) -> Answer:
        if call.path == _REFRESH:
            return self._refresh(dict(parse_qsl(call.body.decode())))
        if call.headers.get("access-token", "") != (self.access_token or None):
            return refusal(2190008, "access_token expired")
        if call.path != _SEND:
            return refusal(2100005, "not found")
        if call.query.get("open_id") != ACCOUNT:
            return refusal(2100005, "parameter error")
        return _said({"msg_id": f"@sent+{len(self.calls)}"})

    def text_of(self, call: Call) -> str | None:
        if call.path != _SEND:
            return None
        return str(json.loads(call.body)["content"]["text"]["text"])

    def forget_token(self) -> None:
        """Let the access token end before its time."""
        self.access_token = f"act.{uuid4().hex}"

    def _refresh(self, form: Mapping[str, str]) -> Answer:
        if (form["client_key"], form["refresh_token"]) != (CLIENT_KEY, self.refresh_token):
            return refusal(10010, "refresh_token expired")
        self.forget_token()
        self.refresh_token = f"rft.{uuid4().hex}"
        return _said(
            {
                "access_token": self.access_token,
                "refresh_token": self.refresh_token,
                "expires_in": 1_296_000,
                "open_id": ACCOUNT,
            }
        )


def refusal(code: int, said: str) -> Answer:
    """Return how Douyin says no: inside of a 200, in both of its places."""
    told = {
        "data": {"error_code": code, "description": said},
        "extra": {"error_code": code, "description": said, "logid": "2023"},
    }
    return Answer(200, json.dumps(told).encode())


def _said(data: Mapping[str, object]) -> Answer:
    told = {"data": {"error_code": 0, "description": "", **data}, "message": "success"}
    return Answer(200, json.dumps(told).encode())
