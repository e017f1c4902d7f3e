"""Contact form: what somebody posts becomes a conversation that is answered by letters.

The page posts through `channels_app.contact`; an organization's own server may post the same, signed as
Standard Webhooks are. Both are read here.
"""

from django.utils.translation import gettext

from channels_app import signatures
from channels_app.adapters.form.posting import read_posting
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


class Adapter:
    """The adapter of forms; every posting is a matter of its own."""

    capabilities = Capabilities(is_chat=False)

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        signatures.verify(request, self.config.secrets)

    def parse(self, request: RawRequest) -> list[Event]:
        return read_posting(request)

    def send(self, message: OutboundMessage) -> SendResult:
        raise SendError(
            gettext("A form cannot answer: choose the mailbox that its answers leave through."),
            kind="undeliverable",
        )

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        raise BadPayload("Files are posted with their form, never fetched")

    def test_connection(self) -> str:
        return gettext("Ready: paste the tag into a page and post the first message.")
