"""Signed identities: a site or an app's server vouches for its visitor with a short-lived token.

HS256 with one of the channel's secrets; where the channel knows public keys, RS256 and ES256 by one of them.
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import cast

from channels_app import signed_tokens
from channels_app.chat import public_keys
from channels_app.chat.public_keys import PublicKey
from channels_app.protocol import BadSignature, ChannelConfig, ContactIdentity

MAX_LIFE_SECONDS = 3600
CLOCK_SKEW_SECONDS = 60
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
    found = signed_tokens.read(token)
    if found.header.get("alg") == "HS256":
        fits = any([_matches(found.signed, found.signature, each) for each in secrets if each])  # noqa: C419  (every secret is tried, so that time tells nothing)
    else:
        fits = public_keys.is_signed(found.header, found.signed, found.signature, keys or {})
    if not fits:
        raise BadSignature("The signature does not fit")
    now = time.time() if now is None else now
    _check_claims(found.claims, audience=audience, now=now)
    return _identity(found.claims)


def expires_at(token: str) -> float:
    """Return when a token that was verified ends, in seconds since the epoch."""
    return cast(float, signed_tokens.read(token).claims["exp"])


def sign_identity(claims: Mapping[str, object], secret: str) -> str:
    """Return the token that an embedding site would make; for documentation and tests."""
    header = signed_tokens.encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    signed = f"{header}.{signed_tokens.encode(json.dumps(dict(claims)).encode())}"
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{signed_tokens.encode(digest)}"


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
