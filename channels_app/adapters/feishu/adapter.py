"""Feishu and Lark, by the events and calls of a custom app (https://open.feishu.cn/document).

Events come to our address, sealed, or through a long connection that we hold, as they are.
"""

import json
import re
from datetime import timedelta
from pathlib import PurePath
from urllib.parse import quote

from django.utils.translation import gettext as _

from channels_app import calling, form_bodies, http, signatures, vendor_files, wires
from channels_app.access_tokens import with_token
from channels_app.adapters.feishu import TEXT_MAX, answers, long_connection, sealing
from channels_app.adapters.feishu.reading import TOPIC, read_events
from channels_app.adapters.feishu.words import BESIDE
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

BASE_URLS = {"feishu": "https://open.feishu.cn", "lark": "https://open.larksuite.com"}
# They push again for seven hours, and do not say whether under a new timestamp: what is repeated is
# known by its message.
MOST_SKEW = timedelta(hours=8)
MEGABYTE = 1024 * 1024
MOST_PICTURE_BYTES, MOST_FILE_BYTES = 10 * MEGABYTE, 30 * MEGABYTE
_PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp"})
# The types that they know by name; every other file is a stream.
_TYPES = {
    "pdf": "pdf",
    "doc": "doc",
    "docx": "doc",
    "xls": "xls",
    "xlsx": "xls",
    "ppt": "ppt",
    "pptx": "ppt",
}
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
# What would call everybody of a group.
_MENTION = re.compile(r"<(?=/?at\b)", re.IGNORECASE)


class Adapter:
    """The adapter of one custom app of Feishu or Lark."""

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.capabilities = Capabilities(
            text_max=config.number("text_max", TEXT_MAX),
            text_unit="bytes",
            files_apart=True,
            receipts=frozenset({"read"}),
            # The same uuid within an hour is the same message.
            idempotent_send=True,
            # A token, a file and its message; again from the start where the token was refused.
            longest_send=timedelta(seconds=5 * http.WHOLE_CALL_SECONDS),
        )

    def handshake(self, request: RawRequest) -> HttpReply | None:
        """Answer the check of the address, which is encrypted as any call and not signed."""
        try:
            call = sealing.opened(request.body, self.config.secrets)
            if call.line("type", 50) != "url_verification":
                return None
            challenge = call.identifier("challenge", 500, required=True)
        except BadPayload:
            return None
        return _json_reply({"challenge": challenge})

    def verify(self, request: RawRequest) -> None:
        timestamp = request.headers.get("x-lark-request-timestamp", "")
        nonce = request.headers.get("x-lark-request-nonce", "")
        given = request.headers.get("x-lark-signature", "")
        known = [
            sealing.signature(key, timestamp, nonce, request.body)
            for key in filter(None, self.config.secrets)
        ]
        if not signatures.is_one_of(given, known):
            raise BadSignature("No signature fits")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise BadSignature("The timestamp is missing or no number")
        if abs(request.received_at.timestamp() - int(timestamp)) > MOST_SKEW.total_seconds():
            raise BadSignature("The timestamp is too far from now")
        if not self._is_ours(request):
            raise BadSignature("The call is for another app")

    def parse(self, request: RawRequest) -> list[Event]:
        call = read_object(request.body)
        # What a long connection brought is not sealed; `verify` lets nobody else leave that out.
        is_sealed = "encrypt" in call
        return read_events(sealing.opened(request.body, self.config.secrets) if is_sealed else call)

    def accepted(self, request: RawRequest) -> HttpReply:
        """Return an empty object: whoever pressed a button would be shown anything else as a fault."""
        return _json_reply({})

    def send(self, message: OutboundMessage) -> SendResult:
        return with_token(self.config, self._fresh_token, lambda token: self._sent(message, token))

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        message, _slash, key = attachment.media_ref.partition(BESIDE)
        kind = "image" if attachment.kind == "image" else "file"
        place = f"messages/{quote(message, safe='')}/resources/{quote(key, safe='')}?type={kind}"
        url = f"{self._base()}/open-apis/im/v1/{place}"
        return with_token(
            self.config,
            self._fresh_token,
            lambda token: vendor_files.fetch(
                url, attachment.mime, headers=calling.bearer(token), look=_no_error
            ),
        )

    def test_connection(self) -> str:
        found = with_token(
            self.config,
            self._fresh_token,
            lambda token: self._ask("GET", "bot/v3/info", token),
        )
        try:
            name = found.fields("bot").line("app_name", 200)
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Feishu."), permanent=True) from error
        if self.has_line:
            self._endpoint()
            told = _("Ready: Feishu knows the bot as %(name)s, and offers a long connection.")
            return told % {"name": name}
        return _("Ready: Feishu knows the bot as %(name)s.") % {"name": name}

    @property
    def has_line(self) -> bool:
        return self.config.text("mode") == "line"

    def listen(self, line: Line) -> None:
        """Hold a long connection; Feishu gives each of them an address of its own. Raises SendError."""
        endpoint = self._endpoint()
        # Only the ticket goes there, which came with the address.
        with wires.open_wire(endpoint.url) as wire:
            line.works()
            long_connection.Connection(wire, line, endpoint).follow()

    def _endpoint(self) -> long_connection.Endpoint:
        app, secret = self._credentials()
        reply = calling.exchange(
            "POST",
            f"{self._base()}{long_connection.PATH}",
            body=_encoded({"AppID": app, "AppSecret": secret}),
            headers={},
        )
        try:
            return long_connection.endpoint_of(answers.read(reply))
        except BadPayload as error:
            reason = _("What answers there is not Feishu.")
            raise SendError(reason, kind="server", retryable=True) from error

    def _sent(self, message: OutboundMessage, token: str) -> SendResult:
        content = {**self._content(message, token), "uuid": message.client_ref}
        chat, _slash, topic = message.thread_key.partition(TOPIC)
        if chat and _ID.fullmatch(message.reply_to):
            # In a group nobody else would know whom it answers.
            path = f"im/v1/messages/{message.reply_to}/reply"
            try:
                body = {**content, "reply_in_thread": bool(topic)}
                return _result(self._ask("POST", path, token, body))
            except answers.Refused as refused:
                if topic or not refused.is_gone:
                    raise
        kind, whom = ("chat_id", chat) if chat else ("open_id", message.to.external_id)
        path = f"im/v1/messages?receive_id_type={kind}"
        return _result(self._ask("POST", path, token, {"receive_id": whom, **content}))

    def _content(self, message: OutboundMessage, token: str) -> dict[str, str]:
        """Return what is said; a file is handed over first."""
        if not message.attachments:
            return _said("text", text=_MENTION.sub("<\u200b", message.text))
        file = message.attachments[0]
        size = file.size or 0
        if file.mime in _PICTURES and size <= MOST_PICTURE_BYTES:
            key = self._uploaded("images", token, "image", {"image_type": "message"}, file)
            return _said("image", image_key=key)
        if 0 < size <= MOST_FILE_BYTES:
            suffix = PurePath(file.filename).suffix.lower().lstrip(".")
            facts = {"file_type": _TYPES.get(suffix, "stream"), "file_name": file.filename}
            return _said("file", file_key=self._uploaded("files", token, "file", facts, file))
        return _said("text", text=f"{file.filename}\n{file.url}".strip())

    def _uploaded(
        self, place: str, token: str, name: str, facts: dict[str, str], file: Attachment
    ) -> str:
        body, headers = form_bodies.with_file(facts, name, file)
        url = f"{self._base()}/open-apis/im/v1/{place}"
        reply = calling.exchange(
            "POST", url, body=body, headers={**calling.bearer(token), **headers}
        )
        data = answers.read(reply).fields("data")
        return data.identifier(f"{name}_key", 300, required=True)

    def _ask(
        self, method: str, path: str, token: str, body: dict[str, object] | None = None
    ) -> Fields:
        reply = calling.exchange(
            method,
            f"{self._base()}/open-apis/{path}",
            body=_encoded(body) if body is not None else None,
            headers=calling.bearer(token),
        )
        return answers.read(reply)

    def _fresh_token(self) -> tuple[str, timedelta]:
        app, secret = self._credentials()
        reply = calling.exchange(
            "POST",
            f"{self._base()}/open-apis/auth/v3/tenant_access_token/internal",
            body=_encoded({"app_id": app, "app_secret": secret}),
            headers={},
        )
        return answers.token_of(reply)

    def _credentials(self) -> tuple[str, str]:
        secret = self.config.named_secrets.get("app_secret", "")
        app = self.config.text("app_id")
        if not app or not secret:
            raise SendError(_("There is no usable App ID or App Secret yet."), kind="auth")
        return app, secret

    def _is_ours(self, request: RawRequest) -> bool:
        try:
            header = sealing.opened(request.body, self.config.secrets).fields("header")
            app = header.identifier("app_id")
        except BadPayload:
            return True  # genuine, and unreadable: `parse` says so
        ours = self.config.text("app_id")
        return not (app and ours) or signatures.is_one_of(app, [ours])

    def _base(self) -> str:
        region = self.config.text("region")
        return self.config.address("base_url", BASE_URLS.get(region, BASE_URLS["feishu"]))


def _said(kind: str, **content: str) -> dict[str, str]:
    return {"msg_type": kind, "content": json.dumps(content, ensure_ascii=False)}


def _encoded(body: dict[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _json_reply(found: dict[str, str]) -> HttpReply:
    return HttpReply(body=_encoded(dict(found)), content_type="application/json")


def _result(answer: Fields) -> SendResult:
    try:
        found = answer.fields("data").identifier("message_id")
    except BadPayload:
        found = ""
    return SendResult(provider_ids=(found,) if found else ())


def _no_error(reply: http.Reply) -> None:
    """Raise what an answer says that is JSON in the place of a file."""
    is_file = "content-disposition" in reply.headers
    if "json" in reply.headers.get("content-type", "") and not is_file:
        answers.read(reply)
