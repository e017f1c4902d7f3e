"""Apps inside a company's WeCom (https://developer.work.weixin.qq.com/document/path/90236)."""

import re
from dataclasses import replace

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields
from channels_app.protocol import (
    Attachment,
    BadPayload,
    ChannelConfig,
    Event,
    HttpReply,
    OutboundMessage,
    RawRequest,
    SendError,
    SendResult,
)
from channels_app.wechat import company, reading, sending
from channels_app.wechat.accounts import CAPABILITIES, text_max
from channels_app.wechat.envelope import TAKEN
from helpdesk.errors import ChannelError

SEND, AGENT = "/cgi-bin/message/send", "/cgi-bin/agent/get"
_AGENT = re.compile("[0-9]{1,12}")
# Who in an answer did not get it.
_LEFT_OUT = ("invaliduser", "unlicenseduser")


class Adapter:
    """The adapter of one app of a company."""

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.capabilities = replace(
            # Their check for repeated messages would take two equal answers for one: it is not used.
            CAPABILITIES,
            text_max=text_max(config),
            reply_window=None,
            reply_quota=None,
        )
        self._envelope = company.envelope(config)

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return self._envelope.greeted_sealed(request)

    def verify(self, request: RawRequest) -> None:
        self._envelope.verify(request)

    def parse(self, request: RawRequest) -> list[Event]:
        return reading.read_events(self._envelope.read(request))

    def accepted(self, request: RawRequest) -> HttpReply:
        return TAKEN

    def send(self, message: OutboundMessage) -> SendResult:
        found = company.interface(self.config)
        to = company.person(message.to.external_id)
        content = sending.content(message, company.SHOWN, found)
        answer = found.post(SEND, {"touser": to, "agentid": self._agent(), **content}, sends=True)
        if _is_left_out(answer, to):
            reason = _(
                "WeCom did not give it to them: they do not see this app, or have no licence."
            )
            raise SendError(reason, kind="undeliverable")
        try:
            return SendResult(provider_ids=tuple(filter(None, [answer.identifier("msgid", 250)])))
        except BadPayload:
            return SendResult()

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        found = company.interface(self.config)
        return found.download(attachment.media_ref, attachment.mime)

    def test_connection(self) -> str:
        self._envelope.check_secrets()
        try:
            told = company.interface(self.config).get(AGENT, agentid=str(self._agent()))
            name = told.line("name", 100)
        except BadPayload as error:
            raise ChannelError(_("What answers there is not WeChat."), permanent=True) from error
        return _("Ready: WeCom knows the app as %(name)s.") % {"name": name}

    def _agent(self) -> int:
        found = self.config.text("agent_id")
        if not _AGENT.fullmatch(found):
            raise SendError(_("There is no usable agent id yet."), kind="auth")
        return int(found)


def _is_left_out(answer: Fields, person: str) -> bool:
    """Tell whether WeCom took a message and left its one recipient out; it answers with their id in lower case."""
    named = (answer.line(name, 4000).lower().split("|") for name in _LEFT_OUT)
    try:
        return any(person.lower() in each for each in named)
    except BadPayload:
        return False
