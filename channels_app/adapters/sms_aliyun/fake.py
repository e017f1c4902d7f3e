"""Alibaba Cloud's SMS, played on loopback."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar
from uuid import uuid4

from channels_app.adapters.sms_aliyun.asking import authorization, canonical
from channels_app.fake_vendor import Answer, Call, FakeVendor, Sealed
from channels_app.protocol import ChannelConfig

TEMPLATE = "SMS_154950909"
_KEY = "LTAIplayed"
_SIGNED = ("host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce")


class Vendor(FakeVendor):
    """Checks the proof of each call, takes messages in one approved template, and tells what became of them."""

    facts: ClassVar[Mapping[str, object]] = {
        "access_key_id": _KEY,
        "sign_name": "Everydesk",
        "template_code": TEMPLATE,
        "template_parameter": "content",
    }
    named_secrets: ClassVar[Mapping[str, str]] = {"access_key_secret": "a secret that is played"}
    unknown: ClassVar[tuple[bytes, ...]] = (
        b'[{"phone_number":"13811110000","weather":"sunny"}]',
        b'[{"sign_name":"Everydesk"}]',
    )
    customer: ClassVar[str] = "13811110000"

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        number = int.from_bytes(hashlib.sha256(reference.encode()).digest()[:5], "big")
        return self.reports(content=text, dest_code="1234", sequence_id=str(number))

    def reports(self, **facts: object) -> bytes:
        """Return a call with one report about the customer."""
        told = {"phone_number": self.customer, "send_time": "2026-11-22 16:00:00", **facts}
        return json.dumps([told], ensure_ascii=False).encode()

    def receipt(self, call: Call, *, code: str = "DELIVERED") -> bytes:
        """Return a call that tells what became of the message of one of our calls."""
        return self.reports(
            report_time="2026-11-22 16:00:05",
            success=code == "DELIVERED",
            err_code=code,
            biz_id=_id_of(call),
            out_id=call.query["OutId"],
        )

    def seal(self, body: bytes, config: ChannelConfig, at: datetime) -> Sealed:
        return Sealed(body, query={"key": config.secrets[0] if config.secrets else ""})

    def answer(self, call: Call) -> Answer:
        headers = {name: call.headers.get(name, "") for name in (*_SIGNED, "x-acs-version")}
        secret = self.named_secrets["access_key_secret"]
        proof = authorization(canonical(call.query), headers, key_id=_KEY, secret=secret)
        if call.headers.get("authorization") != proof:
            return refusal("SignatureDoesNotMatch", "The signature does not fit", status=400)
        action = headers["x-acs-action"]
        if action == "SendSms":
            if call.query["TemplateCode"] != TEMPLATE:
                return refusal("isv.SMS_TEMPLATE_ILLEGAL", "No such template")
            return _said({"BizId": _id_of(call)})
        if action == "QuerySmsTemplate":
            return _said({"TemplateStatus": 1, "TemplateContent": "您的咨询：${content}"})
        if action == "QuerySmsTemplateList":
            return _said({"SmsTemplateList": []})
        return refusal("InvalidAction.NotFound", "No such action", status=404)

    def text_of(self, call: Call) -> str | None:
        if call.headers.get("x-acs-action") != "SendSms":
            return None
        return str(json.loads(call.query["TemplateParam"])["content"])


def refusal(code: str, said: str, *, status: int = 200) -> Answer:
    """Return how they say no: mostly inside of a 200."""
    told = {"Code": code, "Message": said, "RequestId": uuid4().hex}
    return Answer(status, json.dumps(told).encode())


def _said(facts: Mapping[str, object]) -> Answer:
    told = {"Code": "OK", "Message": "OK", "RequestId": uuid4().hex, **facts}
    return Answer(200, json.dumps(told, ensure_ascii=False).encode())


def _id_of(call: Call) -> str:
    return hashlib.sha256(call.query["OutId"].encode()).hexdigest()[:20]
