"""DingTalk robots of internal apps, called by HTTP or by a stream (https://open.dingtalk.com/document)."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePath
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import calling, form_bodies, http, signatures, vendor_files, wires
from channels_app.access_tokens import with_token
from channels_app.adapters.dingtalk import TEXT_MAX, answers, streaming
from channels_app.adapters.dingtalk.reading import SPACE, read_events
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

BASE_URL, OAPI_URL = "https://api.dingtalk.com", "https://oapi.dingtalk.com"
OWN_HOSTS = (".dingtalk.com",)
# Theirs: the body is not signed, so that a call caught on its way would be good for so long.
SKEW = timedelta(hours=1)
# A session that ends while we speak leaves nobody answered.
MARGIN = timedelta(seconds=30)
MOST_FILE_BYTES = 20 * 1024 * 1024
_PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/bmp"})
_SHOWN = frozenset({"doc", "docx", "xls", "xlsx", "ppt", "pptx", "zip", "pdf", "rar"})
_TIMESTAMP = re.compile(r"[0-9]{1,15}")


class Adapter:
    """The adapter of one robot of DingTalk."""

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.capabilities = Capabilities(
            text_max=config.number("text_max", TEXT_MAX),
            text_unit="bytes",
            body_signed=False,
            files_apart=True,
            # A token, a file and its message; again from the start where the token was refused.
            longest_send=timedelta(seconds=6 * http.WHOLE_CALL_SECONDS),
        )

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        timestamp = request.headers.get("timestamp", "")
        given = request.headers.get("sign", "")
        known = [signature(secret, timestamp) for secret in filter(None, self.config.secrets)]
        if not signatures.is_one_of(given, known):
            raise BadSignature("No signature fits")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise BadSignature("The timestamp is missing or no number")
        if abs(request.received_at.timestamp() - int(timestamp) / 1000) > SKEW.total_seconds():
            raise BadSignature("The timestamp is too far from now")
        if not self._is_ours(request.body):
            raise BadSignature("The call is for another robot")

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(read_object(request.body))

    def send(self, message: OutboundMessage) -> SendResult:
        session = self._session(message)
        if session and not message.attachments:
            try:
                answers.read(calling.exchange("POST", session, body=_said(message), headers={}))
            except answers.SessionOver:
                pass  # it ended before its time: there is another way
            else:
                return SendResult()
        return with_token(self.config, self._fresh_token, lambda token: self._sent(message, token))

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        body = {"downloadCode": attachment.media_ref, "robotCode": self._robot()}
        found = with_token(
            self.config,
            self._fresh_token,
            lambda token: self._ask("robot/messageFiles/download", body, token),
        )
        try:
            url = found.identifier("downloadUrl", 4000, required=True)
        except BadPayload as error:
            raise ChannelError(_("The file has no usable address."), permanent=True) from error
        # It is signed by itself, and lies elsewhere: no token goes there.
        return vendor_files.fetch(url, attachment.mime)

    def test_connection(self) -> str:
        self.config.tokens.get("access", self._fresh_token)
        if self.has_line:
            return _("Ready: DingTalk knows the app, and its messages are fetched by a stream.")
        return _("Ready: DingTalk knows the app.")

    @property
    def has_line(self) -> bool:
        return self.config.text("mode") == "stream"

    def listen(self, line: Line) -> None:
        """Hold a stream; DingTalk gives each of them an address of its own."""
        asked = streaming.subscription(*self._credentials())
        url = f"{self._base()}/v1.0/gateway/connections/open"
        answer = answers.read(calling.exchange("POST", url, body=_encoded(asked), headers={}))
        try:
            address = streaming.address_of(answer)
        except BadPayload as error:
            reason = _("What answers there is not DingTalk.")
            raise SendError(reason, kind="server", retryable=True) from error
        # Only the ticket goes there, which came with the address.
        with wires.open_wire(address) as wire:
            line.works()
            streaming.follow(wire, line)

    def _session(self, message: OutboundMessage) -> str:
        """Return where the customer's last message can be answered without a token, as long as it lasts."""
        until, _space, url = message.reply_token.partition(SPACE)
        if not until.isdecimal() or not vendor_files.is_at(url, self._oapi(), OWN_HOSTS):
            return ""
        left = int(until) / 1000 - timezone.now().timestamp()
        return url if left > MARGIN.total_seconds() else ""

    def _sent(self, message: OutboundMessage, token: str) -> SendResult:
        key, values = self._content(message, token)
        body: dict[str, object] = {
            "robotCode": self._robot(),
            "msgKey": key,
            "msgParam": json.dumps(values, ensure_ascii=False),
        }
        if message.thread_key:
            body["openConversationId"] = message.thread_key
            return _result(self._ask("robot/groupMessages/send", body, token))
        whom = message.to.external_id
        body["userIds"] = [whom]
        answer = self._ask("robot/oToMessages/batchSend", body, token)
        _check_taken(answer, whom)
        return _result(answer)

    def _content(self, message: OutboundMessage, token: str) -> tuple[str, dict[str, str]]:
        """Return what is said; a file that they take is handed over first."""
        if not message.attachments:
            return "sampleText", {"content": message.text}
        file = message.attachments[0]
        suffix = PurePath(file.filename).suffix.lower().lstrip(".")
        is_small = 0 < (file.size or 0) <= MOST_FILE_BYTES
        if is_small and file.mime in _PICTURES:
            return "sampleImageMsg", {"photoURL": self._uploaded("image", file, token)}
        if is_small and suffix in _SHOWN:
            media = self._uploaded("file", file, token)
            known = {"mediaId": media, "fileName": file.filename, "fileType": suffix}
            return "sampleFile", known
        return "sampleText", {"content": f"{file.filename}\n{file.url}".strip()}

    def _uploaded(self, kind: str, file: Attachment, token: str) -> str:
        query = urlencode({"access_token": token, "type": kind})
        with calling.said_nothing_yet():
            body, headers = form_bodies.with_file({"type": kind}, "media", file)
            url = f"{self._oapi()}/media/upload?{query}"
            answer = answers.read(calling.exchange("POST", url, body=body, headers=headers))
            return _required(answer, "media_id")

    def _ask(self, path: str, body: Mapping[str, object], token: str) -> Fields:
        headers = {"x-acs-dingtalk-access-token": token}
        url = f"{self._base()}/v1.0/{path}"
        return answers.read(calling.exchange("POST", url, body=_encoded(body), headers=headers))

    def _fresh_token(self) -> tuple[str, timedelta]:
        client, secret = self._credentials()
        url = f"{self._base()}/v1.0/oauth2/accessToken"
        body = _encoded({"appKey": client, "appSecret": secret})
        with calling.said_nothing_yet():
            answer = answers.read(calling.exchange("POST", url, body=body, headers={}))
            token = _required(answer, "accessToken")
            calling.bearer(token)
        return token, timedelta(seconds=answer.number("expireIn") or 0)

    def _credentials(self) -> tuple[str, str]:
        client = self.config.text("client_id")
        secret = self.config.secrets[0] if self.config.secrets else ""
        if not client or not secret:
            reason = _("There is no usable Client ID or Client Secret yet.")
            raise SendError(reason, kind="auth")
        return client, secret

    def _is_ours(self, body: bytes) -> bool:
        try:
            robot = read_object(body).identifier("robotCode")
        except BadPayload:
            return True  # genuine, and unreadable: `parse` says so
        ours = self._robot()
        # Some of their robots are called "normal" whoever they are.
        return not (robot and ours) or robot == "normal" or signatures.is_one_of(robot, [ours])

    def _robot(self) -> str:
        return self.config.text("robot_code") or self.config.text("client_id")

    def _base(self) -> str:
        return self.config.address("base_url", BASE_URL)

    def _oapi(self) -> str:
        return self.config.address("oapi_url", OAPI_URL)


def signature(secret: str, timestamp: str) -> str:
    """Return what DingTalk writes beside a call: HMAC-SHA256 of the time and the secret itself."""
    key = secret.encode("utf-8", "surrogatepass")
    signed = timestamp.encode("utf-8", "surrogatepass") + b"\n" + key
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")


def _said(message: OutboundMessage) -> bytes:
    return _encoded({"msgtype": "text", "text": {"content": message.text}})


def _encoded(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _required(answer: Fields, name: str) -> str:
    try:
        return answer.identifier(name, 1000, required=True)
    except BadPayload as error:
        reason = _("What answers there is not DingTalk.")
        raise SendError(reason, kind="server", retryable=True) from error


def _check_taken(answer: Fields, whom: str) -> None:
    """Raise SendError where the one who is meant is among those who get nothing."""
    try:
        if whom in answer.identifiers("invalidStaffIdList", 100):
            reason = _("DingTalk knows nobody in the organization by this id.")
            raise SendError(reason, kind="undeliverable")
        if whom in answer.identifiers("flowControlledStaffIdList", 100):
            reason = _("DingTalk asks us to send more slowly.")
            raise SendError(reason, kind="rate", retryable=True, retry_after=answers.PAUSE)
    except BadPayload as error:
        reason = _("What answers there is not DingTalk.")
        raise SendError(reason, kind="server", ambiguous=True) from error


def _result(answer: Fields) -> SendResult:
    try:
        found = answer.identifier("processQueryKey", 250)
    except BadPayload:
        found = ""
    return SendResult(provider_ids=(found,) if found else ())
