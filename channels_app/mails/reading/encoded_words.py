"""Header values to text: encoded words (RFC 2047) as they should be and as they are written."""

import binascii
import re
from collections.abc import Iterator

from . import charsets

ENCODED_WORD = rb"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?="
_WORD = re.compile(ENCODED_WORD)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
# Enough for the longest subject that is kept, however it is written.
_LONGEST = 8_192
_Piece = tuple[bytes, str]


def decoded(value: bytes, charset: str = "") -> str:
    """Return the text of a header's value; `charset` is whose bytes beyond ASCII these may be."""
    value = value[:_LONGEST]
    if b"=?" not in value:
        return charsets.decode(value, charset)
    return "".join(charsets.decode(data, claimed) for data, claimed in _joined(value, charset))


def _joined(value: bytes, charset: str) -> Iterator[_Piece]:
    """Yield bytes and their charset; neighbours of one charset together, for they split characters."""
    held: _Piece = (b"", "")
    for data, claimed, is_word in _pieces(value, charset):
        if not is_word and not data.strip() and held[1]:
            continue
        name = claimed if is_word else ""
        if held[0] and is_word and name == held[1]:
            held = (held[0] + data, name)
            continue
        if held[0]:
            yield held[0], held[1] or charset
        held = (data, name)
    if held[0]:
        yield held[0], held[1] or charset


def _pieces(value: bytes, charset: str) -> Iterator[tuple[bytes, str, bool]]:
    at = 0
    for match in _WORD.finditer(value):
        if match.start() > at:
            yield value[at : match.start()], charset, False
        claimed = match[1].decode("ascii", "replace").lower()
        data = base64_bytes(match[3]) if match[2] in b"bB" else _from_q(match[3])
        yield data, claimed, True
        at = match.end()
    if at < len(value):
        yield value[at:], charset, False


def _from_q(data: bytes) -> bytes:
    return binascii.a2b_qp(data.replace(b"\r", b"").replace(b"\n", b""), header=True)


def base64_bytes(data: bytes) -> bytes:
    """Return what the base64 stands for, whatever is wrong with its length or letters."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        letters = _NOT_BASE64.sub(b"", data)
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
