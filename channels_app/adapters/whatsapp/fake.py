"""WhatsApp, played on loopback."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone

from channels_app import meta
from channels_app.fake_vendor import PICTURE, Answer, Call, FakeVendor, Greeting
from channels_app.meta_fake import VERSION, greeted, refused, said
from channels_app.protocol import ChannelConfig
from helpdesk.places import fill, places_in

NUMBER = "106540352242922"
SENT_TO = f"{VERSION}/{NUMBER}/messages"


class Vendor(FakeVendor):
    """Takes every message, gives a picture for every file, knows the number, and tells what became of messages.

    Of approved texts it knows a few, and refuses all others.
    """

    addresses: ClassVar[Mapping[str, str]] = {"base_url": VERSION}
    named_secrets: ClassVar[Mapping[str, str]] = {
        "access_token": "a token of a system user",
        "verify_token": "a word of our own",
    }
    unknown: ClassVar[tuple[bytes, ...]] = (
        b'{"object":"whatsapp_business_account","entry":[]}',
        b'{"object":"page","entry":[{"changes":[{"field":"messages","value":{}}]}]}',
        b'{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"account_update",'
        b'"value":{"event":"VERIFIED_ACCOUNT"}}]}]}',
    )
    # Approved texts by name and language.
    templates: ClassVar[Mapping[tuple[str, str], str]] = {
        ("order_shipped", "zh_CN"): "{{1}}，您好！您的订单 {{2}} 已经发货。",
        ("order_shipped", "en_US"): "Hello {{1}}, your order {{2}} is on its way.",
        ("still_there", "zh_CN"): "您好，您还需要帮助吗？回复任意内容即可继续。",
    }
    customer: ClassVar[str] = "US.13491208655302741918"
    phone: ClassVar[str] = "16505551234"

    @property
    def settings(self) -> dict[str, object]:
        return {**super().settings, "phone_number_id": NUMBER}

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.reports(messages=[self.written(reference, "text", text={"body": text})])

    def picture(self, reference: str, *, text: str = "") -> bytes:
        found = {"id": "1234567890", "mime_type": "image/png", "caption": text}
        return self.reports(messages=[self.written(reference, "image", image=found)])

    def reacted(self, reference: str, *, second: int, is_gone: bool = False) -> bytes:
        given = {"message_id": reference, "emoji": "" if is_gone else "👍"}
        at = str(int(timezone.now().timestamp()) + second)
        about = f"{reference}:{second}:{is_gone:d}"
        return self.reports(
            messages=[self.written(about, "reaction", reaction=given, timestamp=at)]
        )

    def receipts(self, call: Call) -> list[bytes]:
        return [self.receipt(call, status) for status in ("sent", "delivered", "read")]

    def greeting(self, config: ChannelConfig, at: datetime) -> Greeting:
        return greeted(config)

    def written(self, reference: str, kind: str, **facts: object) -> dict[str, object]:
        """Return one message of the customer, as a row of a call."""
        return {
            "from": self.phone,
            "id": reference,
            "timestamp": str(int(timezone.now().timestamp())),
            "type": kind,
            **facts,
        }

    def receipt(self, call: Call, status: str, **facts: object) -> bytes:
        """Return a call that tells how far the message of one of our calls has come."""
        sent = json.loads(call.body)
        told = {
            "id": self._id_of(call),
            "status": status,
            "timestamp": str(int(timezone.now().timestamp())),
            "recipient_id": self.phone,
            "biz_opaque_callback_data": sent["biz_opaque_callback_data"],
            **facts,
        }
        return self.reports(statuses=[told])

    def reports(self, *, field: str = "messages", number: str = NUMBER, **lists: object) -> bytes:
        """Return a call that reports these rows."""
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": number},
            "contacts": [
                {
                    "profile": {"name": "王芳"},
                    "wa_id": self.phone,
                    "user_id": self.customer,
                }
            ],
            **lists,
        }
        entry = {"id": "102290129340398", "changes": [{"field": field, "value": value}]}
        # They write what is not ASCII as escapes.
        return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()

    def sign(self, body: bytes, config: ChannelConfig, at: datetime) -> Mapping[str, str]:
        secret = config.secrets[0] if config.secrets else ""
        return {"x-hub-signature-256": meta.signature(secret, body)}

    def answer(self, call: Call) -> Answer:
        if call.headers.get("authorization") != f"Bearer {self.named_secrets['access_token']}":
            return refused(190, "Invalid OAuth access token.", status=401)
        if call.method == "POST" and call.path == SENT_TO:
            sent = json.loads(call.body)
            fault = self._fault_of(sent["template"]) if sent["type"] == "template" else None
            if fault is not None:
                return fault
            whom = sent.get("to") or sent["recipient"]
            found = {"contacts": [{"input": whom}], "messages": [{"id": self._id_of(call)}]}
            return said({"messaging_product": "whatsapp", **found})
        if call.path == f"{VERSION}/{NUMBER}":
            return said({"verified_name": "Everydesk", "display_phone_number": "+1 555-078-3881"})
        if call.path == "/files/1":
            return Answer(200, PICTURE, {"content-type": "image/png"})
        if call.method == "GET":
            url = f"http://127.0.0.1:{self.port}/files/1"
            return said({"url": url, "mime_type": "image/png", "file_size": len(PICTURE)})
        return refused(100, "Unsupported request", status=400)

    def text_of(self, call: Call) -> str | None:
        if call.method != "POST" or call.path != SENT_TO:
            return None
        sent = json.loads(call.body)
        kind = sent["type"]
        if kind == "template":
            return self._filled(sent["template"])
        return str(sent["text"]["body"] if kind == "text" else sent[kind]["link"])

    def _fault_of(self, template: Mapping[str, Any]) -> Answer | None:
        """Return how it refuses a text that it has not approved, or other values than its places take."""
        text = self.templates.get(_named(template))
        if text is None:
            return refused(132001, "Template name does not exist in the translation", status=404)
        if len(places_in(text)) != len(_values(template)):
            return refused(132000, "Number of parameters does not match", status=400)
        return None

    def _filled(self, template: Mapping[str, Any]) -> str:
        text = self.templates.get(_named(template), "")
        return fill(text, dict(zip(places_in(text), _values(template), strict=False)))

    def _id_of(self, call: Call) -> str:
        return f"wamid.{json.loads(call.body)['biz_opaque_callback_data']}"


# Any: JSON of a call of ours.
def _named(template: Mapping[str, Any]) -> tuple[str, str]:
    return template["name"], template["language"]["code"]


def _values(template: Mapping[str, Any]) -> list[str]:
    return [
        value["text"] for part in template.get("components", ()) for value in part["parameters"]
    ]
