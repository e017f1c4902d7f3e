"""SMS through Alibaba Cloud (https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-overview)."""

import ipaddress
import json
from dataclasses import replace
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app import http, signatures
from channels_app.adapters.sms_aliyun.asking import ask
from channels_app.adapters.sms_aliyun.reading import read_events
from channels_app.protocol import (
    Attachment,
    BadPayload,
    BadSignature,
    Capabilities,
    ChannelConfig,
    Event,
    HttpReply,
    OutboundMessage,
    RawRequest,
    SendError,
    SendResult,
)
from helpdesk.errors import ChannelError

TEXT_MAX = 35
PARAMETER = "content"
_APPROVED = 1
# They look at the status and at this number.
_TAKEN = b'{"code":0,"msg":"ok"}'


class Adapter:
    """The adapter of one signature of an account."""

    capabilities = Capabilities(
        text_max=TEXT_MAX,
        in_parts=False,
        takes_files=False,
        freeform=False,
        attachments=False,
        body_signed=False,
        receipts=frozenset({"delivered", "failed"}),
        longest_send=timedelta(seconds=http.WHOLE_CALL_SECONDS),
        refusal=gettext_lazy(
            "Text messages in China leave only as an approved template, and the settings of this"
            " channel name none."
        ),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        if not config.text("template_code"):
            return
        notice = _(
            "It leaves as the approved template %(code)s, with your words in the place of"
            " “%(variable)s”."
        ) % {"code": config.text("template_code"), "variable": self._variable()}
        self.capabilities = replace(
            self.capabilities,
            text_max=config.number("text_max", TEXT_MAX),
            notice=notice,
            refusal="",
        )

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        given = dict(request.query).get("key", "")
        if not signatures.is_one_of(given, filter(None, self.config.secrets)):
            raise BadSignature("No secret fits")
        if not self._may_come_from(request.address):
            raise BadSignature("The call comes from another network")

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(request)

    def accepted(self, request: RawRequest) -> HttpReply:
        return HttpReply(body=_TAKEN, content_type="application/json")

    def send(self, message: OutboundMessage) -> SendResult:
        if not self.config.text("template_code"):
            raise SendError(str(self.capabilities.refusal), kind="undeliverable")
        answer = ask(
            self.config,
            "SendSms",
            {
                "PhoneNumbers": message.to.external_id,
                "SignName": self.config.text("sign_name"),
                "TemplateCode": self.config.text("template_code"),
                "TemplateParam": json.dumps({self._variable(): message.text}, ensure_ascii=False),
                # Comes back with the receipt.
                "OutId": message.client_ref,
            },
            sent=True,
        )
        try:
            found = answer.identifier("BizId", 100)
            return SendResult(status="sent", provider_ids=tuple(filter(None, [found])))
        except BadPayload:
            return SendResult()

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        raise ChannelError(_("Text messages have no files."), permanent=True)

    def test_connection(self) -> str:
        code = self.config.text("template_code")
        if not code:
            ask(self.config, "QuerySmsTemplateList", {"PageIndex": "1", "PageSize": "1"})
            return _("Ready to receive; without a template nobody can be answered.")
        answer = ask(self.config, "QuerySmsTemplate", {"TemplateCode": code})
        try:
            content = answer.text("TemplateContent", 2000)
            is_approved = answer.number("TemplateStatus") == _APPROVED
        except BadPayload as error:
            reason = _("What answers there is not Alibaba Cloud.")
            raise ChannelError(reason, permanent=True) from error
        if not is_approved:
            raise ChannelError(_("The template is not approved."), permanent=True)
        if f"${{{self._variable()}}}" not in content:
            reason = _("The template has no variable “%(variable)s”.")
            raise ChannelError(reason % {"variable": self._variable()}, permanent=True)
        return _("Ready: the template is approved.")

    def _variable(self) -> str:
        return self.config.text("template_parameter") or PARAMETER

    def _may_come_from(self, address: str) -> bool:
        """Tell whether a call may come from there; what is no network lets nobody in."""
        networks = self.config.settings.get("networks") or []
        wanted = networks if isinstance(networks, list) else str(networks).split()
        if not wanted:
            return True
        try:
            caller = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(caller in found for each in wanted if (found := _network(str(each))))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
