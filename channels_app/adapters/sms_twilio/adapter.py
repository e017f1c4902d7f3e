"""SMS and MMS through Twilio's Messaging API (https://www.twilio.com/docs/messaging/api)."""

import re
from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from channels_app import http
from channels_app.adapters.sms_twilio.reading import read_events
from channels_app.protocol import (
    Attachment,
    BadPayload,
    Capabilities,
    ChannelConfig,
    Event,
    HttpReply,
    OutboundMessage,
    RawRequest,
    SendError,
    SendResult,
)
from channels_app.twilio import NO_ORDERS, Account

# What carriers take in an MMS; other files, and larger ones, leave as links.
_MEDIA = frozenset({"image/jpeg", "image/png", "image/gif"})
MOST_MEDIA_BYTES = 5 * 1024 * 1024
_SERVICE = re.compile("MG[A-Za-z0-9]{2,64}")


class Adapter:
    """The adapter of one number, or one messaging service, of a Twilio account."""

    capabilities = Capabilities(
        text_max=1600,
        # At least as strict as their own count.
        text_unit="utf16",
        receipts=frozenset({"sent", "delivered", "failed"}),
        files_apart=True,
        longest_send=timedelta(seconds=http.WHOLE_CALL_SECONDS),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.account = Account(config)

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        self.account.verify(request)

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(request)

    def accepted(self, request: RawRequest) -> HttpReply:
        return NO_ORDERS

    def send(self, message: OutboundMessage) -> SendResult:
        form = {
            "To": message.to.external_id,
            **self._sender(),
            **self._content(message),
            "StatusCallback": f"{settings.PUBLIC_URL}/channels/{self.config.public_id}/",
        }
        answer = self.account.ask("POST", "/Messages.json", list(form.items()))
        try:
            return SendResult(provider_ids=tuple(filter(None, [answer.identifier("sid")])))
        except BadPayload:
            return SendResult()

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        return self.account.fetch(attachment)

    def test_connection(self) -> str:
        name = self.account.look()
        self._sender()
        return _("Ready: Twilio knows the account as %(name)s.") % {"name": name}

    def _sender(self) -> dict[str, str]:
        sender = str(self.config.settings.get("sender") or "").strip()
        if not sender:
            raise SendError(_("There is no number to send from yet."), kind="auth")
        return {"MessagingServiceSid" if _SERVICE.fullmatch(sender) else "From": sender}

    def _content(self, message: OutboundMessage) -> dict[str, str]:
        if not message.attachments:
            return {"Body": message.text}
        file = message.attachments[0]
        is_small = (file.size or 0) <= MOST_MEDIA_BYTES
        if self.config.settings.get("sends_media") is True and file.mime in _MEDIA and is_small:
            return {"MediaUrl": file.url}
        return {"Body": f"{file.filename}\n{file.url}".strip()}
