"""The cipher of WeChat and WeCom: AES-256-CBC, and a signature over what is encrypted.

https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Technical_Plan.html
"""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

# They pad to 32 bytes, although a block of AES has 16.
BLOCK = 32
_AES_BLOCK = 16
_RANDOM, _LENGTH = 16, 4
_KEY = re.compile("[A-Za-z0-9]{43}")


class Unopened(ValueError):
    """What came was not encrypted with this key, or not whole."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a call says, and whom it was encrypted for: an app or a company."""

    content: bytes
    receiver: str


def is_key(text: str) -> bool:
    """Tell whether a text is an EncodingAESKey: 43 letters and digits."""
    return _KEY.fullmatch(text) is not None


def signature(token: str, timestamp: str, nonce: str, *encrypted: str) -> str:
    """Return what proves a call: SHA-1 over the token and these, sorted."""
    joined = "".join(sorted([token, timestamp, nonce, *encrypted]))
    return hashlib.sha1(joined.encode("utf-8", "surrogatepass")).hexdigest()  # noqa: S324  (theirs)


def signatures_of(tokens: Iterable[str], timestamp: str, nonce: str, *encrypted: str) -> list[str]:
    """Return the signatures that any of the tokens would have made."""
    return [signature(token, timestamp, nonce, *encrypted) for token in tokens if token]


def encrypt(content: bytes, receiver: str, key: str) -> str:
    """Return what they would send: never the same twice."""
    plain = secrets.token_bytes(_RANDOM) + len(content).to_bytes(_LENGTH, "big") + content
    plain += receiver.encode()
    missing = BLOCK - len(plain) % BLOCK
    encryptor = _cipher(key).encryptor()
    sealed = encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()
    return base64.b64encode(sealed).decode("ascii")


def decrypt(encrypted: str, keys: Iterable[str]) -> Opened:
    """Return what was encrypted with one of the keys. Raises Unopened."""
    try:
        sealed = base64.b64decode(encrypted.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Unopened("No base64") from error
    if not sealed or len(sealed) % _AES_BLOCK:
        raise Unopened("No whole blocks")
    for key in filter(is_key, keys):
        decryptor = _cipher(key).decryptor()
        found = _read(decryptor.update(sealed) + decryptor.finalize())
        if found is not None:
            return found
    raise Unopened("No key fits")


def _cipher(key: str) -> Cipher[modes.CBC]:
    raw = base64.b64decode(key + "=")
    return Cipher(algorithms.AES(raw), modes.CBC(raw[:_AES_BLOCK]))


def _read(plain: bytes) -> Opened | None:
    missing = plain[-1]
    start = _RANDOM + _LENGTH
    if not 1 <= missing <= BLOCK or len(plain) - missing < start:
        return None
    if plain[-missing:] != bytes([missing]) * missing:
        return None
    end = start + int.from_bytes(plain[_RANDOM:start], "big")
    if end > len(plain) - missing:
        return None
    try:
        receiver = plain[end:-missing].decode("utf-8")
    except UnicodeDecodeError:
        return None
    return Opened(plain[start:end], receiver)
