"""Telegram Bot API (https://core.telegram.org/bots/api), called by its webhook."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import quote

from django.conf import settings
from django.utils.translation import gettext as _

from channels_app import calling, form_bodies, http, signatures, vendor_files
from channels_app.adapters.telegram.answers import Refused, result_of
from channels_app.adapters.telegram.reading import TOPIC, fetched, read_events
from channels_app.json_fields import LOWEST, Fields
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
from helpdesk.errors import ChannelError

BASE_URL = "https://api.telegram.org"
# What we ask to be called for; reactions come only when they are asked for.
UPDATES = ("message", "edited_message", "message_reaction", "callback_query", "my_chat_member")
FETCH_EVERY = timedelta(seconds=3)
MOST_UPDATES = 100
MOST_UPDATES_BYTES = 2 * 1024 * 1024
_TOKEN = re.compile("[0-9]{1,20}:[A-Za-z0-9_-]{1,200}")
_SECRET = re.compile("[A-Za-z0-9_-]{1,256}")
_CHAT = re.compile("-?[0-9]{1,19}")
# What is shown as a picture; larger ones, and other files, travel as documents.
_PICTURES = frozenset({"image/jpeg", "image/png"})
MOST_PICTURE_BYTES = 10 * 1024 * 1024
# What Telegram says of a picture that it will not show: too long, too thin, or not to be read.
_NO_PICTURE = re.compile("PHOTO|IMAGE", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One call that says something in a chat."""

    method: str
    chat: str
    values: Mapping[str, object]
    file: Attachment | None = None

    def after(self, refused: Refused) -> "Outgoing | None":
        """Return what to try instead; None when nothing is left to try."""
        if refused.moved_to is not None:
            kept = {each: self.values[each] for each in self.values if each == "text"}
            return replace(self, chat=str(refused.moved_to), values=kept)
        if self.method == "sendPhoto" and _NO_PICTURE.search(refused.description):
            return replace(self, method="sendDocument")
        return None


class Adapter:
    """The adapter of one Telegram bot."""

    capabilities = Capabilities(
        text_max=4096,
        # At least as strict as their own count.
        text_unit="utf16",
        body_signed=False,
        files_apart=True,
        # https://core.telegram.org/bots/api#senddocument
        file_max_bytes=50 * 1024 * 1024,
        # 30 a second to all; what one chat takes, they say themselves.
        rate_per_minute=1800,
        longest_send=timedelta(seconds=2 * http.WHOLE_CALL_SECONDS),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        given = request.headers.get("x-telegram-bot-api-secret-token", "")
        if not signatures.is_one_of(given, filter(None, self.config.secrets)):
            raise BadSignature("No secret fits")

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(request)

    @property
    def poll_every(self) -> timedelta | None:
        """How soon to look again, where messages are fetched."""
        return FETCH_EVERY if self.places else None

    @property
    def places(self) -> tuple[str, ...]:
        """The one place to look at, unless Telegram calls us."""
        return ("",) if self.config.settings.get("fetches") is True else ()

    def poll(self, place: str, position: str, hint: Mapping[str, object]) -> Polled:
        if not self.places:
            return Polled((), position)
        asked = {"limit": MOST_UPDATES, "timeout": 0, "allowed_updates": UPDATES}
        if position:
            # What is before it is forgotten there: we have stored it.
            asked["offset"] = int(position)
        answer = self._ask("getUpdates", asked, most_bytes=MOST_UPDATES_BYTES)
        return fetched(answer, position)

    def send(self, message: OutboundMessage) -> SendResult:
        outgoing = _outgoing(message)
        try:
            return self._sent(outgoing)
        except Refused as refused:
            other = outgoing.after(refused)
            if other is None:
                raise
            return self._sent(other)

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        try:
            found = self._ask("getFile", {"file_id": attachment.media_ref})
            path = found.fields("result").line("file_path", 1000)
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Telegram."), permanent=False) from error
        if not path or path.startswith("/") or ".." in path.split("/"):
            raise ChannelError(_("The file has no usable address."), permanent=True)
        url = f"{self._base()}/file/bot{self._token()}/{quote(path)}"
        return vendor_files.fetch(url, attachment.mime)

    def test_connection(self) -> str:
        secret = self.config.secrets[0] if self.config.secrets else ""
        if not _SECRET.fullmatch(secret):
            reason = _("Telegram takes only letters, digits, hyphens and underscores as a secret.")
            raise ChannelError(reason, permanent=True)
        try:
            name = self._ask("getMe", {}).fields("result").line("username", 100)
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Telegram."), permanent=True) from error
        if self.places:
            # While they call somebody, nobody may fetch.
            self._ask("deleteWebhook", {})
            return _(
                "Ready: Telegram knows the bot as @%(name)s, and its messages are fetched."
            ) % {"name": name}
        address = f"{settings.PUBLIC_URL}/channels/{self.config.public_id}/"
        webhook = {"url": address, "secret_token": secret, "allowed_updates": UPDATES}
        self._ask("setWebhook", webhook)
        return _("Ready: Telegram knows the bot as @%(name)s and calls this channel.") % {
            "name": name
        }

    def _sent(self, outgoing: Outgoing) -> SendResult:
        values = {"chat_id": int(outgoing.chat), **outgoing.values}
        answer = self._ask(outgoing.method, values, outgoing.file)
        try:
            message = answer.fields("result")
            chat = message.fields("chat").number("id", lowest=LOWEST) or outgoing.chat
            return SendResult(provider_ids=(f"{chat}:{message.number('message_id') or 0}",))
        except BadPayload:
            return SendResult()

    def _ask(
        self,
        method: str,
        values: Mapping[str, object],
        file: Attachment | None = None,
        *,
        most_bytes: int = calling.MOST_REPLY_BYTES,
    ) -> Fields:
        """Return the answer to a call. Raises SendError, which never names the address: the token is in it."""
        token = self._token()
        body, headers = _with_file(method, values, file) if file else (_json(values), {})
        url = f"{self._base()}/bot{token}/{method}"
        return result_of(
            calling.exchange("POST", url, body=body, headers=headers, most_bytes=most_bytes), token
        )

    def _token(self) -> str:
        token = self.config.named_secrets.get("bot_token", "").strip()
        if not _TOKEN.fullmatch(token):
            raise SendError(_("There is no usable bot token yet."), kind="auth")
        return token

    def _base(self) -> str:
        return self.config.address("base_url", BASE_URL)


def _outgoing(message: OutboundMessage) -> Outgoing:
    chat, _topic, topic = (message.thread_key or message.to.external_id).partition(TOPIC)
    if not _CHAT.fullmatch(chat):
        raise SendError(_("This is no chat of Telegram."), kind="undeliverable")
    values: dict[str, object] = {}
    if topic.isdecimal():
        values["message_thread_id"] = int(topic)
    place, _colon, answered = message.reply_to.partition(":")
    if message.thread_key and place == chat and answered.isdecimal():
        # In a group nobody else would know whom it answers.
        known = {"message_id": int(answered), "allow_sending_without_reply": True}
        values["reply_parameters"] = known
    if message.attachments:
        return Outgoing(_method(message.attachments[0]), chat, values, message.attachments[0])
    return Outgoing("sendMessage", chat, {**values, "text": message.text})


def _method(file: Attachment) -> str:
    is_picture = file.mime in _PICTURES and (file.size or 0) <= MOST_PICTURE_BYTES
    return "sendPhoto" if is_picture else "sendDocument"


def _json(values: Mapping[str, object]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")


def _with_file(
    method: str, values: Mapping[str, object], file: Attachment
) -> tuple[bytes, dict[str, str]]:
    """Return the call as a form with the file in it: by an address they take few kinds of files."""
    plain = {name: _plain(value) for name, value in values.items()}
    return form_bodies.with_file(plain, "photo" if method == "sendPhoto" else "document", file)


def _plain(value: object) -> str:
    return str(value) if isinstance(value, str | int) else json.dumps(value)
