"""An app inside a company's WeCom, played on loopback."""

import json
from collections.abc import Callable, Mapping
from typing import ClassVar

from channels_app.adapters.wecom_app.adapter import AGENT, SEND
from channels_app.fake_vendor import Answer, Call
from channels_app.wechat.played import UNKNOWN_URL, PlayedCompany, answer, code_of, refusal

_ABOUT = "<ToUserName>ww1</ToUserName><FromUserName>wang</FromUserName><CreateTime>1</CreateTime>"


class Vendor(PlayedCompany):
    """Takes messages to everybody who sees the app, and tells who does not."""

    facts: ClassVar[Mapping[str, object]] = {**PlayedCompany.facts, "agent_id": "1000002"}
    customer: ClassVar[str] = "wangfang"
    unknown: ClassVar[tuple[bytes, ...]] = tuple(
        f"<xml>{_ABOUT}<MsgType>event</MsgType><Event>{event}</Event></xml>".encode()
        for event in ("LOCATION", "batch_job_result", "news_to_come")
    )

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        # Who does not see the app.
        self.strangers: set[str] = set()

    def answer(self, call: Call) -> Answer:
        known = super().answer(call)
        if code_of(known) != UNKNOWN_URL:
            return known
        if call.path == AGENT:
            return answer(agentid=1000002, name="客服助手")
        return self._send(json.loads(call.body)) if call.path == SEND else known

    def text_of(self, call: Call) -> str | None:
        if call.path != SEND:
            return None
        said = json.loads(call.body)
        if said["msgtype"] == "text":
            return str(said["text"]["content"])
        return self.uploads[said[said["msgtype"]]["media_id"]][0]

    def _send(self, asked: Mapping[str, object]) -> Answer:
        if str(asked["agentid"]) != self.facts["agent_id"]:
            return refusal(40056, "invalid agentid")
        people = str(asked["touser"]).lower().split("|")
        left_out = [each for each in people if each in self.strangers]
        return answer(invaliduser="|".join(left_out), msgid=f"msg-{len(self.calls)}")
