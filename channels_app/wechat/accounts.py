"""An account of WeChat that customers write to: an official account, or a mini program.

They differ in which files they show.
"""

import re
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from django.utils.translation import gettext as _

from channels_app import http
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
from channels_app.wechat import reading, sending, tokens
from channels_app.wechat.envelope import TAKEN, Envelope
from channels_app.wechat.interface import Interface
from channels_app.wechat.sending import Shown
from helpdesk.errors import ChannelError

BASE_URL = "https://api.weixin.qq.com"
SEND, QUOTA = "/cgi-bin/message/custom/send", "/cgi-bin/openapi/quota/get"
TEXT_BYTES = 2048
_ID = re.compile("[A-Za-z0-9_-]{1,64}")


class AccountAdapter:
    """What the adapters of both have in common."""

    shown: ClassVar[tuple[Shown, ...]] = ()

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.capabilities = replace(CAPABILITIES, text_max=text_max(config))
        self._app_id = config.text("app_id")
        self._envelope = Envelope(config, self._app_id)

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return self._envelope.greeted_plainly(request)

    def verify(self, request: RawRequest) -> None:
        self._envelope.verify(request)

    def parse(self, request: RawRequest) -> list[Event]:
        return reading.read_events(self._envelope.read(request))

    def accepted(self, request: RawRequest) -> HttpReply:
        return TAKEN

    def send(self, message: OutboundMessage) -> SendResult:
        found = self._interface()
        if not _ID.fullmatch(message.to.external_id):
            raise SendError(_("This is nobody who can be answered here."), kind="undeliverable")
        content = sending.content(message, self.shown, found)
        # They give it no id, and tell nothing more of it.
        found.post(SEND, {"touser": message.to.external_id, **content}, sends=True)
        return SendResult()

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        return self._interface().download(attachment.media_ref, attachment.mime)

    def test_connection(self) -> str:
        self._envelope.check_secrets()
        try:
            found = self._interface().post(QUOTA, {"cgi_path": SEND}).fields("quota")
            left, most = found.number("remain"), found.number("daily_limit")
        except BadPayload as error:
            raise ChannelError(_("What answers there is not WeChat."), permanent=True) from error
        return _("Ready: WeChat knows the account. Calls left today: %(left)s of %(most)s.") % {
            "left": "?" if left is None else left,
            "most": "?" if most is None else most,
        }

    def _interface(self) -> Interface:
        """Return the calls to the account. Raises SendError."""
        secret = self.config.named_secrets.get("app_secret", "").strip()
        if not (self._app_id and secret):
            raise SendError(_("The app id or its secret is missing."), kind="auth")
        base = self.config.address("base_url", BASE_URL)
        return Interface(
            self.config,
            base,
            lambda refused: tokens.stable(base, self._app_id, secret, refused),
        )


CAPABILITIES = Capabilities(
    text_max=TEXT_BYTES,
    text_unit="bytes",
    files_apart=True,
    reply_window=timedelta(hours=48),
    # What the customer wrote last is answered with so many messages at most.
    reply_quota=5,
    # A file is uploaded first, and a token may be fetched before.
    longest_send=timedelta(seconds=4 * http.WHOLE_CALL_SECONDS),
)


def text_max(config: ChannelConfig) -> int:
    """Return how many bytes of text a message may have, as the channel is set."""
    found = config.settings.get("text_max")
    is_usable = isinstance(found, int) and not isinstance(found, bool) and 100 <= found <= 20_000
    return found if is_usable and isinstance(found, int) else TEXT_BYTES
