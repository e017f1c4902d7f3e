import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from channels_app.chat.identity import sign_identity, verified_identity
from channels_app.protocol import BadSignature

NOW = 1_800_000_000.0
SECRET = "one-long-secret-of-the-embedding-site"
CLAIMS: dict[str, Any] = {"sub": "u-1", "aud": "channel-1", "exp": NOW + 600, "name": "高美玲"}


def raw(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def check(token: str) -> str:
    return verified_identity(token, secrets=[SECRET], audience="channel-1", now=NOW).external_id


def test_a_token_of_the_embedding_site_names_its_visitor() -> None:
    found = verified_identity(
        sign_identity(CLAIMS, SECRET), secrets=["older", SECRET], audience="channel-1", now=NOW
    )
    assert (found.external_id, found.display_name, found.verified) == ("sub:u-1", "高美玲", True)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": NOW - 120},
        {"exp": NOW + 3 * 3600},
        {"exp": None},
        {"exp": "never"},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": True},
        {"aud": "channel-2"},
        {"aud": ["channel-1"]},
        {"aud": None},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"sub": "x" * 300},
        {"sub": "u-1\x00"},
        {"sub": "u-\ud800"},
        {"sub": "u-1\n"},
        {"sub": "u-\u202e1"},
        {"nbf": NOW + 900},
        {"nbf": "soon"},
    ],
)
def test_a_signed_token_with_wrong_claims_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BadSignature):
        check(sign_identity({**CLAIMS, **changed}, SECRET))


def test_what_nothing_can_store_or_show_is_left_out_of_who_somebody_is() -> None:
    odd = "".join(map(chr, [0, 0x1B, 0x7F, 0x85, 0xDFFF, 0xD800, 0x202A, 0x202E, 0x2066, 0x2069]))
    claims = dict.fromkeys(("name", "email", "phone", "locale"), f"高{odd}a")
    found = verified_identity(
        sign_identity({**CLAIMS, **claims}, SECRET),
        secrets=[SECRET],
        audience="channel-1",
        now=NOW,
    )
    assert {found.display_name, found.email, found.phone, found.locale} == {"高a"}


@pytest.mark.parametrize("algorithm", ["none", "None", "HS512", "RS256", "", None, "hs256"])
def test_other_algorithms_are_refused_even_when_the_signature_fits(algorithm: str | None) -> None:
    signed = f"{raw({'alg': algorithm, 'typ': 'JWT'})}.{raw(CLAIMS)}"
    digest = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    for token in (f"{signed}.{signature}", f"{signed}."):
        with pytest.raises(BadSignature):
            check(token)


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b", "a.b.c", "é.é.é", "[].[].[]", "x" * 5000, f"{raw([])}.{raw([])}.AA"],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(BadSignature):
        check(token)


def test_a_changed_or_foreign_signature_is_refused() -> None:
    head, body, signature = sign_identity(CLAIMS, SECRET).split(".")
    other = raw({**CLAIMS, "sub": "u-2"})
    for token in (
        f"{head}.{other}.{signature}",
        f"{head}.{body}.{signature[:-2]}",
        f"{head}.{body}.",
        sign_identity(CLAIMS, "another secret"),
        sign_identity(CLAIMS, ""),
    ):
        with pytest.raises(BadSignature):
            check(token)


def test_a_channel_without_a_secret_recognises_nobody() -> None:
    with pytest.raises(BadSignature):
        verified_identity(sign_identity(CLAIMS, ""), secrets=[""], audience="channel-1", now=NOW)
