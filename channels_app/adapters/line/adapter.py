"""LINE Messaging API (https://developers.line.biz/en/reference/messaging-api/)."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import quote

from django.utils.translation import gettext as _

from channels_app import calling, http, signatures, vendor_files
from channels_app.adapters.line.reading import read_events
from channels_app.json_fields import Fields, read_object
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

BASE_URL = "https://api.line.me"
DATA_URL = "https://api-data.line.me"
# What their apps show by itself; other files go as a link.
_PICTURES = frozenset({"image/jpeg", "image/png"})


class Adapter:
    """The adapter of one LINE official account."""

    capabilities = Capabilities(
        text_max=5000,
        text_unit="utf16",
        files_apart=True,
        # The retry key is honoured for a day.
        idempotent_send=True,
        longest_send=timedelta(seconds=http.WHOLE_CALL_SECONDS),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        known = [signature(secret, request.body) for secret in filter(None, self.config.secrets)]
        if not signatures.is_one_of(request.headers.get("x-line-signature", ""), known):
            raise BadSignature("No signature fits")

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(request)

    def send(self, message: OutboundMessage) -> SendResult:
        body = {
            "to": message.thread_key or message.to.external_id,
            "messages": [_file(each) for each in message.attachments] or [_text(message.text)],
        }
        reply = calling.exchange(
            "POST",
            f"{self._base()}/v2/bot/message/push",
            body=json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
            headers={**self._token(), "x-line-retry-key": message.client_ref},
        )
        # A conflict says that an earlier attempt was taken.
        if reply.status not in {HTTPStatus.OK, HTTPStatus.CONFLICT}:
            raise _refusal(reply)
        return SendResult(status="sent", provider_ids=_sent_ids(reply.content))

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        url = f"{self._data()}/v2/bot/message/{quote(attachment.media_ref, safe='')}/content"
        if attachment.url:
            return vendor_files.fetch(attachment.url, attachment.mime)
        return vendor_files.fetch(url, attachment.mime, headers=self._token())

    def test_connection(self) -> str:
        reply = calling.exchange("GET", f"{self._base()}/v2/bot/info", headers=self._token())
        if reply.status != HTTPStatus.OK:
            raise _refusal(reply)
        try:
            name = read_object(reply.content).line("displayName", 100)
        except BadPayload as error:
            raise ChannelError(_("What answers there is not LINE."), permanent=True) from error
        return _("Ready: LINE knows the account as %(name)s.") % {"name": name}

    def _token(self) -> dict[str, str]:
        return calling.bearer(self.config.named_secrets.get("access_token", ""))

    def _base(self) -> str:
        return self.config.address("base_url", BASE_URL)

    def _data(self) -> str:
        return self.config.address("data_url", DATA_URL)


def signature(secret: str, body: bytes) -> str:
    """Return what LINE writes beside a call: HMAC-SHA256 in base64."""
    digest = hmac.new(secret.encode("utf-8", "surrogatepass"), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")


def _text(text: str) -> dict[str, object]:
    return {"type": "text", "text": text}


def _file(file: Attachment) -> dict[str, object]:
    """Return a picture as one, and every other file as a link: LINE takes no other from us."""
    if file.mime in _PICTURES:
        return {"type": "image", "originalContentUrl": file.url, "previewImageUrl": file.url}
    return _text(f"{file.filename}\n{file.url}".strip())


def _refusal(reply: http.Reply) -> SendError:
    """Return what their answer means; a spent quota is no moment's trouble."""
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS and b"monthly limit" in reply.content:
        return SendError(_("The monthly quota of LINE is used up."), kind="quota")
    return calling.refusal(reply)


def _sent_ids(content: bytes) -> tuple[str, ...]:
    """Return the ids that LINE gave to what it took. Raises SendError where something else answered."""
    try:
        rows: list[Fields] = read_object(content).each("sentMessages", 5)
        return tuple(filter(None, (each.identifier("id") for each in rows)))
    except BadPayload as error:
        # Trying again is safe: the retry key stays the same.
        reason = _("What answers there is not LINE.")
        raise SendError(reason, kind="server", retryable=True, ambiguous=True) from error
