"""Web chat: our own widget on any page.

Browsers speak over the visitor socket; the embedding site's server may also post a message for a
visitor whom it signs for. "Sending" is a hint to the visitor's sockets: the row is the message, and
the visitor's browser says when it has it.
"""

from django.utils.translation import gettext

from channels_app.chat.frames import FrameRefused, read_frame
from channels_app.chat.identity import verified_identity
from channels_app.protocol import (
    Attachment,
    BadPayload,
    BadSignature,
    Capabilities,
    ChannelConfig,
    ContactIdentity,
    Event,
    HttpReply,
    OutboundMessage,
    RawRequest,
    SendError,
    SendResult,
)


class Adapter:
    """The adapter of the widget; every visitor of a channel has one thread."""

    capabilities = Capabilities(
        text_max=10_000,
        receipts=frozenset({"delivered", "read"}),
        typing_out=True,
        idempotent_send=True,
        # The token names the visitor and the channel; TLS carries the body.
        body_signed=False,
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        self._sender(request)

    def parse(self, request: RawRequest) -> list[Event]:
        try:
            frame = read_frame(request.body)
        except FrameRefused as error:
            raise BadPayload(error.code) from error
        if frame.type != "message":
            return []
        reference = str(frame.values["client_ref"])
        return [
            Event(
                kind="message",
                dedup_key=reference,
                client_ref=reference,
                provider_id=reference,
                sender=self._sender(request),
                text=frame.values["text"],
                sent_at=request.received_at,
            )
        ]

    def send(self, message: OutboundMessage) -> SendResult:
        if not message.to.external_id:
            raise SendError("The visitor is unknown", kind="undeliverable")
        return SendResult(status="sent", provider_ids=(message.client_ref,))

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        raise BadPayload("Web chat files are uploaded, never fetched")

    def test_connection(self) -> str:
        return gettext("Ready: paste the tag into a page and write the first message.")

    def _sender(self, request: RawRequest) -> ContactIdentity:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise BadSignature("No signed identity")
        return verified_identity(
            token,
            secrets=self.config.secrets,
            audience=self.config.public_id,
            now=request.received_at.timestamp(),
        )
