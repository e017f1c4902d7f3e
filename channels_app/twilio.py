"""An account at Twilio: who we are there, how it is asked, and what its calls look like."""

import base64
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.utils.translation import gettext as _

from channels_app import calling, twilio_answers, twilio_signature, vendor_files
from channels_app.json_fields import Fields
from channels_app.protocol import (
    Attachment,
    BadPayload,
    BadSignature,
    ChannelConfig,
    HttpReply,
    RawRequest,
    SendError,
)
from channels_app.twilio_signature import MOST_PARAMETERS
from helpdesk.errors import ChannelError

BASE_URL = "https://api.twilio.com"
VERSION = "2010-04-01"
XML = "text/xml; charset=utf-8"
# Twilio reads whatever it is answered as orders: these are none.
NO_ORDERS = HttpReply(body=b'<?xml version="1.0" encoding="UTF-8"?><Response/>', content_type=XML)
_ACCOUNT = re.compile("AC[A-Za-z0-9]{2,64}")


class Account:
    """The account of a channel, by its settings and its token."""

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config

    def verify(self, request: RawRequest) -> None:
        """Raise BadSignature unless the account has signed this request for this channel."""
        if not twilio_signature.fits(request, self.config.secrets):
            raise BadSignature("No signature fits")

    def ask(self, method: str, path: str, form: list[tuple[str, str]] | None = None) -> Fields:
        """Return what Twilio answers about something of the account. Raises SendError."""
        url = f"{self._base()}/{VERSION}/Accounts/{self._sid()}{path}"
        headers = {**self._token(), "content-type": "application/x-www-form-urlencoded"}
        body = urlencode(form, errors="replace").encode() if form else None
        return twilio_answers.read(calling.exchange(method, url, body=body, headers=headers))

    def fetch(self, attachment: Attachment) -> tuple[bytes, str]:
        """Return the bytes and the claimed type of a file that lies there. Raises ChannelError."""
        # What it leads to is signed by itself, and elsewhere: there the token has no business.
        headers = self._token() if _origin(attachment.url) == _origin(self._base()) else {}
        return vendor_files.fetch(
            attachment.url, attachment.mime, headers=headers, may_redirect=True
        )

    def look(self) -> str:
        """Return the name of the account, once it is active. Raises ChannelError."""
        try:
            account = self.ask("GET", ".json")
            name, state = account.line("friendly_name", 200), account.line("status", 50)
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Twilio."), permanent=True) from error
        if state != "active":
            reason = _("The account at Twilio is not active: %(state)s") % {"state": state}
            raise ChannelError(reason, permanent=True)
        return name

    def _sid(self) -> str:
        found = str(self.config.settings.get("account_sid") or "").strip()
        if not _ACCOUNT.fullmatch(found):
            raise SendError(_("There is no usable account SID yet."), kind="auth")
        return found

    def _token(self) -> dict[str, str]:
        token = self.config.secrets[0] if self.config.secrets else ""
        if not token:
            raise SendError(_("There is no usable auth token yet."), kind="auth")
        pair = f"{self._sid()}:{token}".encode("utf-8", "surrogatepass")
        return {"authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}

    def _base(self) -> str:
        return self.config.address("base_url", BASE_URL)


def read_form(body: bytes) -> Fields:
    """Return the form that a call of Twilio is. Raises BadPayload."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            strict_parsing=True,
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except ValueError as error:
        raise BadPayload("body: not a form in UTF-8") from error
    # Of a field that stands there twice the first counts.
    return Fields(dict(reversed(pairs)), "")


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), parts.netloc.lower()
    except ValueError:
        return "", ""
