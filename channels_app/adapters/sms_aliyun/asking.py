"""Asks Alibaba Cloud something, signed as its third version asks for, and says what its answer means.

https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Literal
from urllib.parse import quote, urlsplit
from uuid import uuid4

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import calling, http
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, ChannelConfig, SendError

BASE_URL = "https://dysmsapi.aliyuncs.com"
VERSION = "2017-05-25"
ALGORITHM = "ACS3-HMAC-SHA256"
PAUSE = timedelta(minutes=1)
_NOTHING = hashlib.sha256(b"").hexdigest()
Kind = Literal["quota", "auth", "rate", "blocked", "undeliverable", "server"]
_KINDS: dict[str, Kind] = {
    "isv.BUSINESS_LIMIT_CONTROL": "rate",
    "isv.DAY_LIMIT_CONTROL": "quota",
    "isv.AMOUNT_NOT_ENOUGH": "auth",
    "isv.OUT_OF_SERVICE": "auth",
    "isv.PRODUCT_UN_SUBSCRIPT": "auth",
    "isv.PRODUCT_UNSUBSCRIBE": "auth",
    "isv.ACCOUNT_NOT_EXISTS": "auth",
    "isv.ACCOUNT_ABNORMAL": "auth",
    "isv.SMS_SIGNATURE_ILLEGAL": "auth",
    "isv.SMS_SIGN_ILLEGAL": "auth",
    "isv.SMS_TEMPLATE_ILLEGAL": "auth",
    "isv.MOBILE_NUMBER_ILLEGAL": "undeliverable",
    "isv.BLACK_KEY_CONTROL_LIMIT": "undeliverable",
    "isp.RAM_PERMISSION_DENY": "auth",
    "isp.SYSTEM_ERROR": "server",
    "SignatureDoesNotMatch": "auth",
    "IncompleteSignature": "auth",
    "InvalidTimeStamp.Expired": "auth",
    "Forbidden.RAM": "auth",
    "NoPermission": "auth",
    "ServiceUnavailable": "server",
    "InternalError": "server",
}


def ask(
    config: ChannelConfig, action: str, values: Mapping[str, str], *, sent: bool = False
) -> Fields:
    """Return the answer to a call that succeeded. Raises SendError."""
    base = config.address("base_url", BASE_URL)
    query = canonical(values)
    headers = {
        "host": urlsplit(base).netloc,
        "x-acs-action": action,
        "x-acs-content-sha256": _NOTHING,
        "x-acs-date": timezone.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": uuid4().hex,
        "x-acs-version": VERSION,
    }
    proof = authorization(
        query, headers, key_id=config.text("access_key_id"), secret=_secret(config)
    )
    reply = calling.exchange(
        "POST", f"{base}/?{query}", body=b"", headers={**headers, "authorization": proof}
    )
    return _read(reply, sent=sent)


def canonical(values: Mapping[str, str]) -> str:
    """Return a query as it is signed and sent."""
    pairs = sorted(
        (quote(name, safe="~"), quote(value, safe="~")) for name, value in values.items()
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def authorization(query: str, headers: Mapping[str, str], *, key_id: str, secret: str) -> str:
    """Return what proves a call without a body."""
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    signed = "\n".join(("POST", "/", query, lines, names, _NOTHING))
    digest = hashlib.sha256(signed.encode()).hexdigest()
    text = f"{ALGORITHM}\n{digest}".encode()
    proof = hmac.new(secret.encode("utf-8", "surrogatepass"), text, hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={proof}"


def _secret(config: ChannelConfig) -> str:
    found = config.named_secrets.get("access_key_secret", "")
    key_id = config.text("access_key_id")
    if not found or not key_id.isascii() or not key_id.isprintable() or not key_id:
        raise SendError(_("There is no usable access key yet."), kind="auth")
    return found


def _read(reply: http.Reply, *, sent: bool) -> Fields:
    try:
        answer = read_object(reply.content)
        code, said = answer.line("Code", 200), answer.line("Message", 1000)
    except BadPayload as error:
        if reply.status != HTTPStatus.OK:
            raise calling.refusal(reply) from error
        code, said = "", ""
    if code == "OK":
        return answer
    if code:
        raise _refusal(code, said, sent=sent)
    if reply.status != HTTPStatus.OK:
        raise calling.refusal(reply)
    # Something in between wrote this; what we sent may have gone through it.
    reason = _("What answers there is not Alibaba Cloud.")
    raise SendError(reason, kind="server", ambiguous=sent)


def _refusal(code: str, said: str, *, sent: bool) -> SendError:
    kind = _kind_of(code)
    reason = _("Alibaba Cloud answers: %(reason)s (%(code)s)") % {
        "reason": said[:200],
        "code": code,
    }
    is_passing = kind in {"rate", "server"}
    return SendError(
        reason,
        kind=kind,
        retryable=is_passing,
        retry_after=PAUSE if kind == "rate" else None,
        # They do not know one message again: a receipt tells, or a person looks.
        ambiguous=sent and kind == "server",
    )


def _kind_of(code: str) -> Kind:
    if code.startswith("Throttling"):
        return "rate"
    if code.startswith("InvalidAccessKeyId"):
        return "auth"
    return _KINDS.get(code, "undeliverable")


def sent_at(text: str) -> datetime:
    """Return one of their times, which are China's without saying so. Raises ValueError."""
    return datetime.strptime(f"{text} +0800", "%Y-%m-%d %H:%M:%S %z")
