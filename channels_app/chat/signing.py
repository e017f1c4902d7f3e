"""Requests that an app signs besides: fresh, and each good for one time.

The secret is in the app, where somebody may find it: it keeps requests from being made up or repeated by
chance, and proves nothing about who asks. That is what the identity is for.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping

from channels_app import limits
from channels_app.protocol import BadSignature
from channels_app.services.doors import Door
from channels_app.signatures import SKEW_SECONDS, is_one_of

SETTING, SECRET = "signed_requests", "request_secret"
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")


def signature(
    secret: str, *, method: str, path: str, timestamp: str, nonce: str, body: bytes
) -> str:
    """Return what an app writes into X-ED-Signature; `path` has its query, if there is one."""
    digest = hashlib.sha256(body).hexdigest()
    signed = "\n".join((method, path, timestamp, nonce, digest))
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def verify(
    door: Door, *, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
) -> None:
    """Raise BadSignature unless the request is signed, fresh and new, where the channel asks for that."""
    if door.settings.get(SETTING) is not True:
        return
    timestamp, nonce = headers.get("x-ed-timestamp", ""), headers.get("x-ed-nonce", "")
    # The one before stays good until the apps that have it are renewed.
    stored = (door.config.named_secrets, door.config.named_before)
    secrets = [each for known in stored if (each := known.get(SECRET, ""))]
    if not secrets or not _TIMESTAMP.fullmatch(timestamp) or not _NONCE.fullmatch(nonce):
        raise BadSignature("The request is not signed")
    if abs(time.time() - int(timestamp)) > SKEW_SECONDS:
        raise BadSignature("The request is too old, or the clock is wrong")
    expected = [
        signature(each, method=method, path=path, timestamp=timestamp, nonce=nonce, body=body)
        for each in secrets
    ]
    if not is_one_of(headers.get("x-ed-signature", ""), expected):
        raise BadSignature("The signature of the request does not fit")
    # Last, so that nobody but the app uses a nonce up.
    if not limits.is_first(f"{door.public_id}:{nonce}", 2 * SKEW_SECONDS):
        raise BadSignature("The request came before")
