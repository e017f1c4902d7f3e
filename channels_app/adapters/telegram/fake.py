"""Telegram, played on loopback."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from email import message_from_bytes, policy
from email.message import Message
from typing import ClassVar

from django.utils import timezone

from channels_app.fake_vendor import PICTURE, Answer, Call, FakeVendor
from channels_app.protocol import ChannelConfig

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"  # noqa: S105  (of a bot that is played)
_SAYS = frozenset({"sendMessage", "sendPhoto", "sendDocument"})


class Vendor(FakeVendor):
    """Takes messages and files, knows one bot, and gives a picture for every file."""

    named_secrets: ClassVar[Mapping[str, str]] = {"bot_token": TOKEN}
    unknown: ClassVar[tuple[bytes, ...]] = (
        b'{"update_id": 7}',
        b'{"update_id": 7, "poll": {"id": "1", "question": "Tea?"}}',
        b'{"update_id": 7, "channel_post": {"message_id": 1, "text": "News", "chat": {"id": -1}}}',
    )
    refusals: ClassVar[tuple[Answer, ...]] = (
        Answer(200, b'{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}'),
    )
    customer: ClassVar[str] = "7700112233"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.numbers = 0
        self.waiting: list[dict[str, object]] = []

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.update("message", reference, text=text)

    def picture(self, reference: str, *, text: str = "") -> bytes:
        sizes = [{"file_id": "f-1", "file_unique_id": "u-1", "width": 1, "height": 1}]
        return self.update("message", reference, photo=sizes, caption=text or None)

    def edited(self, reference: str, *, text: str) -> bytes:
        now = int(timezone.now().timestamp())
        return self.update("edited_message", reference, text=text, edit_date=now)

    def reacted(self, reference: str, *, second: int, is_gone: bool = False) -> bytes:
        person = {"id": int(self.customer), "first_name": "王"}
        thumb: list[object] = [{"type": "emoji", "emoji": "👍"}]
        update = self.update(
            "message_reaction",
            reference,
            user=person,
            date=int(timezone.now().timestamp()) + second,
            old_reaction=thumb if is_gone else [],
            new_reaction=[] if is_gone else thumb,
            **{"from": None},
        )
        return json.dumps({**json.loads(update), "update_id": 7_000 + second}).encode()

    def update(self, kind: str, reference: str, **facts: object) -> bytes:
        """Return a call that reports something of the customer; facts of None are left out."""
        number = number_of(reference)
        person = {
            "id": int(self.customer),
            "is_bot": False,
            "first_name": "王",
            "last_name": "芳",
            "language_code": "zh-hans",
        }
        about = {
            "message_id": number,
            "from": person,
            "chat": {"id": person["id"], "type": "private"},
            "date": int(timezone.now().timestamp()),
            **facts,
        }
        known = {name: value for name, value in about.items() if value is not None}
        return json.dumps({"update_id": number, kind: known}, ensure_ascii=False).encode()

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        secret = config.secrets[0] if config.secrets else ""
        return {"x-telegram-bot-api-secret-token": secret}

    def answer(self, call: Call) -> Answer:
        if call.path.startswith(f"/file/bot{TOKEN}/"):
            return Answer(200, PICTURE, {"content-type": "application/octet-stream"})
        prefix = f"/bot{TOKEN}/"
        if not call.path.startswith(prefix):
            return refusal(401, "Unauthorized")
        method = call.path.removeprefix(prefix)
        if method in _SAYS:
            chat = int(values_of(call)["chat_id"])
            return _result({"message_id": 9000 + len(self.calls), "chat": {"id": chat}})
        if method == "getMe":
            return _result({"id": 110201543, "is_bot": True, "username": "everydesk_bot"})
        if method == "getFile":
            return _result(
                {"file_id": values_of(call)["file_id"], "file_path": "photos/file#1.png"}
            )
        if method == "getUpdates":
            return self._waiting(dict(values_of(call)))
        known = {"setWebhook", "deleteWebhook"}
        return _result(True) if method in known else refusal(404, "Not Found")

    def has(self, reference: str, *, text: str = "怎么退货?") -> None:
        """Keep something that the customer wrote until it is fetched, and forgotten by a later number."""
        self.numbers += 1
        update = json.loads(self.message(reference, text=text))
        self.waiting.append({**update, "update_id": self.numbers})

    def _waiting(self, asked: Mapping[str, object]) -> Answer:
        offset = int(str(asked.get("offset") or 0))
        self.waiting = [each for each in self.waiting if int(str(each["update_id"])) >= offset]
        return _result(self.waiting[: int(str(asked["limit"]))])

    def text_of(self, call: Call) -> str | None:
        method = call.path.rpartition("/")[2]
        if method not in _SAYS:
            return None
        values = values_of(call)
        return values.get("text") or values.get("photo") or values["document"]


def number_of(reference: str) -> int:
    """Return the number that stands for a reference: Telegram counts its messages."""
    return int.from_bytes(hashlib.sha256(reference.encode()).digest()[:5], "big")


def refusal(code: int, description: str, **parameters: int) -> Answer:
    """Return how Telegram says no."""
    body = {"ok": False, "error_code": code, "description": description}
    return Answer(code, json.dumps({**body, "parameters": parameters}).encode())


def values_of(call: Call) -> dict[str, str]:
    """Return what a call says; of a file its name."""
    kind = call.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return dict(json.loads(call.body or b"{}"))
    head = f"content-type: {kind}\r\n\r\n".encode()
    form = message_from_bytes(head + call.body, policy=policy.default)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_filename()
        or _bytes(part).decode()
        for part in form.iter_parts()
    }


def _bytes(part: Message) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _result(value: object) -> Answer:
    return Answer(200, json.dumps({"ok": True, "result": value}).encode())
