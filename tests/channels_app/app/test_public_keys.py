"""Identities signed with a private key are good for the key that the channel knows, and for no other."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.utils.translation import override

from channels_app.adapters.app.adapter import Adapter
from channels_app.chat import public_keys
from channels_app.chat.identity import identity_of, sign_identity
from channels_app.protocol import BadSignature, ChannelConfig
from helpdesk.errors import ChannelError
from tests.channels_app.app.apps import public_pem, signed_by

NOW = 1_800_000_000.0
CLAIMS = {"sub": "u-1", "aud": "channel-1", "exp": NOW + 600}
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
LINES = f"key-1\n{public_pem(RSA)}\nkey-2\n{public_pem(CURVE)}".splitlines()


def config(lines=LINES, **facts):
    return ChannelConfig("channel-1", settings={"public_keys": lines}, **facts)


def check(token, lines=LINES):
    return identity_of(token, config(lines), now=NOW).external_id


@pytest.mark.parametrize(("key", "kid"), [(RSA, "key-1"), (CURVE, "key-2")])
def test_a_token_signed_with_the_named_key_names_its_user(key, kid):
    assert check(signed_by(key, CLAIMS, kid=kid)) == "sub:u-1"


@pytest.mark.parametrize(
    ("key", "header"),
    [
        (RSA, {"kid": "key-2"}),
        (CURVE, {"kid": "key-1"}),
        (RSA, {"kid": "key-9"}),
        (RSA, {}),
        (RSA, {"kid": ["key-1"]}),
        (RSA, {"kid": "key-1", "alg": "ES256"}),
        (RSA, {"kid": "key-1", "alg": "RS512"}),
        (RSA, {"kid": "key-1", "alg": "none"}),
        (CURVE, {"kid": "key-2", "crit": ["exp"]}),
        (rsa.generate_private_key(public_exponent=65537, key_size=2048), {"kid": "key-1"}),
        (ec.generate_private_key(ec.SECP256R1()), {"kid": "key-2"}),
    ],
)
def test_a_token_of_another_key_or_for_another_is_refused(key, header):
    with pytest.raises(BadSignature):
        check(signed_by(key, CLAIMS, **header))


def test_a_changed_or_cut_signature_is_refused():
    head, body, signature = signed_by(CURVE, CLAIMS, kid="key-2").split(".")
    for token in (f"{head}.{body}.{signature[:-4]}", f"{head}.{body}.", f"{head}.{body}.AAAA"):
        with pytest.raises(BadSignature):
            check(token)


def test_a_public_key_is_no_secret():
    """The public key taken for the secret of HS256 is the oldest trick there is."""
    for secret in (public_pem(RSA), "\n".join(LINES), ""):
        head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": "key-1"}).encode())
        token = sign_identity(CLAIMS, secret)
        for each in (token, f"{head.rstrip(b'=').decode()}.{token.partition('.')[2]}"):
            with pytest.raises(BadSignature):
                check(each)


def test_weak_foreign_and_broken_keys_are_none():
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP384R1())
    text = f"a\n{public_pem(weak)}\nb\n{public_pem(curve)}\nc\n{public_pem(RSA)[:80]}\n{public_keys.BEGINNING}"
    assert public_keys.read_keys(text) == {}
    with pytest.raises(ChannelError):
        Adapter(config(text.splitlines())).test_connection()
    with pytest.raises(BadSignature):
        check(signed_by(weak, CLAIMS, kid="a"), text.splitlines())


def test_the_test_of_the_connection_says_who_may_sign():
    with override("en"):
        assert "accepted: 2" in Adapter(config()).test_connection()
        assert "secret" in Adapter(config([], secrets=("s",))).test_connection()
    with pytest.raises(ChannelError):
        Adapter(config([])).test_connection()
