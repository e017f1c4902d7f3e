"""How Feishu closes its calls: encrypted with a key of ours, and signed with it.

https://open.feishu.cn/document/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload

BLOCK = 16


def signature(key: str, timestamp: str, nonce: str, body: bytes) -> str:
    """Return what Feishu writes beside a call."""
    head = f"{timestamp}{nonce}{key}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(head + body).hexdigest()


def opened(body: bytes, keys: Iterable[str]) -> Fields:
    """Return what a call says, read with the first key that fits. Raises BadPayload."""
    closed = read_object(body).text("encrypt", len(body))
    reason = BadPayload("encrypt: cannot be opened")
    for key in filter(None, keys):
        found = _decrypted(closed, key)
        try:
            if found is not None:
                return read_object(found)
        except BadPayload as error:
            # Once in 256 times another key seems to fit.
            reason = error
    raise reason


def closed(content: bytes, key: str, start: bytes) -> bytes:
    """Return a call that says this, closed with a key; `start` are its first 16 bytes."""
    padder = PKCS7(BLOCK * 8).padder()
    encryptor = _cipher(key, start).encryptor()
    padded = padder.update(content) + padder.finalize()
    sealed = start + encryptor.update(padded) + encryptor.finalize()
    return json.dumps({"encrypt": base64.b64encode(sealed).decode("ascii")}).encode()


def _decrypted(closed: str, key: str) -> bytes | None:
    try:
        sealed = base64.b64decode(closed.encode("ascii"), validate=True)
        decryptor = _cipher(key, sealed[:BLOCK]).decryptor()
        padded = decryptor.update(sealed[BLOCK:]) + decryptor.finalize()
        unpadder = PKCS7(BLOCK * 8).unpadder()
        return unpadder.update(padded) + unpadder.finalize()
    except (binascii.Error, ValueError):
        return None


def _cipher(key: str, start: bytes) -> "Cipher[modes.CBC]":
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return Cipher(algorithms.AES(digest), modes.CBC(start))
