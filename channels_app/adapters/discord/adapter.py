"""Discord, by its gateway and its HTTP interface (https://discord.com/developers/docs)."""

import json
import logging
import re
from contextlib import ExitStack
from datetime import timedelta
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from channels_app import calling, form_bodies, http, vendor_files, wires
from channels_app.adapters.discord import answers
from channels_app.adapters.discord.gateway import VERSION, Gateway, is_theirs, kept_session
from channels_app.adapters.discord.reading import Ears, nonce_of, read_events
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import (
    Attachment,
    BadPayload,
    BadSignature,
    Capabilities,
    ChannelConfig,
    Event,
    HttpReply,
    Line,
    OutboundMessage,
    RawRequest,
    SendError,
    SendResult,
)
from helpdesk.errors import ChannelError

logger = logging.getLogger(__name__)

BASE_URL = f"https://discord.com/api/v{VERSION}"
MOST_FILE_BYTES = 10 * 1024 * 1024
_ID = re.compile(r"[0-9]{1,25}")


class Adapter:
    """The adapter of one Discord bot."""

    capabilities = Capabilities(
        text_max=2000,
        # At least as strict as their own count.
        text_unit="utf16",
        files_apart=True,
        # By the gateway: that a message is there, though its answer was lost.
        receipts=frozenset({"sent"}),
        longest_send=timedelta(seconds=2 * http.WHOLE_CALL_SECONDS),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        raise BadSignature("Discord does not call, it is listened to")

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(read_object(request.body), Ears(every_message=True))

    def send(self, message: OutboundMessage) -> SendResult:
        whom = message.thread_key or message.to.external_id
        if not _ID.fullmatch(whom):
            raise SendError(_("This is no channel of Discord."), kind="undeliverable")
        place = message.thread_key or self._chat_with(whom)
        body, headers = _said(message)
        url = f"{self._base()}/channels/{place}/messages"
        reply = calling.exchange("POST", url, body=body, headers={**self._token(), **headers})
        return _result(answers.read(reply))

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        # Its address is signed by itself: no token goes there.
        return vendor_files.fetch(attachment.url, attachment.mime)

    def test_connection(self) -> str:
        try:
            name = self._ask("users/@me").line("username", 100)
        except BadPayload as error:
            raise ChannelError(answers.stranger(), permanent=True) from error
        return _("Ready: Discord knows the bot as %(name)s.") % {"name": name}

    @property
    def has_line(self) -> bool:
        return True

    def listen(self, line: Line) -> None:
        """Hold the gateway open, where the session began or anywhere new."""
        token = self._token()["authorization"].removeprefix("Bot ")
        every = self.config.settings.get("every_message") is True
        with ExitStack() as stack:
            wire = self._opened(stack, kept_session(line.position).url)
            Gateway(wire, line, token, every_message=every).follow()

    def _opened(self, stack: ExitStack, kept: str) -> wires.Wire:
        """Return a line where the session began; anywhere, where there is none any more."""
        if kept and is_theirs(kept, self._base()):
            try:
                return stack.enter_context(wires.open_wire(_with_version(kept)))
            except SendError as error:
                logger.info("The address of a session of Discord does not answer: %s", error.kind)
        return stack.enter_context(wires.open_wire(_with_version(self._gateway())))

    def _gateway(self) -> str:
        try:
            found = self._ask("gateway/bot").identifier("url", 500, required=True)
        except BadPayload as error:
            raise SendError(answers.stranger(), kind="server", retryable=True) from error
        if not is_theirs(found, self._base()):
            raise SendError(answers.stranger(), kind="server", retryable=True)
        return found

    def _chat_with(self, person: str) -> str:
        """Return the private chat with somebody, which Discord makes where there is none."""
        with calling.said_nothing_yet():
            try:
                answer = self._ask("users/@me/channels", {"recipient_id": person})
                return answer.identifier("id", 25, required=True)
            except BadPayload as error:
                raise SendError(answers.stranger(), kind="server", retryable=True) from error

    def _ask(self, path: str, body: dict[str, str] | None = None) -> Fields:
        reply = calling.exchange(
            "GET" if body is None else "POST",
            f"{self._base()}/{path}",
            body=None if body is None else json.dumps(body).encode(),
            headers=self._token(),
        )
        return answers.read(reply)

    def _token(self) -> dict[str, str]:
        token = self.config.secrets[0].strip() if self.config.secrets else ""
        bearer = calling.bearer(token)["authorization"]
        return {"authorization": f"Bot {bearer.removeprefix('Bearer ')}"}

    def _base(self) -> str:
        return self.config.address("base_url", BASE_URL)


def _with_version(url: str) -> str:
    return f"{url.rstrip('/')}/?{urlencode({'v': VERSION, 'encoding': 'json'})}"


def _said(message: OutboundMessage) -> tuple[bytes, dict[str, str]]:
    """Return what is said, as JSON or as a form with a file."""
    values: dict[str, object] = {
        "nonce": nonce_of(message.client_ref),
        "enforce_nonce": True,
        # Nobody's words call a whole server.
        "allowed_mentions": {"parse": []},
    }
    if message.thread_key and _ID.fullmatch(message.reply_to):
        # In a channel nobody else would know whom it answers.
        known = {"message_id": message.reply_to, "fail_if_not_exists": False}
        values["message_reference"] = known
    file = message.attachments[0] if message.attachments else None
    if file is not None and 0 < (file.size or 0) <= MOST_FILE_BYTES:
        payload = json.dumps(values, ensure_ascii=False)
        return form_bodies.with_file({"payload_json": payload}, "files[0]", file)
    values["content"] = f"{file.filename}\n{file.url}".strip() if file else message.text
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "replace"), {}


def _result(answer: Fields) -> SendResult:
    try:
        found = answer.identifier("id", 25)
    except BadPayload:
        found = ""
    return SendResult(provider_ids=(found,) if found else ())
