"""Direct messages of X: webhooks of account activity, and the second version of its interface.

https://docs.x.com/x-api/account-activity/introduction and https://docs.x.com/x-api/direct-messages
"""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote, urlencode, urlsplit

from django.utils.translation import gettext as _

from channels_app import calling, http, signatures, vendor_files
from channels_app.access_tokens import Renewed, refreshing, with_token
from channels_app.adapters.x_dm import answers
from channels_app.adapters.x_dm.reading import read_events
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

BASE_URL = "https://api.x.com"
TEXT_MAX = 10_000
# Where they keep files that want the token.
OWN_HOSTS = (".twitter.com", ".x.com", ".twimg.com")
# We answer it with what would prove a call that says the same: none of these characters begins JSON.
_CHECK = re.compile("[A-Za-z0-9_-]{1,200}")
_PERSON = re.compile("[0-9]{1,20}")


class Adapter:
    """The adapter of one account."""

    capabilities = Capabilities(
        text_max=TEXT_MAX,
        files_apart=True,
        receipts=frozenset({"read"}),
        # 200 in a quarter of an hour.
        rate_per_minute=13,
        longest_send=timedelta(seconds=4 * http.WHOLE_CALL_SECONDS),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.capabilities = replace(self.capabilities, text_max=config.number("text_max", TEXT_MAX))

    def handshake(self, request: RawRequest) -> HttpReply | None:
        check = dict(request.query).get("crc_token", "")
        secret = next(filter(None, self.config.secrets), "")
        if request.method != "GET" or not secret or not _CHECK.fullmatch(check):
            return None
        answer = {"response_token": signature(secret, check.encode())}
        return HttpReply(body=json.dumps(answer).encode(), content_type="application/json")

    def verify(self, request: RawRequest) -> None:
        known = [signature(each, request.body) for each in filter(None, self.config.secrets)]
        given = request.headers.get("x-twitter-webhooks-signature", "")
        if request.method != "POST" or not signatures.is_one_of(given, known):
            raise BadSignature("No signature fits")

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(request, account=self.config.text("account_id"))

    def send(self, message: OutboundMessage) -> SendResult:
        if not _PERSON.fullmatch(message.to.external_id):
            raise SendError(_("This is no account of X."), kind="undeliverable")
        path = f"/2/dm_conversations/with/{quote(message.to.external_id)}/messages"
        answer = self._ask("POST", path, {"text": _words(message)})
        try:
            found = answer.fields("data").reference("dm_event_id")
            return SendResult(provider_ids=tuple(filter(None, [found])))
        except BadPayload:
            return SendResult()

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        if not self._is_theirs(attachment.url):
            # Nobody else has any business with the token.
            return vendor_files.fetch(attachment.url, attachment.mime)
        token = self.config.tokens.get("access", refreshing(self.config, self._renewed))
        return vendor_files.fetch(
            attachment.url, attachment.mime, headers=calling.bearer(token), may_redirect=True
        )

    def test_connection(self) -> str:
        try:
            person = self._ask("GET", "/2/users/me").fields("data")
            found, name = person.reference("id", required=True), person.line("username", 100)
        except BadPayload as error:
            raise ChannelError(_("What answers there is not X."), permanent=True) from error
        if found != self.config.text("account_id"):
            reason = _("The refresh token is of another account.")
            raise ChannelError(reason, permanent=True)
        return _("Ready: X knows the account as @%(name)s.") % {"name": name}

    def _ask(self, method: str, path: str, values: dict[str, str] | None = None) -> Fields:
        body = json.dumps(values, ensure_ascii=False).encode("utf-8", "replace") if values else None

        def call(token: str) -> Fields:
            reply = calling.exchange(
                method, f"{self._base()}{path}", body=body, headers=calling.bearer(token)
            )
            return answers.read(reply, sent=method == "POST")

        return with_token(self.config, refreshing(self.config, self._renewed), call)

    def _renewed(self, refresh_token: str) -> Renewed:
        client_id = self.config.text("client_id")
        client_secret = self.config.named_secrets.get("client_secret", "")
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": client_id,
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if client_secret:
            pair = f"{client_id}:{client_secret}".encode("utf-8", "surrogatepass")
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        reply = calling.exchange(
            "POST",
            f"{self._base()}/2/oauth2/token",
            body=urlencode(form, errors="replace").encode(),
            headers=headers,
        )
        return answers.read_tokens(reply)

    def _is_theirs(self, url: str) -> bool:
        try:
            found, base = urlsplit(url), urlsplit(self._base())
            host = found.hostname or ""
        except ValueError:
            return False
        if (found.scheme, found.netloc) == (base.scheme, base.netloc):
            return True
        return found.scheme == "https" and host.endswith(OWN_HOSTS)

    def _base(self) -> str:
        return self.config.address("base_url", BASE_URL)


def signature(secret: str, body: bytes) -> str:
    """Return what X writes beside a call: HMAC-SHA256 of its bytes, in base64."""
    digest = hmac.new(secret.encode("utf-8", "surrogatepass"), body, hashlib.sha256).digest()
    return f"sha256={base64.b64encode(digest).decode('ascii')}"


def _words(message: OutboundMessage) -> str:
    """Return what to say; a file leaves as a link."""
    if not message.attachments:
        return message.text
    file = message.attachments[0]
    return f"{file.filename}\n{file.url}".strip()
