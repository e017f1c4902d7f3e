"""Tokens in three parts (RFC 7519), taken apart; whether the signature fits says whoever knows the keys."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

from channels_app.protocol import BadSignature

MAX_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class SignedToken:
    """What a token says, believed by nobody yet; the signature is over the bytes in `signed`."""

    header: Mapping[str, object]
    claims: Mapping[str, object]
    signed: bytes
    signature: bytes


def read(token: str) -> SignedToken:
    """Return the parts of a token. Raises BadSignature for what is none."""
    if len(token) > MAX_LENGTH or token.count(".") != 2:
        raise BadSignature("Not a token")
    head, body, signature = token.split(".")
    try:
        header, claims = json.loads(_decode(head)), json.loads(_decode(body))
        decoded = _decode(signature)
    except (ValueError, RecursionError) as error:
        raise BadSignature("Not a token") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadSignature("Not a token")
    if header.get("typ", "JWT") != "JWT" or "crit" in header:
        raise BadSignature("Not a token of this kind")
    return SignedToken(header, claims, f"{head}.{body}".encode("ascii"), decoded)


def encode(data: bytes) -> str:
    """Return bytes as they stand in a token."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(part: str) -> bytes:
    try:
        return base64.b64decode(
            part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True
        )
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("Not base64url") from error
