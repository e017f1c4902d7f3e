"""Facebook Messenger (https://developers.facebook.com/docs/messenger-platform)."""

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

MOST_FILE = 25 * 1024 * 1024
_SHOWN = {"image": "image", "video": "video", "audio": "audio"}


class Adapter:
    """The adapter of one Facebook Page."""

    capabilities = Capabilities(
        text_max=2000,
        files_apart=True,
        reply_window=timedelta(hours=24),
        receipts=frozenset({"sent", "delivered", "read"}),
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
        page = str(self.config.settings.get("page_id") or "")
        return meta_messaging.read_events(request, product="page", account=page)

    def send(self, message: OutboundMessage) -> SendResult:
        content = {
            **(_file(message.attachments[0]) if message.attachments else {"text": message.text}),
            # It comes back when they report what we sent.
            "metadata": message.client_ref,
        }
        body = {"messaging_type": "RESPONSE", "message": content}
        url = f"{self._page()}/messages"
        return meta_messaging.send(url, body, message, self.config, may_tag=self._may_tag)

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        return vendor_files.fetch(attachment.url, attachment.mime)

    def test_connection(self) -> str:
        found = meta.get(f"{self._page()}?fields=name", self.config)
        try:
            name = found.line("name", 200)
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Meta."), permanent=True) from error
        return _("Ready: Messenger knows the Page as %(name)s.") % {"name": name}

    def _page(self) -> str:
        """Return the address of our Page. Raises SendError."""
        return f"{meta.base_url(self.config)}/{meta.account_id(self.config, 'page_id')}"


def _file(file: Attachment) -> dict[str, object]:
    """Return a file by its address, from where they fetch it; a larger one as a link."""
    if (file.size or 0) > MOST_FILE:
        return meta_messaging.link_to(file)
    return meta_messaging.file_at(file, _SHOWN.get(file.mime.partition("/")[0], "file"))
