"""Douyin's private messages (https://developer.open-douyin.com/docs/resource/zh-CN/dop/overview/usage-guide)."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from channels_app import calling, http, signatures
from channels_app.access_tokens import Renewed, refreshing, with_token
from channels_app.adapters.douyin import answers
from channels_app.adapters.douyin.reading import is_check, read_check, read_events
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

BASE_URL = "https://open.douyin.com"
TEXT_MAX = 500
SCENE = "im_reply_msg"
_TEXT = 1
# Before a token ends which they forgot to say the end of.
SHORTEST_LIFE = timedelta(minutes=10)


class Adapter:
    """The adapter of one company's account."""

    capabilities = Capabilities(
        text_max=TEXT_MAX,
        files_apart=True,
        longest_send=timedelta(seconds=4 * http.WHOLE_CALL_SECONDS),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.capabilities = replace(self.capabilities, text_max=config.number("text_max", TEXT_MAX))

    def handshake(self, request: RawRequest) -> HttpReply | None:
        if request.method != "POST" or not is_check(request.body):
            return None
        # What they send is no secret, and says nothing: it goes back as it came.
        answer = json.dumps({"challenge": read_check(request.body)}).encode()
        return HttpReply(body=answer, content_type="application/json")

    def verify(self, request: RawRequest) -> None:
        known = [signature(each, request.body) for each in filter(None, self.config.secrets)]
        if not signatures.is_one_of(request.headers.get("x-douyin-signature", ""), known):
            raise BadSignature("No signature fits")

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(
            request,
            client_key=self.config.text("client_key"),
            account=self.config.text("account_id"),
        )

    def send(self, message: OutboundMessage) -> SendResult:
        answered = message.reply_to or str(message.context.get("answered") or "")
        body = {
            "to_user_id": message.to.external_id,
            "scene": self.config.text("scene") or SCENE,
            "content": {"msg_type": _TEXT, "text": {"text": _words(message)}},
        }
        about = {"msg_id": answered, "conversation_id": message.thread_key}
        body |= {name: value for name, value in about.items() if value}
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        query = urlencode({"open_id": self.config.text("account_id")})

        def call(token: str) -> SendResult:
            reply = calling.exchange(
                "POST",
                f"{self._base()}/im/send/msg/?{query}",
                body=content,
                headers={"access-token": _header(token)},
            )
            answer = answers.read(reply, sent=True)
            try:
                return SendResult(provider_ids=tuple(filter(None, [answer.reference("msg_id")])))
            except BadPayload:
                return SendResult()

        return with_token(self.config, refreshing(self.config, self._renewed), call)

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        raise ChannelError(_("Douyin gives out no files of private messages."), permanent=True)

    def test_connection(self) -> str:
        found = self.config.tokens.get("access", refreshing(self.config, self._renewed))
        _header(found)
        return _("Ready: Douyin takes the refresh token of the account.")

    def _renewed(self, refresh_token: str) -> Renewed:
        form = {
            "client_key": self.config.text("client_key"),
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
        }
        reply = calling.exchange(
            "POST",
            f"{self._base()}/oauth/refresh_token/",
            body=urlencode(form, errors="replace").encode(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        answer = answers.read(reply, sent=False)
        try:
            token = answer.identifier("access_token", 2000, required=True)
            account = answer.identifier("open_id")
            life = timedelta(seconds=answer.number("expires_in") or 0)
            successor = answer.identifier("refresh_token", 2000)
        except (BadPayload, OverflowError) as error:
            raise SendError(_("What answers there is not Douyin."), kind="auth") from error
        if account and account != self.config.text("account_id"):
            raise SendError(_("The refresh token is of another account."), kind="auth")
        return Renewed(token, max(life, SHORTEST_LIFE), successor)

    def _base(self) -> str:
        return self.config.address("base_url", BASE_URL)


def signature(secret: str, body: bytes) -> str:
    """Return what Douyin writes beside a call: SHA-1 of the client secret and the bytes."""
    signed = secret.encode("utf-8", "surrogatepass") + body
    return hashlib.sha1(signed, usedforsecurity=False).hexdigest()


def _header(token: str) -> str:
    return calling.bearer(token)["authorization"].removeprefix("Bearer ")


def _words(message: OutboundMessage) -> str:
    """Return what to say; a file leaves as a link."""
    if not message.attachments:
        return message.text
    file = message.attachments[0]
    return f"{file.filename}\n{file.url}".strip()
