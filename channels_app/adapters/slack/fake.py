"""Slack, played on loopback."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from django.utils import timezone
from websockets.sync.server import ServerConnection

from channels_app.adapters.slack.adapter import signature
from channels_app.adapters.slack.socket_mode import EVENT, GOODBYE, HELLO, INTERACTION
from channels_app.fake_vendor import PICTURE, Answer, Call, Greeting, Sealed
from channels_app.fake_wires import FakeStreamVendor
from channels_app.protocol import ChannelConfig

TEAM = "T061EG9R6"
CHAT = "D024BE91L"
POST, DONE = "/api/chat.postMessage", "/api/files.completeUploadExternal"
_BEGUN = 1_700_000_000


class Vendor(FakeStreamVendor):
    """Takes messages and files for one bot, and gives a picture for every file to whoever has the token."""

    addresses: ClassVar[Mapping[str, str]] = {"base_url": "/api"}
    named_secrets: ClassVar[Mapping[str, str]] = {
        "bot_token": "xoxb-17653672481-of-a-bot",
        "app_token": "xapp-1-A0FFV41KK-of-an-app",
    }
    unknown: ClassVar[tuple[bytes, ...]] = (
        b'{"type":"app_rate_limited","team_id":"T061EG9R6"}',
        b'{"type":"event_callback","event":{"type":"team_rename","name":"New"},"event_id":"Ev1"}',
        b'{"type":"event_callback","event":{"type":"message","subtype":"channel_topic",'
        b'"channel":"C1","user":"U1","ts":"1.000001","text":"set the topic"},"event_id":"Ev1"}',
        b"token=x&command=%2Fhelp&text=hi&user_id=U1",
    )
    signs_time: ClassVar[bool] = True
    refusals: ClassVar[tuple[Answer, ...]] = (
        Answer(200, b'{"ok":false,"error":"channel_not_found"}'),
        Answer(200, b'{"ok":false,"error":"invalid_auth"}'),
    )
    customer: ClassVar[str] = "U2CERLKJA"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.uploads: list[bytes] = []

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        # What stands for itself there is written so.
        written = escape(text, quote=False)
        return self.event("message", ts=ts_of(reference), text=written, channel_type="im")

    def event(self, kind: str, /, **facts: object) -> bytes:
        """Return a call that reports something of the customer; facts of None are left out."""
        about = {"type": kind, "channel": CHAT, "user": self.customer, "event_ts": "1.5", **facts}
        known = {name: value for name, value in about.items() if value is not None}
        call = {
            "token": "of old",
            "team_id": TEAM,
            "api_app_id": "A0FFV41KK",
            "type": "event_callback",
            "event": known,
            "event_id": f"Ev{uuid4().hex[:8]}",
            "event_time": int(timezone.now().timestamp()),
        }
        return json.dumps(call).encode()

    def picture(self, reference: str, *, text: str = "") -> bytes:
        facts = {"ts": ts_of(reference), "text": text, "files": [self.file()]}
        return self.event("message", subtype="file_share", channel_type="im", **facts)

    def edited(self, reference: str, *, text: str) -> bytes:
        edited = {"user": self.customer, "ts": f"{_BEGUN + 20_000_000}.000001"}
        newer = {"user": self.customer, "ts": ts_of(reference), "text": text, "edited": edited}
        return self.event("message", subtype="message_changed", channel_type="im", message=newer)

    def withdrawn(self, reference: str) -> bytes:
        before = {"user": self.customer, "ts": ts_of(reference)}
        facts = {"deleted_ts": before["ts"], "previous_message": before}
        return self.event("message", subtype="message_deleted", channel_type="im", **facts)

    def reacted(self, reference: str, *, second: int, is_gone: bool = False) -> bytes:
        return self.event(
            "reaction_removed" if is_gone else "reaction_added",
            reaction="+1",
            item={"type": "message", "channel": CHAT, "ts": ts_of(reference)},
            event_ts=f"{_BEGUN + 20_000_000 + second}.000001",
            channel=None,
        )

    def greeting(self, config: ChannelConfig, at: datetime) -> Greeting:
        riddle = b'{"token":"of old","challenge":"3eZbrw1aB10F","type":"url_verification"}'
        return Greeting(Sealed(riddle, self.sign(riddle, config, at)), b"3eZbrw1aB10F", "POST")

    def pressed(self, action: str, value: str) -> bytes:
        """Return a call that reports a button which the customer pressed."""
        payload = {
            "type": "block_actions",
            "team": {"id": TEAM},
            "user": {"id": self.customer, "name": "fang"},
            "container": {"channel_id": CHAT, "message_ts": "1.000001"},
            "actions": [{"action_id": action, "value": value, "action_ts": "2.000001"}],
        }
        return urlencode({"payload": json.dumps(payload)}).encode()

    def file(self, identifier: str = "F0S43P1CZ", **facts: object) -> dict[str, object]:
        """Return a file of the customer, as a row of a message; it lies here."""
        url = f"http://127.0.0.1:{self.port}/files-pri/{identifier}/download/a.png"
        known = {"name": "a.png", "mimetype": "image/png", "size": len(PICTURE), "mode": "hosted"}
        return {"id": identifier, **known, "url_private_download": url, **facts}

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        secret = config.secrets[0] if config.secrets else ""
        timestamp = str(int(at.timestamp()))
        return {
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": signature(secret, timestamp, body),
        }

    def answer(self, call: Call) -> Answer:
        if call.path.startswith("/upload/"):
            self.uploads.append(call.body)
            return Answer(200, b"OK - 1", {"content-type": "text/plain"})
        method = call.path.removeprefix("/api/")
        name = "app_token" if method == "apps.connections.open" else "bot_token"
        is_known = call.headers.get("authorization") == f"Bearer {self.named_secrets[name]}"
        if call.path.startswith("/files-pri/"):
            return _file() if is_known else _sign_in()
        if not is_known:
            return refused("invalid_auth")
        return self._answered(method, values_of(call))

    def greet(self, wire: ServerConnection) -> None:
        app = {"app_id": "A0FFV41KK"}
        wire.send(json.dumps({"type": HELLO, "connection_info": app, "num_connections": 1}))

    def tell(self, wire: ServerConnection, kind: str, body: bytes) -> bool:
        """Tell a call as an envelope; `disconnect` says goodbye, with the reason as its body."""
        if kind == GOODBYE:
            wire.send(json.dumps({"type": GOODBYE, "reason": body.decode()}))
            return True
        kind = kind or (INTERACTION if body.startswith(b"payload=") else EVENT)
        fields = dict(parse_qsl(body.decode())) if kind == INTERACTION else {}
        payload = json.loads(fields.get("payload", "") or body)
        envelope = {"envelope_id": uuid4().hex, "type": kind, "payload": payload}
        wire.send(json.dumps(envelope))
        self.acknowledged.append(json.loads(wire.recv(timeout=self.patience_seconds)))
        return True

    def _answered(self, method: str, values: Mapping[str, str]) -> Answer:
        here = f"http://127.0.0.1:{self.port}"
        if method == "chat.postMessage":
            place = CHAT if values["channel"] == self.customer else values["channel"]
            return said(channel=place, ts=f"{_BEGUN + len(self.calls)}.000100")
        if method == "apps.connections.open":
            return said(url=f"{self.wire_address}/link/?ticket=12348&app_id=A0FFV41KK")
        if method == "conversations.open":
            return said(channel={"id": CHAT})
        if method == "files.getUploadURLExternal":
            return said(upload_url=f"{here}/upload/v1/CwA", file_id="F123ABC456")
        if method == "files.completeUploadExternal":
            return said(files=values["files"])
        if method == "files.info":
            return said(file={"id": values["file"], **self.file(values["file"])})
        if method == "auth.test":
            return said(user="everydesk", team="Shop", team_id=TEAM, bot_id="B1")
        return refused("unknown_method")

    def text_of(self, call: Call) -> str | None:
        if call.path == POST:
            return str(values_of(call)["text"])
        if call.path == DONE:
            return "\n".join(each["title"] for each in json.loads(call.body)["files"])
        return None


def ts_of(reference: str) -> str:
    """Return the time that stands for a reference: Slack names messages by it."""
    number = int.from_bytes(hashlib.sha256(reference.encode()).digest()[:6], "big")
    return f"{_BEGUN + number % 10_000_000}.{number // 10_000_000 % 1_000_000:06}"


def values_of(call: Call) -> dict[str, str]:
    """Return what a call says."""
    if "urlencoded" in call.headers.get("content-type", ""):
        return dict(parse_qsl(call.body.decode()))
    return dict(json.loads(call.body or b"{}"))


def refused(error: str, *, status: int = 200, **headers: str) -> Answer:
    """Return how Slack says no."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps({"ok": False, "error": error}).encode()
    return Answer(status, body, {"content-type": "application/json", **named})


def said(**found: object) -> Answer:
    """Return an answer of Slack."""
    return Answer(200, json.dumps({"ok": True, **found}).encode())


def _file() -> Answer:
    return Answer(200, PICTURE, {"content-type": "image/png"})


def _sign_in() -> Answer:
    return Answer(200, b"<!DOCTYPE html>Sign in", {"content-type": "text/html; charset=utf-8"})
