"""Public keys of those who sign identities with a private one: PEM, each below the line that is its name."""

import re
from collections.abc import Mapping
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

BEGINNING = "-----BEGIN PUBLIC KEY-----"
LEAST_RSA_BITS = 2048
_ENDING = "-----END PUBLIC KEY-----"
_NAMED = re.compile(rf"^([\w.:-]{{1,64}})[ \t]*\n({BEGINNING}.{{1,2000}}?{_ENDING})", re.M | re.S)
# Both halves of a signature of P-256.
_HALF, _CURVE = 32, "secp256r1"


@lru_cache(maxsize=256)
def read_keys(text: str) -> Mapping[str, PublicKey]:
    """Return the usable keys by their name (`kid`); what is broken or weak is none and fits nothing."""
    found = {name: _read(pem) for name, pem in _NAMED.findall(text)}
    return {name: key for name, key in found.items() if key is not None}


def is_signed(
    header: Mapping[str, object], signed: bytes, signature: bytes, keys: Mapping[str, PublicKey]
) -> bool:
    """Tell whether the key that the header names made the signature, in the way that the key is for."""
    kid, algorithm = header.get("kid"), header.get("alg")
    key = keys.get(kid) if isinstance(kid, str) else None
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm == "RS256":
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            return True
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm == "ES256":
            key.verify(_as_der(signature), signed, ec.ECDSA(hashes.SHA256()))
            return True
    except InvalidSignature:
        return False
    return False


def _read(pem: str) -> PublicKey | None:
    try:
        key = serialization.load_pem_public_key(pem.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA_BITS:
        return key
    is_known = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == _CURVE
    return key if is_known else None  # type: ignore[return-value]  # of that class, as was asked


def _as_der(signature: bytes) -> bytes:
    """Return a signature of a token, which is two numbers side by side, as the library wants it."""
    if len(signature) != 2 * _HALF:
        raise InvalidSignature
    first, second = signature[:_HALF], signature[_HALF:]
    return encode_dss_signature(int.from_bytes(first), int.from_bytes(second))
