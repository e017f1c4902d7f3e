"""Private messages of Weibo's fan service (https://open.weibo.com/wiki/粉丝服务开发指南)."""

import hashlib
import json
import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from channels_app import calling, http, signatures, vendor_files
from channels_app.adapters.weibo import answers
from channels_app.adapters.weibo.reading import read_events
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
    SendResult,
)
from helpdesk.errors import ChannelError

BASE_URL = "https://c.api.weibo.com"
ACCOUNT_URL = "https://api.weibo.com"
FILES_URL = "https://upload.api.weibo.com"
TEXT_MAX = 300
SKEW_MILLISECONDS = 300_000
_TIMESTAMP = re.compile("[0-9]{1,16}")
_ECHO = re.compile("[!-~]{1,200}")
# Whoever counts in milliseconds is past this number of seconds.
_MILLISECONDS_FROM = 10**11


class Adapter:
    """The adapter of one verified account."""

    capabilities = Capabilities(
        text_max=TEXT_MAX,
        body_signed=False,
        reply_window=timedelta(hours=48),
        files_apart=True,
        longest_send=timedelta(seconds=http.WHOLE_CALL_SECONDS),
    )

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.capabilities = replace(self.capabilities, text_max=config.number("text_max", TEXT_MAX))

    def handshake(self, request: RawRequest) -> HttpReply | None:
        echo = dict(request.query).get("echostr", "")
        if request.method != "GET" or not _ECHO.fullmatch(echo):
            return None
        self.verify(request)
        return HttpReply(body=echo.encode())

    def verify(self, request: RawRequest) -> None:
        query = dict(request.query)
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        known = [signature(each, timestamp, nonce) for each in filter(None, self.config.secrets)]
        if not signatures.is_one_of(query.get("signature", ""), known):
            raise BadSignature("No signature fits")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise BadSignature("The timestamp is no number")
        at = int(timestamp) if int(timestamp) >= _MILLISECONDS_FROM else int(timestamp) * 1000
        if abs(request.received_at.timestamp() * 1000 - at) > SKEW_MILLISECONDS:
            raise BadSignature("The timestamp is too far from now")

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(request, account=self.config.text("account_id"))

    def accepted(self, request: RawRequest) -> HttpReply:
        # Nothing: whatever else stands there is taken for an answer to the customer.
        return HttpReply()

    def send(self, message: OutboundMessage) -> SendResult:
        form = {
            "type": "text",
            "data": json.dumps({"text": _words(message)}, ensure_ascii=False),
            "receiver_id": message.to.external_id,
            # Colleagues who look into Weibo itself find it there.
            "save_sender_box": "1",
        }
        reply = calling.exchange(
            "POST",
            f"{self.config.address('base_url', BASE_URL)}/2/messages/reply/biz.json",
            body=urlencode(form, errors="replace").encode(),
            headers={**self._token(), "content-type": "application/x-www-form-urlencoded"},
        )
        answers.read(reply, sent=True)
        # Weibo gives no id to what it takes.
        return SendResult()

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        base = self.config.address("files_url", FILES_URL)
        url = f"{base}/2/mss/msget?{urlencode({'fid': attachment.media_ref})}"
        data, mime = vendor_files.fetch(url, attachment.mime, headers=self._token())
        error = answers.error_in(data)
        if error is not None:
            raise ChannelError(error.message, permanent=not error.retryable)
        return data, mime

    def test_connection(self) -> str:
        base = self.config.address("account_url", ACCOUNT_URL)
        reply = calling.exchange("GET", f"{base}/2/account/get_uid.json", headers=self._token())
        answer = answers.read(reply, sent=False)
        try:
            found = answer.reference("uid", required=True)
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Weibo."), permanent=True) from error
        if found != self.config.text("account_id"):
            reason = _("The access token is of another account: %(id)s") % {"id": found}
            raise ChannelError(reason, permanent=True)
        return _("Ready: Weibo knows the account as %(id)s.") % {"id": found}

    def _token(self) -> dict[str, str]:
        known = calling.bearer(self.config.named_secrets.get("access_token", ""))
        return {"authorization": known["authorization"].replace("Bearer", "OAuth2", 1)}


def signature(secret: str, timestamp: str, nonce: str) -> str:
    """Return what proves a call of Weibo's: SHA-1 of the three, sorted, in one."""
    signed = "".join(sorted((secret, timestamp, nonce))).encode("utf-8", "surrogatepass")
    return hashlib.sha1(signed, usedforsecurity=False).hexdigest()


def _words(message: OutboundMessage) -> str:
    """Return what to say; a file leaves as a link: Weibo takes none in an answer."""
    if not message.attachments:
        return message.text
    file = message.attachments[0]
    return f"{file.filename}\n{file.url}".strip()
