"""Slack, by the Events API or Socket Mode, and the Web API (https://docs.slack.dev)."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from channels_app import calling, form_bodies, http, signatures, vendor_files, wires
from channels_app.adapters.slack import answers, socket_mode
from channels_app.adapters.slack.reading import THREAD, read_events
from channels_app.adapters.slack.text import escaped
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

BASE_URL = "https://slack.com/api"
# Where they keep files that want the token, and take files from us.
OWN_HOSTS = (".slack.com", ".slack-edge.com", ".slack-files.com")
SKEW_SECONDS = 300
MOST_FILE_BYTES = 1024**3
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_PLACE = re.compile(r"[CDGUW][A-Z0-9]{1,40}")
_FORM = "application/x-www-form-urlencoded"


class Adapter:
    """The adapter of one Slack app in one workspace."""

    capabilities = Capabilities(
        text_max=4000,
        # At least as strict as their own count.
        text_unit="utf16",
        files_apart=True,
        # One message a second in one channel; what is too much, they say themselves.
        rate_per_minute=300,
        # A file: where to bring it, to bring it, to say so, and before that who is meant.
        longest_send=timedelta(seconds=4 * http.WHOLE_CALL_SECONDS),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config

    def handshake(self, request: RawRequest) -> HttpReply | None:
        """Answer the check of the address, which is signed as any call. Raises BadSignature."""
        try:
            call = read_object(request.body)
            if call.line("type", 50) != "url_verification":
                return None
            challenge = call.identifier("challenge", 500, required=True)
        except BadPayload:
            return None
        self.verify(request)
        return HttpReply(body=challenge.encode())

    def verify(self, request: RawRequest) -> None:
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        given = request.headers.get("x-slack-signature", "")
        known = [
            signature(secret, timestamp, request.body)
            for secret in filter(None, self.config.secrets)
        ]
        if not signatures.is_one_of(given, known):
            raise BadSignature("No signature fits")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise BadSignature("The timestamp is missing or no number")
        if abs(request.received_at.timestamp() - int(timestamp)) > SKEW_SECONDS:
            raise BadSignature("The timestamp is too far from now")

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(request.body, self.config.text("team_id"))

    def accepted(self, request: RawRequest) -> HttpReply:
        """Return nothing: Slack shows what a button is answered with."""
        return HttpReply()

    def send(self, message: OutboundMessage) -> SendResult:
        place, _slash, thread = (message.thread_key or message.to.external_id).partition(THREAD)
        if not _PLACE.fullmatch(place):
            raise SendError(_("This is no channel of Slack."), kind="undeliverable")
        if message.attachments and 0 < (message.attachments[0].size or 0) <= MOST_FILE_BYTES:
            return self._hand_over(message.attachments[0], place, thread)
        file = message.attachments[0] if message.attachments else None
        text = f"{file.filename}\n{file.url}".strip() if file else message.text
        body: dict[str, object] = {
            "channel": place,
            "text": escaped(text),
            # Shown as it was written.
            "mrkdwn": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if thread:
            body["thread_ts"] = thread
        return _result(self._ask("chat.postMessage", body))

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        url = attachment.url or self._address_of(attachment.media_ref)
        if not vendor_files.is_at(url, self._base(), OWN_HOSTS):
            raise ChannelError(_("The file has no usable address."), permanent=True)

        def look(reply: http.Reply) -> None:
            claimed = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
            if claimed == "text/html" and attachment.mime != claimed:
                # They ask whoever may not see it to sign in.
                raise ChannelError(_("The app may not read files (files:read)."), permanent=True)

        return vendor_files.fetch(url, attachment.mime, headers=self._token(), look=look)

    def test_connection(self) -> str:
        found = self._ask("auth.test", {})
        try:
            names = {"name": found.line("user", 100), "team": found.line("team", 200)}
            team = found.identifier("team_id", 50)
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Slack."), permanent=True) from error
        ours = self.config.text("team_id")
        if ours and team != ours:
            raise ChannelError(_("The bot token is of another workspace."), permanent=True)
        if self.has_line:
            self._socket_address()
            told = _(
                "Ready: Slack knows the bot as %(name)s in %(team)s, and lets us in by Socket Mode."
            )
            return told % names
        return _("Ready: Slack knows the bot as %(name)s in %(team)s.") % names

    @property
    def has_line(self) -> bool:
        return self.config.text("mode") == "socket"

    def listen(self, line: Line) -> None:
        """Hold a socket, and the next one before Slack ends it; each has an address of its own."""
        # Only the ticket goes there, which came with the address.
        socket_mode.hold(
            lambda: wires.open_wire(self._socket_address()), line, self.config.text("team_id")
        )

    def _socket_address(self) -> str:
        """Return where the next socket is opened. Raises SendError."""
        token = self.config.named_secrets.get("app_token", "").strip()
        if not token:
            raise SendError(_("There is no app-level token yet."), kind="auth")
        answer = self._ask("apps.connections.open", {}, token=token)
        try:
            return answer.identifier("url", 2000, required=True)
        except BadPayload as error:
            reason = _("What answers there is not Slack.")
            raise SendError(reason, kind="server", retryable=True) from error

    def _hand_over(self, file: Attachment, place: str, thread: str) -> SendResult:
        """Bring a file to where Slack says, then have it shown. Raises SendError."""
        with calling.said_nothing_yet():
            data = form_bodies.bytes_of(file)
            size = {"filename": file.filename or "file", "length": str(len(data))}
            answer = self._ask("files.getUploadURLExternal", size, is_form=True)
            identifier = self._uploaded(answer, data)
            if place.startswith(("U", "W")):
                place = self._chat_with(place)
        told = {"files": [{"id": identifier, "title": file.filename}], "channel_id": place}
        body = told | ({"thread_ts": thread} if thread else {})
        self._ask("files.completeUploadExternal", body)
        return SendResult(provider_ids=(identifier,))

    def _uploaded(self, answer: Fields, data: bytes) -> str:
        """Return the id of a file that was brought to the address in an answer."""
        try:
            url = answer.identifier("upload_url", 4000, required=True)
            identifier = answer.identifier("file_id", 50, required=True)
        except BadPayload as error:
            reason = _("What answers there is not Slack.")
            raise SendError(reason, kind="server", retryable=True) from error
        if not vendor_files.is_at(url, self._base(), OWN_HOSTS):
            raise SendError(_("The file has no usable address."), kind="undeliverable")
        # Whoever knows that address may bring the file: it gets no token.
        headers = {"content-type": "application/octet-stream"}
        reply = calling.exchange("POST", url, body=data, headers=headers)
        if reply.status != HTTPStatus.OK:
            raise calling.refusal(reply)
        return identifier

    def _chat_with(self, person: str) -> str:
        answer = self._ask("conversations.open", {"users": person})
        try:
            return answer.fields("channel").identifier("id", 50, required=True)
        except BadPayload as error:
            reason = _("What answers there is not Slack.")
            raise SendError(reason, kind="server", retryable=True) from error

    def _address_of(self, file: str) -> str:
        """Return where a file lies that was only named, as in channels shared between companies."""
        try:
            found = self._ask("files.info", {"file": file}, is_form=True).fields("file")
            return found.identifier("url_private_download", 4000) or found.identifier(
                "url_private", 4000
            )
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Slack."), permanent=False) from error

    def _ask(
        self,
        method: str,
        values: Mapping[str, object],
        *,
        is_form: bool = False,
        token: str | None = None,
    ) -> Fields:
        body = (
            urlencode(values, errors="replace").encode()
            if is_form
            else json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")
        )
        proof = self._token() if token is None else calling.bearer(token)
        headers = proof | ({"content-type": _FORM} if is_form else {})
        return answers.read(
            calling.exchange("POST", f"{self._base()}/{method}", body=body, headers=headers)
        )

    def _token(self) -> dict[str, str]:
        return calling.bearer(self.config.named_secrets.get("bot_token", "").strip())

    def _base(self) -> str:
        return self.config.address("base_url", BASE_URL)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return what Slack writes beside a call: HMAC-SHA256 of version, time and bytes."""
    signed = f"v0:{timestamp}:".encode("utf-8", "surrogatepass") + body
    key = secret.encode("utf-8", "surrogatepass")
    return "v0=" + hmac.new(key, signed, hashlib.sha256).hexdigest()


def _result(answer: Fields) -> SendResult:
    try:
        place, at = answer.identifier("channel", 50), answer.identifier("ts", 50)
    except BadPayload:
        return SendResult()
    return SendResult(provider_ids=(f"{place}:{at}",) if place and at else ())
