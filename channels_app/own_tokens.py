"""Tokens that we sign ourselves with a private key, where a vendor gave us one (RFC 7519)."""

import base64
import binascii
import json
from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from django.utils.translation import gettext as _

from channels_app.protocol import ChannelConfig, SendError
from channels_app.signed_tokens import encode

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
# Both halves of a signature of P-256.
_HALF = 32
_BEGINNING, _ENDING = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"


def key_of(config: ChannelConfig, name: str) -> str:
    """Return the key that a channel has; where it is the only secret, it has no name."""
    return config.named_secrets.get(name, "") or next(filter(None, config.secrets), "")


def sign(claims: Mapping[str, object], *, pem: str, key_id: str) -> str:
    """Return a token with these claims, by RS256 or ES256 as the key is. Raises SendError."""
    key = _read(pem)
    name = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    header = {"alg": name, "kid": key_id, "typ": "JWT"}
    signed = f"{_packed(header)}.{_packed(claims)}"
    return f"{signed}.{encode(_signature(key, signed.encode('ascii')))}"


def _read(pem: str) -> PrivateKey:
    """Return a key, also of one whose lines a form has run together."""
    body = pem.replace(_BEGINNING, "").replace(_ENDING, "")
    try:
        found = serialization.load_der_private_key(
            base64.b64decode("".join(body.split()).encode("ascii"), validate=True), password=None
        )
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error) as error:
        raise SendError(_("There is no usable private key yet."), kind="auth") from error
    is_known = isinstance(found, rsa.RSAPrivateKey) or (
        isinstance(found, ec.EllipticCurvePrivateKey) and isinstance(found.curve, ec.SECP256R1)
    )
    if not is_known or not isinstance(found, PrivateKey):
        raise SendError(_("There is no usable private key yet."), kind="auth")
    return found


def _signature(key: PrivateKey, signed: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    first, second = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return first.to_bytes(_HALF, "big") + second.to_bytes(_HALF, "big")


def _packed(values: Mapping[str, object]) -> str:
    return encode(json.dumps(values, separators=(",", ":")).encode())
