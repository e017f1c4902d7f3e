"""What an adapter of our own chats does: the customer's side speaks over sockets, and a server may post for it.

"Sending" is a hint to the sockets: the row is the message, and the customer's side says when it has it.
"""

from channels_app.chat.frames import FrameRefused, read_frame
from channels_app.chat.identity import identity_of
from channels_app.protocol import (
    Attachment,
    BadPayload,
    BadSignature,
    ChannelConfig,
    ContactIdentity,
    Event,
    HttpReply,
    OutboundMessage,
    RawRequest,
    SendError,
    SendResult,
)


class ChatAdapter:
    """What all adapters of our own chats have in common; every visitor of a channel has one thread."""

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
        raise BadPayload("Files of a chat are uploaded, never fetched")

    def _sender(self, request: RawRequest) -> ContactIdentity:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise BadSignature("No signed identity")
        return identity_of(token, self.config, now=request.received_at.timestamp())
