"""Public keys by which a vendor proves its calls: fetched time and again as a place of the channel, and kept there.

They are kept below the address that they came from: those of another address prove nothing.
"""

import base64
import binascii
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from channels_app.chat import public_keys
from channels_app.chat.public_keys import PublicKey
from channels_app.json_fields import Fields

# The place where they are fetched, and the capability of kinds that have it.
PLACE = "vendor_keys"
MOST_KEYS = 100
MOST_MODULUS = 2000


def keep(address: str, keys: Mapping[str, PublicKey]) -> str:
    """Return keys as they are kept: an address, and each in PEM below its name."""
    pems = (f"{name}\n{_pem(key)}" for name, key in keys.items())
    return "\n".join((address, *pems))


def kept(text: str, address: str) -> Mapping[str, PublicKey]:
    """Return the keys that came from this address, by their names; none where they came from another."""
    came_from, _line, pems = text.partition("\n")
    return public_keys.read_keys(pems) if came_from == address else {}


def rsa_keys(answer: Fields, is_wanted: Callable[[Fields], bool]) -> dict[str, PublicKey]:
    """Return the wanted RSA keys of a JSON Web Key Set (RFC 7517) by their names; what is broken or weak is none.

    Raises BadPayload for what is no such set.
    """
    found: dict[str, PublicKey] = {}
    for each in answer.each("keys", MOST_KEYS):
        if each.line("kty", 20) != "RSA" or each.line("use", 20) not in {"", "sig"}:
            continue
        key = _rsa_key(each.identifier("n", MOST_MODULUS), each.identifier("e", 20))
        if key is not None and is_wanted(each):
            found[each.identifier("kid", 64, required=True)] = key
    return found


def _rsa_key(modulus: str, exponent: str) -> PublicKey | None:
    try:
        key = rsa.RSAPublicNumbers(_number(exponent), _number(modulus)).public_key()
    except ValueError:
        return None
    return key if key.key_size >= public_keys.LEAST_RSA_BITS else None


def _number(text: str) -> int:
    """Return a number of a key. Raises ValueError."""
    try:
        data = text.encode("ascii") + b"=" * (-len(text) % 4)
        return int.from_bytes(base64.b64decode(data, altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("Not base64url") from error


def _pem(key: PublicKey) -> str:
    shape = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, shape).decode("ascii").strip()
