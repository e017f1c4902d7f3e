"""SMS and MMS through Twilio's Messaging API (https://www.twilio.com/docs/messaging/api)."""

import base64
import re
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from channels_app import calling, http, twilio_signature, vendor_files
from channels_app.adapters.sms_twilio import answers
from channels_app.adapters.sms_twilio.reading import read_events
from channels_app.json_fields import Fields
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

BASE_URL = "https://api.twilio.com"
VERSION = "2010-04-01"
# What carriers take in an MMS; other files, and larger ones, leave as links.
_MEDIA = frozenset({"image/jpeg", "image/png", "image/gif"})
MOST_MEDIA_BYTES = 5 * 1024 * 1024
_ACCOUNT = re.compile("AC[A-Za-z0-9]{2,64}")
_SERVICE = re.compile("MG[A-Za-z0-9]{2,64}")
# Twilio reads whatever it is answered as orders: these are none.
_NO_ORDERS = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'


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

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        if not twilio_signature.fits(request, self.config.secrets):
            raise BadSignature("No signature fits")

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(request)

    def accepted(self, request: RawRequest) -> HttpReply:
        return HttpReply(body=_NO_ORDERS, content_type="text/xml; charset=utf-8")

    def send(self, message: OutboundMessage) -> SendResult:
        form = {
            "To": message.to.external_id,
            **self._sender(),
            **self._content(message),
            "StatusCallback": f"{settings.PUBLIC_URL}/channels/{self.config.public_id}/",
        }
        answer = self._ask("POST", "/Messages.json", form)
        try:
            return SendResult(provider_ids=tuple(filter(None, [answer.identifier("sid")])))
        except BadPayload:
            return SendResult()

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        # What it leads to is signed by itself, and elsewhere: there the token has no business.
        headers = self._token() if _origin(attachment.url) == _origin(self._base()) else {}
        return vendor_files.fetch(
            attachment.url, attachment.mime, headers=headers, may_redirect=True
        )

    def test_connection(self) -> str:
        try:
            account = self._ask("GET", ".json")
            name, state = account.line("friendly_name", 200), account.line("status", 50)
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Twilio."), permanent=True) from error
        if state != "active":
            reason = _("The account at Twilio is not active: %(state)s") % {"state": state}
            raise ChannelError(reason, permanent=True)
        self._sender()
        return _("Ready: Twilio knows the account as %(name)s.") % {"name": name}

    def _ask(self, method: str, path: str, form: dict[str, str] | None = None) -> Fields:
        url = f"{self._base()}/{VERSION}/Accounts/{self._account()}{path}"
        headers = {**self._token(), "content-type": "application/x-www-form-urlencoded"}
        body = urlencode(form, errors="replace").encode() if form else None
        return answers.read(calling.exchange(method, url, body=body, headers=headers))

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

    def _account(self) -> str:
        found = str(self.config.settings.get("account_sid") or "").strip()
        if not _ACCOUNT.fullmatch(found):
            raise SendError(_("There is no usable account SID yet."), kind="auth")
        return found

    def _token(self) -> dict[str, str]:
        token = self.config.secrets[0] if self.config.secrets else ""
        if not token:
            raise SendError(_("There is no usable auth token yet."), kind="auth")
        pair = f"{self._account()}:{token}".encode("utf-8", "surrogatepass")
        return {"authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}

    def _base(self) -> str:
        return self.config.address("base_url", BASE_URL)


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), parts.netloc.lower()
    except ValueError:
        return "", ""
