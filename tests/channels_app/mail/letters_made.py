"""Mails written by hand, for tests: bytes, since half of them are wrong on purpose."""

import base64
import struct
from collections.abc import Sequence

HEADER = (
    b"From: Li Lei <li@shop.cn>\nTo: help@acme.cn\nSubject: Where is it\nMessage-ID: <1@shop.cn>\n"
)


def letter(body: bytes = b"Where is my order?\n", *fields: bytes, header: bytes = HEADER) -> bytes:
    """Return a mail with more fields, and a body."""
    return header + b"".join(field + b"\n" for field in fields) + b"\n" + body


def container(kind: str, *parts: bytes, boundary: str = "cut") -> bytes:
    """Return a multipart with its Content-Type, as a part or to follow other fields."""
    line = f"--{boundary}\n".encode()
    inside = b"".join(line + part + b"\n" for part in parts)
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n'.encode()
    return head + inside + f"--{boundary}--\n".encode()


def posted(kind: str, *parts: bytes, header: bytes = HEADER) -> bytes:
    """Return a mail made of parts."""
    return header + b"MIME-Version: 1.0\n" + container(kind, *parts)


def part(mime: str, data: bytes, *fields: bytes) -> bytes:
    """Return a part as it is written, in base64."""
    head = [f"Content-Type: {mime}".encode(), b"Content-Transfer-Encoding: base64", *fields]
    return b"\n".join(head) + b"\n\n" + base64.encodebytes(data).rstrip(b"\n")


def forwarded(raw: bytes) -> bytes:
    """Return a mail as a part of another."""
    return b"Content-Type: message/rfc822\n\n" + raw


def report(fields: bytes, original: bytes, *, words: bytes = b"It did not arrive.\n") -> bytes:
    """Return a delivery report about a mail."""
    return posted(
        'report; report-type="delivery-status"',
        b"Content-Type: text/plain\n\n" + words,
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.shop.cn\n\n" + fields,
        original,
        header=b"From: MAILER-DAEMON@mx.shop.cn\nTo: help@acme.cn\nSubject: Undelivered Mail\n",
    )


def winmail(*attributes: tuple[int, bytes]) -> bytes:
    """Return a winmail.dat of these attributes."""
    packed = b"".join(
        struct.pack("<BII", 2, name, len(value)) + value + b"\0\0" for name, value in attributes
    )
    return struct.pack("<IH", 0x223E9F78, 1) + packed


def properties(*values: tuple[int, str | bytes]) -> bytes:
    """Return the properties of a message or a file in a winmail.dat."""
    packed = [struct.pack("<I", len(values))]
    for name, value in values:
        kind = 0x1F if isinstance(value, str) else 0x102
        data = value.encode("utf-16-le") + b"\0\0" if isinstance(value, str) else value
        padding = b"\0" * (-len(data) % 4)
        packed.append(struct.pack("<HHII", kind, name, 1, len(data)) + data + padding)
    return b"".join(packed)


def nested(depth: int) -> bytes:
    """Return a mail whose parts stand inside each other."""
    levels = [
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (at, at)
        for at in range(depth)
    ]
    return HEADER + b"".join(levels) + b"\nhello\n"


def many_parts(count: int, text: bytes = b"x") -> bytes:
    """Return a mail of as many parts."""
    return (
        HEADER
        + b"Content-Type: multipart/mixed; boundary=b\n\n"
        + (b"--b\n\n" + text + b"\n") * count
    )


def html(*lines: str) -> bytes:
    """Return the fields and the body of a text in HTML."""
    return b"Content-Type: text/html; charset=utf-8\n\n" + "\n".join(lines).encode()


def plain(text: str, charset: str = "utf-8") -> bytes:
    """Return the fields and the body of a plain text."""
    return f"Content-Type: text/plain; charset={charset}\n\n{text}".encode(charset)


def addresses(count: int, joined: bytes = b", ") -> bytes:
    """Return a mail to as many people."""
    people: Sequence[bytes] = [b"someone%d@example.com" % at for at in range(count)]
    return HEADER + b"Cc: " + joined.join(people) + b"\n\nhello\n"
