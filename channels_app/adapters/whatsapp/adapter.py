"""WhatsApp Cloud API (https://developers.facebook.com/docs/whatsapp/cloud-api)."""

import re
from datetime import timedelta
from urllib.parse import quote

from django.utils.translation import gettext as _

from channels_app import http, meta, vendor_files
from channels_app.adapters.whatsapp.reading import read_events
from channels_app.json_fields import Fields
from channels_app.outbound import OutboundTemplate
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
from helpdesk.registries import TemplateRules

MEGABYTE = 1024 * 1024
# What their apps play or show by themselves, up to that size; all else is a document.
_SHOWN = (
    ("image", frozenset({"image/jpeg", "image/png"}), 5 * MEGABYTE),
    ("video", frozenset({"video/mp4", "video/3gpp"}), 16 * MEGABYTE),
    (
        "audio",
        frozenset({"audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg"}),
        16 * MEGABYTE,
    ),
)
_PHONE = re.compile(r"\+?[0-9]{5,20}")


class Adapter:
    """The adapter of one number on WhatsApp."""

    capabilities = Capabilities(
        text_max=4096,
        files_apart=True,
        # Of a document, which all goes as that they do not show; pictures and sound are smaller.
        file_max_bytes=100 * MEGABYTE,
        reply_window=timedelta(hours=24),
        templates=TemplateRules(),
        receipts=frozenset({"sent", "delivered", "read", "failed"}),
        # 80 a second are allowed, and 20 where the number is also used in their app.
        rate_per_minute=20 * 60,
        longest_send=timedelta(seconds=http.WHOLE_CALL_SECONDS),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return meta.handshake(self.config, request)

    def verify(self, request: RawRequest) -> None:
        meta.verify(self.config, request)

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(request, number=str(self.config.settings.get("phone_number_id") or ""))

    def send(self, message: OutboundMessage) -> SendResult:
        body = {
            "messaging_product": "whatsapp",
            **_recipient(message),
            **_content(message),
            # It comes back in every receipt.
            "biz_opaque_callback_data": message.client_ref,
        }
        answer = meta.post(f"{self._number()}/messages", body, self.config)
        return SendResult(status="sent", provider_ids=_sent_ids(answer))

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        base = meta.base_url(self.config)
        found = meta.get(f"{base}/{quote(attachment.media_ref, safe='')}", self.config)
        try:
            url = found.line("url", 4000)
        except BadPayload:
            url = ""
        if not url:
            raise ChannelError(_("The file has no usable address."), permanent=True)
        headers = meta.token(self.config) if meta.holds_files(url, base) else None
        return vendor_files.fetch(url, attachment.mime, headers=headers)

    def test_connection(self) -> str:
        found = meta.get(f"{self._number()}?fields=display_phone_number,verified_name", self.config)
        try:
            names = (found.line("verified_name", 200), found.line("display_phone_number", 50))
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Meta."), permanent=True) from error
        name = " ".join(filter(None, names))
        return _("Ready: WhatsApp knows the number as %(name)s.") % {"name": name}

    def _number(self) -> str:
        """Return the address of our number. Raises SendError."""
        return f"{meta.base_url(self.config)}/{meta.account_id(self.config, 'phone_number_id')}"


def _recipient(message: OutboundMessage) -> dict[str, object]:
    """Return whom it is for: a group, a phone number, or an id that hides the number."""
    if message.thread_key:
        return {"recipient_type": "group", "to": message.thread_key}
    known = message.to.external_id
    name = "to" if _PHONE.fullmatch(known) else "recipient"
    return {"recipient_type": "individual", name: known}


def _content(message: OutboundMessage) -> dict[str, object]:
    if message.template is not None:
        return _template(message.template)
    return _file(message.attachments[0]) if message.attachments else _text(message.text)


def _template(template: OutboundTemplate) -> dict[str, object]:
    """Return a template by its name and language, with the values of its places in their order."""
    found: dict[str, object] = {
        "name": template.name,
        "language": {"code": template.language_code},
    }
    values = [{"type": "text", "text": value} for _place, value in template.values]
    if values:
        found["components"] = [{"type": "body", "parameters": values}]
    return {"type": "template", "template": found}


def _text(text: str) -> dict[str, object]:
    return {"type": "text", "text": {"body": text, "preview_url": False}}


def _file(file: Attachment) -> dict[str, object]:
    """Return a file by its address, from where they fetch it."""
    for kind, mimes, most in _SHOWN:
        if file.mime in mimes and (file.size or 0) <= most:
            return {"type": kind, kind: {"link": file.url}}
    return {"type": "document", "document": {"link": file.url, "filename": file.filename}}


def _sent_ids(answer: Fields) -> tuple[str, ...]:
    """Return the ids that WhatsApp gave to what it took. Raises SendError where it gave none."""
    try:
        found = [each.identifier("id", 250) for each in answer.each("messages", 10)]
    except BadPayload:
        found = []
    if not any(found):
        raise SendError(_("What answers there is not Meta."), kind="other", ambiguous=True)
    return tuple(filter(None, found))
