"""DingTalk, played on loopback."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import uuid4

from django.utils import timezone
from websockets.sync.server import ServerConnection

from channels_app.adapters.dingtalk.adapter import signature
from channels_app.adapters.dingtalk.streaming import TOPIC
from channels_app.fake_vendor import PICTURE, Answer, Call
from channels_app.fake_wires import FakeStreamVendor
from channels_app.protocol import ChannelConfig

CLIENT = "dingoer8c3ylcq5vqbte"
SECRET = "the-secret"  # noqa: S105  (of an app that is played)
GROUP = "cidQ4jYnhQ0mT5b1w=="
SAID = frozenset({"/v1.0/robot/oToMessages/batchSend", "/v1.0/robot/groupMessages/send"})


class Vendor(FakeStreamVendor):
    """Issues tokens, takes messages and files, gives a picture for every code, and streams what is put on it."""

    addresses: ClassVar[Mapping[str, str]] = {"base_url": "", "oapi_url": ""}
    facts: ClassVar[Mapping[str, object]] = {"client_id": CLIENT}
    unknown: ClassVar[tuple[bytes, ...]] = (
        b"{}",
        b'{"msgId":"m","msgtype":"text","text":{"content":"from nobody"}}',
        b'{"chatbotUserId":"b","conversationId":"c","senderStaffId":"s","eventType":"added"}',
    )
    signs_time: ClassVar[bool] = True
    refusals: ClassVar[tuple[Answer, ...]] = (
        Answer(200, b'{"errcode":40035,"errmsg":"param error"}'),
        Answer(200, b'{"processQueryKey":"q","invalidStaffIdList":["manager4567"]}'),
    )
    customer: ClassVar[str] = "manager4567"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.issued = 0

    @property
    def token(self) -> str:
        """The token that counts by now."""
        return f"token-{self.issued}"

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.written(reference, "text", text={"content": f" {text}"})

    def written(self, reference: str, kind: str, /, **facts: object) -> bytes:
        """Return a call that reports one message to the robot; facts of None are left out."""
        about = {
            "conversationId": "cidprivate",
            "conversationType": "1",
            "chatbotCorpId": "dinge8a565",
            "chatbotUserId": "$:LWCP_v1:$robot",
            "robotCode": CLIENT,
            "msgId": reference,
            "msgtype": kind,
            "senderId": "$:LWCP_v1:$Ff09GI",
            "senderStaffId": self.customer,
            "senderNick": "王芳",
            "createAt": int(timezone.now().timestamp() * 1000),
            **self._session(),
            **facts,
        }
        known = {name: value for name, value in about.items() if value is not None}
        return json.dumps(known, ensure_ascii=False).encode()

    def picture(self, reference: str, *, text: str = "") -> bytes:
        return self.written(reference, "picture", content={"downloadCode": "mIofN681YE3f"})

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        timestamp = str(int(at.timestamp() * 1000))
        secret = config.secrets[0] if config.secrets else ""
        return {"timestamp": timestamp, "sign": signature(secret, timestamp)}

    def answer(self, call: Call) -> Answer:
        if call.path == "/v1.0/oauth2/accessToken":
            return self._issue(json.loads(call.body))
        if call.path == "/v1.0/gateway/connections/open":
            return said(endpoint=f"{self.wire_address}/connect", ticket="a ticket")
        if call.path == "/robot/sendBySession":
            return said(errcode=0, errmsg="ok")
        if call.path.startswith("/elsewhere/"):
            return Answer(200, PICTURE, {"content-type": "image/png"})
        given = call.headers.get("x-acs-dingtalk-access-token") or call.query.get("access_token")
        if given not in {self.token} or not self.issued:
            return refused("InvalidAuthentication", "不合法的access_token", status=401)
        return self._answered(call)

    def text_of(self, call: Call) -> str | None:
        if call.path == "/robot/sendBySession":
            return str(json.loads(call.body)["text"]["content"])
        if call.path not in SAID:
            return None
        values = json.loads(json.loads(call.body)["msgParam"])
        return str(values.get("content") or values.get("photoURL") or values["mediaId"])

    def tell(self, wire: ServerConnection, kind: str, body: bytes) -> bool:
        topic = kind or TOPIC
        headers = {"messageId": uuid4().hex, "topic": topic, "contentType": "application/json"}
        frame = {
            "specVersion": "1.0",
            "type": "SYSTEM" if kind else "CALLBACK",
            "headers": headers,
            "data": body.decode(),
        }
        wire.send(json.dumps(frame))
        if topic == "disconnect":
            return False
        self.acknowledged.append(json.loads(wire.recv(timeout=self.patience_seconds)))
        return True

    def _session(self) -> dict[str, object]:
        until = timezone.now() + timedelta(hours=1)
        return {
            "sessionWebhook": f"http://127.0.0.1:{self.port}/robot/sendBySession?session=1",
            "sessionWebhookExpiredTime": int(until.timestamp() * 1000),
        }

    def _issue(self, asked: Mapping[str, str]) -> Answer:
        if asked.get("appKey") != CLIENT or asked.get("appSecret") != SECRET:
            return refused("invalidClientIdOrSecret", "无效的clientId或者clientSecret")
        self.issued += 1
        return said(accessToken=self.token, expireIn=7200)

    def _answered(self, call: Call) -> Answer:
        if call.path in SAID:
            return said(processQueryKey=f"sent-{len(self.calls)}")
        if call.path == "/v1.0/robot/messageFiles/download":
            return said(downloadUrl=f"http://127.0.0.1:{self.port}/elsewhere/1?signed=1")
        if call.path == "/media/upload":
            return said(errcode=0, errmsg="ok", media_id="@lADPDfJ6V", type=call.query["type"])
        return refused("InvalidAction.NotFound", "no such path", status=404)


def refused(code: str, message: str, *, status: int = 400) -> Answer:
    """Return how the newer interface says no."""
    return Answer(status, json.dumps({"code": code, "message": message}).encode())


def failed(number: int, message: str) -> Answer:
    """Return how the older interface says no."""
    return said(errcode=number, errmsg=message)


def said(**found: object) -> Answer:
    """Return an answer of DingTalk."""
    return Answer(200, json.dumps(found).encode())
