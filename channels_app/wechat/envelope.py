"""A call of WeChat or WeCom: what proves it, what is in it, and the check of an address.

Only calls in safe mode are taken: in plain mode nothing covers what they say.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from channels_app import signatures
from channels_app.protocol import BadPayload, BadSignature, ChannelConfig, HttpReply, RawRequest
from channels_app.wechat import cipher, fields
from helpdesk.errors import ChannelError

SKEW_SECONDS = 300
MOST_ENCRYPTED = 4 * 1024 * 1024
AES_KEY = "aes_key"
# What stops them from calling again.
TAKEN = HttpReply(body=b"success")
_TIMESTAMP = re.compile("[0-9]{1,12}")
_NONCE = re.compile("[!-~]{1,128}")
_ECHO = re.compile("[!-~]{1,500}")
_ECHOED = re.compile(rb"[ -~]{1,500}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """How the calls of one channel are sealed: for which receiver, an app or a company."""

    config: ChannelConfig
    receiver: str

    def verify(self, request: RawRequest) -> None:
        """Raise BadSignature unless a call was signed and sealed for this channel, within five minutes of now."""
        try:
            encrypted = _encrypted(request.body)
        except BadPayload as error:
            raise BadSignature("The call is not in safe mode") from error
        self._check(request, "msg_signature", encrypted)
        try:
            self._opened(encrypted)
        except cipher.Unopened as error:
            raise BadSignature("The call is sealed for somebody else") from error

    def read(self, request: RawRequest) -> fields.Said:
        """Return what a call says. Raises BadPayload."""
        try:
            return fields.read(self._opened(_encrypted(request.body)))
        except cipher.Unopened as error:
            raise BadPayload("body: cannot be opened") from error

    def greeted_plainly(self, request: RawRequest) -> HttpReply | None:
        """Return what answers WeChat's check of an address: the word it sends; None when it is none."""
        echo = dict(request.query).get("echostr", "")
        if request.method != "GET" or not _ECHO.fullmatch(echo):
            return None
        self._check(request, "signature")
        return HttpReply(body=echo.encode())

    def greeted_sealed(self, request: RawRequest) -> HttpReply | None:
        """Return what answers WeCom's check of an address: the word in what it sends; None when it is none."""
        echo = dict(request.query).get("echostr", "")
        if request.method != "GET" or not echo:
            return None
        self._check(request, "msg_signature", echo)
        try:
            word = self._opened(echo)
        except cipher.Unopened as error:
            raise BadSignature("The call is sealed for somebody else") from error
        if not _ECHOED.fullmatch(word):
            raise BadSignature("The word to answer is unusable")
        return HttpReply(body=word)

    def check_secrets(self) -> None:
        """Raise ChannelError unless the secrets of the channel can open its calls."""
        if not any(self.config.secrets) or not any(map(cipher.is_key, self._keys())):
            reason = _("The token, or the EncodingAESKey of 43 characters, is missing.")
            raise ChannelError(reason, permanent=True)

    def _check(self, request: RawRequest, name: str, *encrypted: str) -> None:
        query = dict(request.query)
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if not (_TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce)):
            raise BadSignature("The timestamp or the nonce is missing")
        if abs(request.received_at.timestamp() - int(timestamp)) > SKEW_SECONDS:
            raise BadSignature("The timestamp is too far from now")
        known = cipher.signatures_of(self.config.secrets, timestamp, nonce, *encrypted)
        if not signatures.is_one_of(query.get(name, ""), known):
            raise BadSignature("No signature fits")

    def _opened(self, encrypted: str) -> bytes:
        opened = cipher.decrypt(encrypted, self._keys())
        if not self.receiver or opened.receiver != self.receiver:
            raise cipher.Unopened("For somebody else")
        return opened.content

    def _keys(self) -> list[str]:
        config = self.config
        return [known.get(AES_KEY, "") for known in (config.named_secrets, config.named_before)]


def _encrypted(body: bytes) -> str:
    return fields.read(body).data.identifier("encrypt", MOST_ENCRYPTED, required=True)
