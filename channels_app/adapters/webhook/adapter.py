"""Signed webhook: any system posts messages to us and gets replies, receipts and events posted back.

Both directions speak Standard Webhooks (https://www.standardwebhooks.com).
"""

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import calling, http, signatures, vendor_files
from channels_app.adapters.webhook import writing
from channels_app.adapters.webhook.events import read_events
from channels_app.json_fields import read_object
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
from helpdesk.errors import ChannelError


class Adapter:
    """The adapter of any system that signs what it posts."""

    capabilities = Capabilities(
        text_max=10_000,
        receipts=frozenset({"delivered", "read", "failed"}),
        # Every attempt carries the same webhook-id, by which receivers know a repetition.
        idempotent_send=True,
        longest_send=timedelta(seconds=http.WHOLE_CALL_SECONDS),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        signatures.verify(request, self.config.secrets)

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(request, vouches=self.config.settings.get("vouches") is True)

    def send(self, message: OutboundMessage) -> SendResult:
        reply = self._post(message.client_ref, writing.message_body(message, timezone.now()))
        found = _provider_id(reply.content)
        return SendResult(status="sent", provider_ids=(found,) if found else ())

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        if attachment.data is not None:
            return attachment.data, attachment.mime
        return vendor_files.fetch(attachment.url, attachment.mime)

    def test_connection(self) -> str:
        if not signatures.keys_of(self.config.secrets):
            raise ChannelError(_("There is no usable secret yet."), permanent=True)
        if not self._address():
            return _("Ready to receive. Replies have no address yet, so they cannot leave.")
        ping = writing.encoded("ping", {"channel": self.config.public_id}, timezone.now())
        reply = self._post(f"ping_{uuid4().hex}", ping)
        return _("Ready: the other system answered our signed ping with %(status)s.") % {
            "status": reply.status
        }

    def _post(self, identifier: str, body: bytes) -> http.Reply:
        if not self._address():
            raise SendError(_("This channel has no address for replies."), kind="undeliverable")
        if not signatures.keys_of(self.config.secrets):
            raise SendError(_("There is no usable secret yet."), kind="auth")
        # Signed with every secret, so that the receiver can change over at any moment.
        headers = signatures.signed_headers(
            identifier, body, secrets=self.config.secrets, at=timezone.now()
        )
        return calling.post(self._address(), body, headers)

    def _address(self) -> str:
        return str(self.config.settings.get("callback_url") or "").strip()


def _provider_id(content: bytes) -> str:
    """Return the id that the other system gave to our message, if it told a usable one."""
    try:
        return read_object(content).identifier("id")
    except BadPayload:
        return ""
