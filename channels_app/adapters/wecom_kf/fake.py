"""The customer service of WeCom, played on loopback."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import ClassVar
from uuid import uuid4

from django.utils import timezone

from channels_app.adapters.wecom_kf.adapter import (
    ACCOUNTS,
    MOVE,
    PEOPLE,
    SEND,
    SEND_ON_EVENT,
    SYNC,
    WRONG_STATE,
)
from channels_app.fake_vendor import Answer, Call
from channels_app.wechat.played import UNKNOWN_URL, PlayedCompany, answer, code_of, refusal

ACCOUNT = "wkAJ2GCAAASSm4FhToWMFea0xAFfd3Q"
OVER, NEW, BY_US, IN_WECOM = 4, 0, 1, 3
MOST_ANSWERS = 5
_ABOUT = "<ToUserName>ww1</ToUserName><CreateTime>1</CreateTime><MsgType>event</MsgType>"


class Vendor(PlayedCompany):
    """Hints, gives messages page by page, keeps the state of sessions, and counts answers."""

    facts: ClassVar[Mapping[str, object]] = {**PlayedCompany.facts, "open_kfid": ACCOUNT}
    only_hints: ClassVar[bool] = True
    customer: ClassVar[str] = "wmAJ2GCAAAme1XQRCNIq0ZM9ukoAw"
    unknown: ClassVar[tuple[bytes, ...]] = tuple(
        f"<xml>{_ABOUT}<Event>{event}</Event></xml>".encode()
        for event in ("kf_account_auth_change", "change_contact", "news_to_come")
    )

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.page = 100
        self._clear()

    def begin(self) -> None:
        super().begin()
        self._clear()

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.comes("text", {"content": text}, reference)

    def picture(self, reference: str, *, text: str = "") -> bytes:
        return self.comes("image", {"media_id": f"media-{reference}"}, reference)

    def comes(
        self, kind: str, content: Mapping[str, object], reference: str = "", **facts: object
    ) -> bytes:
        """Have something to be fetched; returns the call that hints at it."""
        self.answered[self.customer] = 0
        row = {"msgid": reference or uuid4().hex, "open_kfid": ACCOUNT, **self._when()}
        who = {"external_userid": self.customer, "origin": 3}
        return self.gives({**row, **who, "msgtype": kind, kind: dict(content), **facts})

    def happens(self, event: str, **facts: object) -> bytes:
        """Have an event to be fetched; returns the call that hints at it."""
        known = {"event_type": event, "open_kfid": ACCOUNT, "external_userid": self.customer}
        row = {"msgid": uuid4().hex, "origin": 4, "msgtype": "event", **self._when()}
        return self.gives({**row, "event": {**known, **facts}})

    def gives(self, row: Mapping[str, object]) -> bytes:
        """Have this to be fetched, as it stands; returns the call that hints at it."""
        self.rows.append(dict(row))
        facts = {"ToUserName": self.ours, "CreateTime": 1348831860, "MsgType": "event"}
        hint = {"Event": "kf_msg_or_event", "Token": uuid4().hex, "OpenKfId": ACCOUNT}
        return self.written({**facts, **hint})

    def answer(self, call: Call) -> Answer:
        known = super().answer(call)
        if code_of(known) != UNKNOWN_URL:
            return known
        plays: dict[str, Callable[[Mapping[str, object]], Answer]] = {
            SYNC: self._sync,
            SEND: self._send,
            MOVE: self._move,
            PEOPLE: self._people,
            SEND_ON_EVENT: lambda asked: answer(msgid=asked["msgid"]),
            ACCOUNTS: lambda _asked: answer(account_list=[{"open_kfid": ACCOUNT, "name": "售后"}]),
        }
        play = plays.get(call.path)
        return play(json.loads(call.body)) if play else known

    def text_of(self, call: Call) -> str | None:
        if call.path not in {SEND, SEND_ON_EVENT}:
            return None
        said = json.loads(call.body)
        if said["msgtype"] == "text":
            return str(said["text"]["content"])
        return self.uploads[said[said["msgtype"]]["media_id"]][0]

    def _clear(self) -> None:
        self.rows: list[dict[str, object]] = []
        self.states: dict[str, int] = {}
        self.answered: Counter[str] = Counter()
        self._sent: set[str] = set()

    def _when(self) -> dict[str, object]:
        return {"send_time": int(timezone.now().timestamp())}

    def _sync(self, asked: Mapping[str, object]) -> Answer:
        start = int(str(asked.get("cursor") or 0))
        end = min(start + self.page, len(self.rows))
        more = int(end < len(self.rows))
        return answer(next_cursor=str(end), has_more=more, msg_list=self.rows[start:end])

    def _send(self, asked: Mapping[str, object]) -> Answer:
        reference, customer = str(asked["msgid"]), str(asked["touser"])
        if len(reference) > 32:
            return refusal(40058, "msgid exceed max length 32")
        if self.states.get(customer, NEW) not in {NEW, BY_US}:
            return refusal(WRONG_STATE, "send msg session status invalid")
        if reference not in self._sent:
            if self.answered[customer] >= MOST_ANSWERS:
                return refusal(95001, "send msg count exceed limit")
            self.answered[customer] += 1
            self._sent.add(reference)
        return answer(msgid=reference)

    def _move(self, asked: Mapping[str, object]) -> Answer:
        customer = str(asked["external_userid"])
        if self.states.get(customer, NEW) == OVER:
            return refusal(95013, "session already ended")
        self.states[customer] = int(str(asked["service_state"]))
        return answer()

    def _people(self, asked: Mapping[str, object]) -> Answer:
        known = {"nickname": "王芳", "avatar": "http://wx.qlogo.cn/1", "unionid": "oUnion1"}
        row = {"external_userid": self.customer, "gender": 2, **known}
        return answer(customer_list=[row], invalid_external_userid=[])
