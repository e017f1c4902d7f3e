"""Instagram messaging (https://developers.facebook.com/docs/instagram-platform)."""

from dataclasses import replace
from datetime import timedelta

from django.utils.translation import gettext as _

from channels_app import http, meta, meta_messaging, vendor_files
from channels_app.protocol import (
    Attachment,
    BadPayload,
    Capabilities,
    ChannelConfig,
    Event,
    HttpReply,
    OutboundMessage,
    RawRequest,
    SendResult,
)
from helpdesk.errors import ChannelError

# The login by which an account is connected decides who is asked.
BASE_URLS = {"facebook": meta.BASE_URL, "instagram": "https://graph.instagram.com/v26.0"}
MEGABYTE = 1024 * 1024
# What they take, up to that size; all else goes as a link.
_TAKEN = (
    ("image", frozenset({"image/jpeg", "image/png", "image/gif"}), 8 * MEGABYTE),
    (
        "video",
        frozenset({"video/mp4", "video/ogg", "video/x-msvideo", "video/quicktime", "video/webm"}),
        25 * MEGABYTE,
    ),
    (
        "audio",
        frozenset({"audio/aac", "audio/mp4", "audio/x-m4a", "audio/wav", "audio/x-wav"}),
        25 * MEGABYTE,
    ),
    ("file", frozenset({"application/pdf"}), 25 * MEGABYTE),
)


class Adapter:
    """The adapter of one professional account on Instagram."""

    capabilities = Capabilities(
        text_max=1000,
        text_unit="bytes",
        files_apart=True,
        reply_window=timedelta(hours=24),
        receipts=frozenset({"read"}),
        # What comes too late as an answer may be sent again as one of a person.
        longest_send=timedelta(seconds=2 * http.WHOLE_CALL_SECONDS),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self._may_tag = bool(config.settings.get("human_agent"))
        if self._may_tag:
            self.capabilities = replace(self.capabilities, reply_window=timedelta(days=7))

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return meta.handshake(self.config, request)

    def verify(self, request: RawRequest) -> None:
        meta.verify(self.config, request)

    def parse(self, request: RawRequest) -> list[Event]:
        account = str(self.config.settings.get("account_id") or "")
        return meta_messaging.read_events(request, product="instagram", account=account)

    def send(self, message: OutboundMessage) -> SendResult:
        files = message.attachments
        body = {"message": _file(files[0]) if files else {"text": message.text}}
        url = f"{self._base()}/me/messages"
        return meta_messaging.send(url, body, message, self.config, may_tag=self._may_tag)

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        return vendor_files.fetch(attachment.url, attachment.mime)

    def test_connection(self) -> str:
        found = meta.get(f"{self._base()}/me?fields=name,username", self.config)
        try:
            name = found.line("username", 200) or found.line("name", 200)
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Meta."), permanent=True) from error
        return _("Ready: Instagram knows the account as %(name)s.") % {"name": name}

    def _base(self) -> str:
        login = str(self.config.settings.get("login") or "facebook")
        return meta.base_url(self.config, BASE_URLS.get(login, meta.BASE_URL))


def _file(file: Attachment) -> dict[str, object]:
    for kind, mimes, most in _TAKEN:
        if file.mime in mimes and (file.size or 0) <= most:
            return meta_messaging.file_at(file, kind)
    return meta_messaging.link_to(file)
