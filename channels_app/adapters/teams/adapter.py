"""Bots of Microsoft Teams, by the Bot Connector (https://learn.microsoft.com/azure/bot-service/rest-api)."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from channels_app import calling, http, vendor_files, vendor_keys
from channels_app.access_tokens import TokenRefused, with_token
from channels_app.adapters.teams import TEXT_MAX, answers, proof, references
from channels_app.adapters.teams.reading import name_of, read_events
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
    Polled,
    RawRequest,
    SendError,
    SendResult,
)

LOGIN_URL = "https://login.microsoftonline.com"
OPENID_URL = "https://login.botframework.com/v1/.well-known/openidconfiguration"
# Where the keys may lie that the address above names.
KEY_HOSTS = ("login.botframework.com",)
SCOPE = "https://api.botframework.com/.default"
# Of an app that is one of several tenants.
ANY_TENANT = "botframework.com"
# They ask for once a day; a key is there long before it is used.
KEYS_EVERY = timedelta(hours=1)
MOST_KEY_BYTES = 1024 * 1024
MOST_PICTURE_BYTES = 1_000_000
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif"})
_TENANT = re.compile(r"[A-Za-z0-9.-]{1,100}")
_FORM = "application/x-www-form-urlencoded"


class Adapter:
    """The adapter of one bot of Microsoft Teams."""

    places = (vendor_keys.PLACE,)
    poll_every: timedelta | None = KEYS_EVERY

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.capabilities = Capabilities(
            text_max=config.number("text_max", TEXT_MAX),
            text_unit="bytes",
            body_signed=False,
            files_apart=True,
            # A token and the message; once more where the token was refused.
            longest_send=timedelta(seconds=4 * http.WHOLE_CALL_SECONDS),
        )

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        if not any(self.config.secrets):
            raise BadSignature("The channel is not set up yet")
        keys = vendor_keys.kept(self.config.vendor_keys, self._openid())
        app, tenant = self.config.text("app_id"), self.config.text("tenant_id")
        proof.check(request, audience=app, tenant=tenant, keys=keys)

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(read_object(request.body))

    def accepted(self, request: RawRequest) -> HttpReply:
        """Return nothing: Teams wants no words."""
        return HttpReply()

    def send(self, message: OutboundMessage) -> SendResult:
        answered = self._reference(message)
        body = _encoded(_content(message))
        answer = with_token(
            self.config,
            self._fresh_token,
            lambda token: answers.read(
                calling.exchange(
                    "POST", answered.activities, body=body, headers=calling.bearer(token)
                )
            ),
        )
        try:
            found = answer.identifier("id", 150, required=True)
        except BadPayload as error:
            reason = _("What answers there is not Microsoft Teams.")
            raise SendError(reason, kind="server", ambiguous=True) from error
        return SendResult(provider_ids=(name_of(answered.conversation, found),))

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        if not self._is_ours(attachment.url):
            # It lies elsewhere and is open to whoever knows the address: no token goes there.
            return vendor_files.fetch(attachment.url, attachment.mime)
        return with_token(
            self.config,
            self._fresh_token,
            lambda token: vendor_files.fetch(
                attachment.url, attachment.mime, headers=calling.bearer(token), look=_refused
            ),
        )

    def poll(self, place: str, position: str, hint: Mapping[str, object]) -> Polled:
        """Fetch the keys that prove calls; they are the position."""
        return Polled((), self._fetched_keys())

    def test_connection(self) -> str:
        self.config.tokens.get("access", self._fresh_token)
        self._fetched_keys()
        return _("Ready: Microsoft knows the bot, and the keys that prove calls can be fetched.")

    def _reference(self, message: OutboundMessage) -> references.Reference:
        """Return where to answer: a bot speaks only where it was spoken to. Raises SendError."""
        found = references.reference_of(message.reply_token)
        if not found.conversation:
            reason = _("The customer has to write first: Teams has not said where to answer.")
            raise SendError(reason, kind="undeliverable")
        if not references.is_plain(found.service) or not self._is_ours(found.service):
            reason = _("Answers may not leave to the host that Teams named (see the settings).")
            raise SendError(reason, kind="undeliverable")
        return found

    def _is_ours(self, url: str) -> bool:
        value = self.config.settings.get("service_hosts")
        hosts = value if isinstance(value, list) else str(value or "").splitlines()
        named = [host for host in map(str, hosts) if host.strip()]
        return references.is_ours(url, stand_in=self.config.text("service_url"), hosts=named)

    def _fresh_token(self) -> tuple[str, timedelta]:
        app, secret = self.config.text("app_id"), next(iter(self.config.secrets), "")
        tenant = self.config.text("tenant_id") or ANY_TENANT
        if not app or not secret or not _TENANT.fullmatch(tenant):
            reason = _("There is no usable application ID, tenant ID or client secret yet.")
            raise SendError(reason, kind="auth")
        values = {
            "grant_type": "client_credentials",
            "client_id": app,
            "client_secret": secret,
            "scope": SCOPE,
        }
        url = f"{self.config.address('login_url', LOGIN_URL)}/{tenant}/oauth2/v2.0/token"
        body = urlencode(values, errors="replace").encode()
        with calling.said_nothing_yet():
            reply = calling.exchange("POST", url, body=body, headers={"content-type": _FORM})
            return answers.token_of(reply)

    def _fetched_keys(self) -> str:
        """Return the keys that are endorsed for Teams, as they are kept. Raises SendError."""
        address = self._openid()
        try:
            url = _asked(address).identifier("jwks_uri", 500, required=True)
            if not references.is_ours(url, stand_in=address, hosts=KEY_HOSTS):
                raise BadPayload("jwks_uri: is elsewhere")
            keys = vendor_keys.rsa_keys(_asked(url), proof.is_for_teams)
        except BadPayload as error:
            reason = _("What answers there is not the Bot Connector.")
            raise SendError(reason, kind="server", retryable=True) from error
        if not keys:
            reason = _("The Bot Connector names no key for Teams.")
            raise SendError(reason, kind="server", retryable=True)
        return vendor_keys.keep(address, keys)

    def _openid(self) -> str:
        return self.config.address("openid_url", OPENID_URL)


def _asked(url: str) -> Fields:
    """Return what an address says. Raises SendError, BadPayload."""
    with calling.said_nothing_yet():
        reply = calling.exchange("GET", url, headers={}, most_bytes=MOST_KEY_BYTES)
    if reply.status != HTTPStatus.OK:
        raise calling.refusal(reply)
    return read_object(reply.content)


def _content(message: OutboundMessage) -> dict[str, object]:
    """Return what is said; a picture that Teams shows is fetched by it, other files leave as links."""
    said: dict[str, object] = {"type": "message", "textFormat": "plain"}
    if not message.attachments:
        return said | {"text": message.text}
    file = message.attachments[0]
    if file.mime in _PICTURES and 0 < (file.size or 0) <= MOST_PICTURE_BYTES:
        shown = {"contentType": file.mime, "contentUrl": file.url, "name": file.filename}
        return said | {"attachments": [shown]}
    return said | {"text": f"{file.filename}\n{file.url}".strip()}


def _encoded(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _refused(reply: http.Reply) -> None:
    if reply.status == HTTPStatus.UNAUTHORIZED:
        raise TokenRefused(_("Teams does not give a file for this access token."))
