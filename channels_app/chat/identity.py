"""Signed identities: a site or an app's server vouches for its visitor with a short-lived token.

HS256 with one of the channel's secrets; where the channel knows public keys, RS256 and ES256 by one of them.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import cast

from channels_app.chat import public_keys
from channels_app.chat.public_keys import PublicKey
from channels_app.protocol import BadSignature, ChannelConfig, ContactIdentity

MAX_LIFE_SECONDS = 3600
CLOCK_SKEW_SECONDS = 60
MAX_TOKEN_LENGTH = 4096
# What no name or address has: controls, lone surrogates, which nothing stores, and what turns the text around it.
UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


class IdentityExpired(BadSignature):
    """The token was good once: whoever made it makes another."""


def identity_of(token: str, config: ChannelConfig, *, now: float | None = None) -> ContactIdentity:
    """Return the identity that a token stands for in a channel. Raises BadSignature."""
    return verified_identity(
        token,
        secrets=config.secrets,
        audience=config.public_id,
        now=now,
        keys=keys_of(config.settings),
    )


def keys_of(settings: Mapping[str, object]) -> Mapping[str, PublicKey]:
    """Return the public keys in a channel's settings, however the form stored them."""
    return public_keys.read_keys(keys_text(settings))


def keys_text(settings: Mapping[str, object]) -> str:
    """Return the public keys of a channel as they were pasted."""
    value = settings.get("public_keys") or ""
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def verified_identity(
    token: str,
    *,
    secrets: Sequence[str],
    audience: str,
    now: float | None = None,
    keys: Mapping[str, PublicKey] | None = None,
) -> ContactIdentity:
    """Return the identity that a token signed for the channel stands for.

    Raises BadSignature for anything else: other algorithms, other channels, expired or endless
    tokens, a missing subject.
    """
    header, claims, signed, signature = _split(token)
    if header.get("typ", "JWT") != "JWT" or "crit" in header:
        raise BadSignature("Not a token of this kind")
    if header.get("alg") == "HS256":
        fits = any([_matches(signed, signature, secret) for secret in secrets if secret])  # noqa: C419  (every secret is tried, so that time tells nothing)
    else:
        fits = public_keys.is_signed(header, signed, signature, keys or {})
    if not fits:
        raise BadSignature("The signature does not fit")
    _check_claims(claims, audience=audience, now=time.time() if now is None else now)
    return _identity(claims)


def expires_at(token: str) -> float:
    """Return when a token that was verified ends, in seconds since the epoch."""
    _header, claims, _signed, _signature = _split(token)
    return cast(float, claims["exp"])


def sign_identity(claims: Mapping[str, object], secret: str) -> str:
    """Return the token that an embedding site would make; for documentation and tests."""
    header = _encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    signed = f"{header}.{_encode(json.dumps(dict(claims)).encode())}"
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_encode(digest)}"


def _split(token: str) -> tuple[dict[str, object], dict[str, object], bytes, bytes]:
    if len(token) > MAX_TOKEN_LENGTH or token.count(".") != 2:
        raise BadSignature("Not a token")
    head, body, signature = token.split(".")
    try:
        header, claims = json.loads(_decode(head)), json.loads(_decode(body))
        decoded = _decode(signature)
    except (ValueError, RecursionError) as error:
        raise BadSignature("Not a token") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadSignature("Not a token")
    return header, claims, f"{head}.{body}".encode("ascii"), decoded


def _matches(signed: bytes, signature: bytes, secret: str) -> bool:
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return hmac.compare_digest(expected, signature)


def _check_claims(claims: Mapping[str, object], *, audience: str, now: float) -> None:
    expires = claims.get("exp")
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        raise BadSignature("The token never expires")
    if not expires >= now - CLOCK_SKEW_SECONDS:  # so written, NaN has expired too
        raise IdentityExpired("The token has expired")
    if expires > now + MAX_LIFE_SECONDS + CLOCK_SKEW_SECONDS:
        raise BadSignature("The token lives longer than an hour")
    not_before = claims.get("nbf", 0)
    if not isinstance(not_before, int | float) or not_before > now + CLOCK_SKEW_SECONDS:
        raise BadSignature("The token is not valid yet")
    if claims.get("aud") != audience:
        raise BadSignature("The token is for another channel")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 200 or UNSHOWN.search(subject):
        raise BadSignature("The token names nobody")


def _identity(claims: Mapping[str, object]) -> ContactIdentity:
    def text(name: str, limit: int) -> str:
        value = claims.get(name, "")
        return UNSHOWN.sub("", value)[:limit] if isinstance(value, str) else ""

    return ContactIdentity(
        # The prefix keeps signed subjects and anonymous visitors apart for ever.
        external_id=f"sub:{cast(str, claims['sub'])}",
        display_name=text("name", 120),
        email=text("email", 254),
        phone=text("phone", 40),
        locale=text("locale", 20),
        verified=True,
        # As in OpenID Connect: a signature says who somebody is, not whose address they typed.
        phone_verified=claims.get("phone_number_verified") is True,
        email_verified=claims.get("email_verified") is True,
    )


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(part: str) -> bytes:
    try:
        return base64.b64decode(
            part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True
        )
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("Not base64url") from error
