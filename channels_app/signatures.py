"""What proves a call: one comparison for all vendors, and Standard Webhooks, both ways.

Those sign `id.timestamp.body` with HMAC-SHA256.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime

from channels_app.protocol import BadSignature, RawRequest

SKEW_SECONDS = 300
# More signatures than anybody has secrets; each one costs a comparison with every secret.
MOST_SIGNATURES = 16
MOST_HEADER = 2000
_PREFIX = "whsec_"
_VERSION = "v1,"
# Visible ASCII without the full stop, which divides the parts that are signed.
_IDENTIFIER = re.compile(r"[!-\-/-~]{1,200}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def is_one_of(given: str, expected: Iterable[str]) -> bool:
    """Tell whether a signature is one of these; everything is compared, so that time tells nothing."""
    found = _bytes(given)
    return any([hmac.compare_digest(_bytes(each), found) for each in expected])  # noqa: C419  (no generator stops early)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def verify(request: RawRequest, secrets: Iterable[str]) -> None:
    """Raise BadSignature unless one of the secrets signed this very call within five minutes of now."""
    identifier = request.headers.get("webhook-id", "")
    timestamp = request.headers.get("webhook-timestamp", "")
    header = request.headers.get("webhook-signature", "")
    if not _IDENTIFIER.fullmatch(identifier):
        raise BadSignature("The webhook-id is missing or unusable")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature("The webhook-timestamp is missing or no number")
    if abs(request.received_at.timestamp() - int(timestamp)) > SKEW_SECONDS:
        raise BadSignature("The webhook-timestamp is too far from now")
    given = _signatures(header)
    expected = [_signature(key, identifier, timestamp, request.body) for key in keys_of(secrets)]
    if not any([hmac.compare_digest(mine, each) for mine in expected for each in given]):  # noqa: C419  (everything is compared, so that time tells nothing)
        raise BadSignature("No signature fits")


def signed_headers(
    identifier: str, body: bytes, *, secrets: Iterable[str], at: datetime
) -> dict[str, str]:
    """Return the headers that prove a call of ours, with one signature for each secret."""
    timestamp = str(int(at.timestamp()))
    signatures = [_signature(key, identifier, timestamp, body) for key in keys_of(secrets)]
    return {
        "webhook-id": identifier,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_VERSION + each.decode("ascii") for each in signatures),
    }


def keys_of(secrets: Iterable[str]) -> list[bytes]:
    """Return the keys behind the secrets; what is empty or broken is none and fits nothing."""
    return [key for key in map(_key, secrets) if key]


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode("utf-8", "surrogatepass")
    text = secret.removeprefix(_PREFIX)
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""


def _signature(key: bytes, identifier: str, timestamp: str, body: bytes) -> bytes:
    signed = f"{identifier}.{timestamp}.".encode("ascii") + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())


def _signatures(header: str) -> list[bytes]:
    parts = header.split(" ") if len(header) <= MOST_HEADER and header.isascii() else []
    if len(parts) > MOST_SIGNATURES:
        raise BadSignature("Too many signatures")
    return [part.removeprefix(_VERSION).encode() for part in parts if part.startswith(_VERSION)]
