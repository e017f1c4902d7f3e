"""Forty mails made to cost more than they should: each is one idea, large enough to hurt."""

import base64
import struct
from collections.abc import Callable

from tests.channels_app.mail.letters_made import (
    HEADER,
    addresses,
    letter,
    many_parts,
    nested,
    part,
    properties,
    winmail,
)

TEXT_HTML = b"Content-Type: text/html; charset=utf-8"
TNEF = b"Content-Type: application/ms-tnef"


def _html(piece: bytes, count: int) -> bytes:
    return letter(piece * count, TEXT_HTML)


def _text(piece: bytes, count: int, charset: str) -> bytes:
    return letter(piece * count, f"Content-Type: text/plain; charset={charset}".encode())


def _field(name: bytes, piece: bytes, count: int) -> bytes:
    return letter(b"hello\n", name + b": " + piece * count)


def _numbered(name: bytes, piece: bytes, count: int) -> bytes:
    return letter(b"hello\n", name + b": " + b"".join(piece % at for at in range(count)))


def _forward_bomb() -> bytes:
    return HEADER + b"Content-Type: message/rfc822\n\n" * 400 + b"hello\n"


def _base64_forward() -> bytes:
    raw = letter(b"hello\n")
    for _ in range(12):
        raw = HEADER + part("message/rfc822", raw)
    return raw


def _odd_parts(mime: bytes, count: int) -> bytes:
    return many_parts(count, b"\xe9\xff\xe8 odd").replace(
        b"--b\n", b"--b\nContent-Type: " + mime + b"\n"
    )


def _deep_and_large() -> bytes:
    return nested(40) + b"hello hello\n" * 1_500_000


def _rich_text() -> bytes:
    packed = b"\xff" + b"\x00\x1f" * 8
    rich = struct.pack("<II", 0, 0) + b"LZFu" + bytes(4) + packed * 200_000
    return letter(winmail((0x69003, properties((0x1009, rich)))), TNEF)


def _many_values() -> bytes:
    values = struct.pack("<IHHI", 5_000, 0x101E, 0x3001, 1_000_000) + bytes(4_000_000)
    return letter(winmail(*[(0x69003, values)] * 4), TNEF)


def _dashes() -> bytes:
    kind = b"Content-Type: multipart/mixed; boundary=" + b"-" * 70
    return letter(b"-" * 20_000_000, kind)


def _near_misses() -> bytes:
    return letter(b"--b\n\nx" + b"\n--bb" * 90_000, b"Content-Type: multipart/mixed; boundary=b")


def _large_attachment() -> bytes:
    file = base64.encodebytes(b"\xff\xd8\xe0" * 5_800_000)
    kind = b"Content-Type: image/jpeg; name=a.jpg\nContent-Transfer-Encoding: base64"
    return letter(file, kind)


BOMBS: dict[str, Callable[[], bytes]] = {
    "200,000 parts": lambda: many_parts(200_000),
    "200,000 parts under a boundary in capitals": lambda: many_parts(200_000).replace(
        b"boundary", b"BOUNDARY"
    ),
    "990 parts of HTML": lambda: _odd_parts(b"text/html", 490),
    "490 mails forwarded beside each other": lambda: _odd_parts(b"message/rfc822", 490),
    "400 large texts in HTML": lambda: many_parts(400, b"<p>hello</p>" * 4_000).replace(
        b"--b\n", b"--b\n" + TEXT_HTML + b"\n"
    ),
    "3,000 levels": lambda: nested(3_000),
    "400 levels": lambda: nested(400),
    "40 levels around 18 MB": _deep_and_large,
    "400 mails inside each other": _forward_bomb,
    "mails inside each other in base64": _base64_forward,
    "60,000 addresses": lambda: addresses(60_000),
    "4,900 addresses with names": lambda: _numbered(b"Cc", b"=?x-%d?q?=E9?= <a@b.cn>, ", 4_900),
    "20,000 opening brackets": lambda: _field(b"To", b"(", 20_000),
    "100,000 escaped quotes": lambda: _field(b"To", b'\\"', 100_000),
    "100,000 angle brackets": lambda: _field(b"From", b"<", 100_000),
    "100,000 colons": lambda: _field(b"Cc", b"a:", 100_000),
    "100,000 references": lambda: _field(b"References", b"<a@b.cn> ", 100_000),
    "200,000 half references": lambda: _field(b"References", b"<", 200_000),
    "9,000 encoded words": lambda: _field(b"Subject", b"=?utf-8?q?=E4=BD=A0?= ", 9_000),
    "14,000 charsets": lambda: _numbered(b"Cc", b"=?x-%d?q?=E9?= ", 14_000),
    "half encoded words": lambda: _field(b"Subject", b"=?utf-8?q?", 25_000),
    "100,000 fields": lambda: b"X-A: b\n" * 100_000 + letter(),
    "a field of 600 kB": lambda: _field(b"X-A", b"b", 600_000),
    "a header without end": lambda: b"From: a@b.cn\n" + b"X: y\n " * 4_000_000,
    "30,000 parameters": lambda: _field(b"Content-Type", b'text/plain; a="\\"; ', 12_000),
    "10,000 pieces of a name": lambda: letter(
        b"x",
        b"Content-Disposition: attachment"
        + b"".join(b"; filename*%d*=%%41" % at for at in range(10_000)),
    ),
    "spaces in parameters": lambda: _field(b"Content-Type", b"text/plain; a" + b" " * 4_000, 50),
    "a date of brackets": lambda: _field(b"Date", b"(", 200_000),
    "a boundary of dashes": _dashes,
    "90,000 almost delimiters": _near_misses,
    "18 MB in base64": _large_attachment,
    "24 MB of line ends": lambda: letter(b"\n" * 24_000_000),
    "24 MB in one line": lambda: letter(b"a" * 24_000_000),
    "24 MB of odd bytes": lambda: letter(b"\xe9a" * 12_000_000),
    "20 MB quoted": lambda: letter(
        b"=E4=BD=A0" * 2_200_000, b"Content-Transfer-Encoding: quoted-printable"
    ),
    "punycode": lambda: _text(b"a-z9", 1_000_000, "punycode"),
    "UTF-7": lambda: _text(b"+AGE-", 1_000_000, "utf-7"),
    "shifting charsets": lambda: _text(b"\x0e\x1b\x0f~{", 1_000_000, "iso-2022-kr"),
    "1,000,000 tags inside each other": lambda: _html(b"<div>", 1_000_000),
    "300,000 tables inside each other": lambda: _html(b"<table><tr><td>", 300_000),
    "1,000,000 attributes": lambda: letter(b"<a " + b"x=y " * 1_000_000, TEXT_HTML),
    "1,000,000 half tags": lambda: _html(b"<", 1_000_000),
    "1,000,000 half entities": lambda: _html(b"&", 1_000_000),
    "60,000 pictures": lambda: _html(b"<img src='cid:a'>", 60_000),
    "an invitation of half lines": lambda: letter(
        b"SUMMARY;" * 1_000_000, b"Content-Type: text/calendar"
    ),
    "500,000 files in Outlook's package": lambda: letter(
        winmail(*[(0x69002, b"")] * 500_000), TNEF
    ),
    "20,000,000 values in Outlook's package": _many_values,
    "Outlook's RTF that grows": _rich_text,
    "a report of 100,000 people": lambda: letter(
        b"--b\nContent-Type: message/delivery-status\n\n"
        + b"Final-Recipient: rfc822; a@b.cn\nAction: failed\n\n" * 100_000,
        b"Content-Type: multipart/report; boundary=b",
    ),
}
