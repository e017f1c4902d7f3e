"""Feishu, played on loopback."""

import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar
from uuid import uuid4

from django.utils import timezone
from websockets.sync.server import ServerConnection

from channels_app.adapters.feishu import long_connection, sealing
from channels_app.adapters.feishu.frames import CONTROL, DATA, Frame
from channels_app.fake_vendor import PICTURE, Answer, Call, Greeting, Sealed
from channels_app.fake_wires import FakeStreamVendor
from channels_app.protocol import ChannelConfig

APP = "cli_9f5343c580712544"
GROUP = "oc_5ce6d572455d361153b7cb51da133945"
# Who answers on its long connections.
SERVICE = 33554678
_API = "/open-apis/im/v1"


class Vendor(FakeStreamVendor):
    """Issues tokens, takes files and messages, each uuid once, and gives a picture for every file."""

    facts: ClassVar[Mapping[str, object]] = {"app_id": APP}
    named_secrets: ClassVar[Mapping[str, str]] = {"app_secret": "the secret of an app"}
    unknown: ClassVar[tuple[bytes, ...]] = (
        b'{"schema":"2.0","header":{"event_id":"e","event_type":"contact.user.created_v3"}}',
        b'{"uuid":"1","type":"event_callback","event":{"type":"message","text":"of old"}}',
        b'{"schema":"2.0","header":{"event_type":"im.message.receive_v1"},"event":{"sender":'
        b'{"sender_type":"app","sender_id":{"open_id":"ou_1"}},"message":{"message_id":"om_1"}}}',
    )
    refusals: ClassVar[tuple[Answer, ...]] = (
        Answer(200, b'{"code":230001,"msg":"param is invalid"}'),
        Answer(200, b'{"code":230002,"msg":"Bot is not in the group"}'),
    )
    customer: ClassVar[str] = "ou_84aad35d084aa403a838cf73ee18467"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.issued = self.pings = 0
        # What it says of how often it wants to hear of us, once a connection is there.
        self.ping_seconds = 90
        # An event comes in so many frames.
        self.parts = 1
        self._taken: dict[str, str] = {}

    @property
    def token(self) -> str:
        """The token that counts by now."""
        return f"t-{self.issued}"

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.written(reference, "text", {"text": text})

    def written(
        self, reference: str, kind: str, content: Mapping[str, object], /, **facts: object
    ) -> bytes:
        """Return what a call says that reports one message of the customer."""
        message = {
            "message_id": reference,
            "chat_id": "oc_private",
            "chat_type": "p2p",
            "message_type": kind,
            "create_time": str(int(timezone.now().timestamp() * 1000)),
            "content": json.dumps(content, ensure_ascii=False),
            **facts,
        }
        sender = {"sender_id": self._ids(), "sender_type": "user", "tenant_key": "736588c9260f175d"}
        return self.event("im.message.receive_v1", sender=sender, message=message)

    def picture(self, reference: str, *, text: str = "") -> bytes:
        return self.written(reference, "image", {"image_key": "img_v3_0"})

    def withdrawn(self, reference: str) -> bytes:
        return self.recalled(reference)

    def reacted(self, reference: str, *, second: int, is_gone: bool = False) -> bytes:
        return self.event(
            f"im.message.reaction.{'deleted' if is_gone else 'created'}_v1",
            message_id=reference,
            reaction_type={"emoji_type": "THUMBSUP"},
            operator_type="user",
            user_id=self._ids(),
            action_time=str(int(timezone.now().timestamp() + second) * 1000),
        )

    def receipts(self, call: Call) -> list[bytes]:
        return [self.read(self._taken[json.loads(call.body)["uuid"]])]

    def greeting(self, config: ChannelConfig, at: datetime) -> Greeting:
        riddle = {"challenge": "1b6aef1a-401f", "token": "v", "type": "url_verification"}
        call = self.seal(json.dumps(riddle).encode(), config, at)
        return Greeting(call, b'{"challenge": "1b6aef1a-401f"}', "POST")

    def recalled(self, reference: str) -> bytes:
        """Return what a call says when somebody has taken a message back."""
        return self.event("im.message.recalled_v1", message_id=reference, chat_id="oc_private")

    def read(self, *ids: str) -> bytes:
        """Return what a call says when the customer has read messages of ours."""
        reader = {
            "reader_id": self._ids(),
            "read_time": str(int(timezone.now().timestamp() * 1000)),
        }
        return self.event("im.message.message_read_v1", reader=reader, message_id_list=list(ids))

    def event(self, kind: str, *, app: str = APP, **facts: object) -> bytes:
        """Return what a call says that reports this."""
        header = {
            "event_id": uuid4().hex,
            "event_type": kind,
            "create_time": str(int(timezone.now().timestamp() * 1000)),
            "token": "v",
            "app_id": app,
            "tenant_key": "736588c9260f175d",
        }
        call = {"schema": "2.0", "header": header, "event": facts}
        return json.dumps(call, ensure_ascii=False).encode()

    def seal(self, body: bytes, config: ChannelConfig, at: datetime) -> Sealed:
        key = config.secrets[0] if config.secrets else ""
        sealed = sealing.closed(body, key, os.urandom(sealing.BLOCK))
        return Sealed(sealed, _proof(sealed, key, at))

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        return _proof(body, config.secrets[0] if config.secrets else "", at)

    def answer(self, call: Call) -> Answer:
        if call.path == "/open-apis/auth/v3/tenant_access_token/internal":
            return self._issue(json.loads(call.body))
        if call.path == long_connection.PATH:
            return self._connect(json.loads(call.body))
        if call.headers.get("authorization") != f"Bearer {self.token}" or not self.issued:
            return refused(99991663, "Invalid access token for authorization.")
        if call.path == "/open-apis/bot/v3/info":
            return Answer(200, json.dumps({"code": 0, "bot": {"app_name": "Everydesk"}}).encode())
        if "/resources/" in call.path:
            headers = {"content-type": "image/png", "content-disposition": "attachment"}
            return Answer(200, PICTURE, headers)
        if call.path == f"{_API}/images":
            return said(image_key="img_v3_1")
        if call.path == f"{_API}/files":
            return said(file_key="file_v3_1")
        if self._is_message(call):
            return self._take(json.loads(call.body)["uuid"])
        return refused(99991404, "no such path", status=404)

    def expire(self) -> None:
        """Let no token count any more that was given out."""
        self.issued += 1

    def text_of(self, call: Call) -> str | None:
        if not self._is_message(call):
            return None
        content = json.loads(json.loads(call.body)["content"])
        return str(content.get("text") or content.get("image_key") or content["file_key"])

    def tell(self, wire: ServerConnection, kind: str, body: bytes) -> bool:
        """Tell an event in its frames, and take the answer to it."""
        size = -(-len(body) // self.parts) or 1
        message = uuid4().hex
        for at in range(self.parts):
            headers = {
                "type": kind or long_connection.EVENT,
                "message_id": message,
                "sum": str(self.parts),
                "seq": str(at),
            }
            part = body[at * size : (at + 1) * size]
            wire.send(Frame.made(DATA, SERVICE, headers, part).written())
        while True:
            answer = Frame.read(bytes(wire.recv(timeout=self.patience_seconds, decode=False)))
            if answer.method == DATA:
                self.acknowledged.append({**json.loads(answer.payload), **answer.headers})
                return True
            self.pings += 1

    def hear(self, told: str | bytes) -> None:
        self.pings += 1

    def greet(self, wire: ServerConnection) -> None:
        config = json.dumps({"PingInterval": self.ping_seconds}).encode()
        wire.send(Frame.made(CONTROL, SERVICE, {"type": long_connection.PONG}, config).written())

    def _is_message(self, call: Call) -> bool:
        is_reply = call.path.startswith(f"{_API}/messages/") and call.path.endswith("/reply")
        return call.method == "POST" and (is_reply or call.path == f"{_API}/messages")

    def _issue(self, asked: Mapping[str, str]) -> Answer:
        if asked != {"app_id": APP, **self.named_secrets}:
            return refused(10014, "app secret invalid", status=200)
        self.issued += 1
        found = {"code": 0, "msg": "ok", "tenant_access_token": self.token, "expire": 7200}
        return Answer(200, json.dumps(found).encode())

    def _connect(self, asked: Mapping[str, str]) -> Answer:
        if asked != {"AppID": APP, "AppSecret": self.named_secrets["app_secret"]}:
            return refused(10014, "app secret invalid", status=200)
        url = f"{self.wire_address}/ws/v2?device_id=1&service_id={SERVICE}&ticket=t"
        config = {"PingInterval": 120, "ReconnectCount": -1, "ReconnectInterval": 120}
        found = {"code": 0, "msg": "", "data": {"URL": url, "ClientConfig": config}}
        return Answer(200, json.dumps(found).encode())

    def _take(self, uuid: str) -> Answer:
        return said(message_id=self._taken.setdefault(uuid, f"om_sent_{len(self._taken) + 1}"))

    def _ids(self) -> dict[str, str]:
        return {"open_id": self.customer, "union_id": "on_8ed6aa678261", "user_id": "e33ggbyz"}


def refused(code: int, message: str, *, status: int = 400) -> Answer:
    """Return how Feishu says no."""
    return Answer(status, json.dumps({"code": code, "msg": message}).encode())


def said(**data: str) -> Answer:
    """Return an answer of Feishu."""
    return Answer(200, json.dumps({"code": 0, "msg": "success", "data": data}).encode())


def _proof(body: bytes, key: str, at: datetime) -> dict[str, str]:
    timestamp, nonce = str(int(at.timestamp())), "nonce"
    return {
        "x-lark-request-timestamp": timestamp,
        "x-lark-request-nonce": nonce,
        "x-lark-signature": sealing.signature(key, timestamp, nonce, body),
    }
