"""winmail.dat opened: what Outlook packs its files and texts into (MS-OXTNEF).

The one library for it has the wrong licence for us and no release in years; this reads as much of
the format as mails use, and goes by what is there rather than by the lengths it claims.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..letter import Part
from . import charsets, cleaning, rich_text

_SIGNATURE = 0x223E9F78
_MOST_ATTRIBUTES = 10_000
_MOST_PROPERTIES = 5_000
_MOST_VALUES = 1_000
MOST_PARTS = 200

_BODY, _CODE_PAGE, _MESSAGE_PROPERTIES = 0x2800C, 0x69007, 0x69003
_NEW_FILE, _FILE_TITLE, _FILE_DATA, _FILE_PROPERTIES = 0x69002, 0x18010, 0x6800F, 0x69005

_TEXT, _UNICODE, _BINARY, _OBJECT, _MANY = 0x1E, 0x1F, 0x102, 0x0D, 0x1000
_SIZES = {
    **dict.fromkeys((0x02, 0x03, 0x04, 0x0A, 0x0B), 4),
    **dict.fromkeys((0x05, 0x06, 0x07, 0x14, 0x40), 8),
    0x48: 16,
}
_PLAIN_BODY, _RICH_BODY, _HTML_BODY = 0x1000, 0x1009, 0x1013
_LONG_NAME, _SHORT_NAME, _SHOWN_NAME = 0x3707, 0x3704, 0x3001
_MIME, _CONTENT_ID, _DATA = 0x370E, 0x3712, 0x3701


@dataclass(slots=True)
class Opened:
    """What was inside; `rich` is the body in RTF where there is no other."""

    text: str = ""
    html: str = ""
    rich: bytes = b""
    parts: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class _File:
    title: str = ""
    data: bytes = b""
    properties: dict[int, bytes | str] = field(default_factory=dict)


def opened(data: bytes) -> Opened | None:
    """Return what is inside, as far as it can be read; None where this is no such file."""
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != _SIGNATURE:
        return None
    found, files, page = Opened(), list[_File](), "cp1252"
    for name, value in _attributes(data):
        if name == _CODE_PAGE and len(value) >= 4:
            page = charsets.codec_of(f"cp{struct.unpack_from('<I', value)[0]}") or page
        elif name == _BODY:
            found.text = charsets.decode(value, page)
        elif name == _MESSAGE_PROPERTIES:
            _read_message(found, dict(_properties(value, page)), page)
        elif name == _NEW_FILE:
            files.append(_File())
        elif files:
            _read_file(files[-1], name, value, page)
    found.parts = [_part(file) for file in files if file.data][:MOST_PARTS]
    return found


def _read_message(found: Opened, properties: dict[int, bytes | str], page: str) -> None:
    found.text = _as_text(properties.get(_PLAIN_BODY, ""), page) or found.text
    found.html = _as_text(properties.get(_HTML_BODY, ""), page)
    rich = properties.get(_RICH_BODY)
    if isinstance(rich, bytes) and not found.text and not found.html:
        found.rich = rich_text.unpacked(rich)


def _read_file(file: _File, name: int, value: bytes, page: str) -> None:
    if name == _FILE_TITLE:
        file.title = charsets.decode(value.rstrip(b"\0"), page)
    elif name == _FILE_DATA:
        file.data = value
    elif name == _FILE_PROPERTIES:
        file.properties = dict(_properties(value, page))
        inner = file.properties.get(_DATA)
        if isinstance(inner, bytes) and not file.data:
            file.data = inner[16:]  # behind the identifier of its interface


def _part(file: _File) -> Part:
    names = (file.properties.get(name) for name in (_LONG_NAME, _SHORT_NAME, _SHOWN_NAME))
    name = next((name for name in names if isinstance(name, str) and name), file.title)
    mime, content_id = file.properties.get(_MIME, ""), file.properties.get(_CONTENT_ID, "")
    return Part(
        data=file.data,
        filename=cleaning.one_line(name, 255),
        mime=cleaning.one_line(mime if isinstance(mime, str) else "", 100).lower(),
        content_id=cleaning.one_line(content_id if isinstance(content_id, str) else "", 250),
    )


def _as_text(value: bytes | str, page: str) -> str:
    return value if isinstance(value, str) else charsets.decode(value, page)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 6
    for _ in range(_MOST_ATTRIBUTES):
        if at + 9 > len(data):
            return
        name, length = struct.unpack_from("<xII", data, at)
        yield name, data[at + 9 : at + 9 + length]
        at += 9 + length + 2


def _properties(data: bytes, page: str) -> Iterator[tuple[int, bytes | str]]:
    """Yield identifiers and values of those that are text or bytes, as far as the data goes."""
    try:
        yield from _cut(data, page)
    except struct.error:
        return


def _cut(data: bytes, page: str) -> Iterator[tuple[int, bytes | str]]:
    (count,) = struct.unpack_from("<I", data)
    at = 4
    for _ in range(min(count, _MOST_PROPERTIES)):
        kind, name = struct.unpack_from("<HH", data, at)
        at += 4
        if name >= 0x8000:
            at = _after_name(data, at)
        plain = kind & ~_MANY
        values = 1
        if kind & _MANY or plain not in _SIZES:
            (values,) = struct.unpack_from("<I", data, at)
            at += 4
        for _ in range(min(values, _MOST_VALUES)):
            if plain in _SIZES:
                at += _SIZES[plain]
                continue
            (length,) = struct.unpack_from("<I", data, at)
            value = data[at + 4 : at + 4 + length]
            at += 4 + length + -length % 4
            yield name, _value(plain, value, page)


def _after_name(data: bytes, at: int) -> int:
    (is_word,) = struct.unpack_from("<I", data, at + 16)
    if not is_word:
        return at + 24
    (length,) = struct.unpack_from("<I", data, at + 20)
    return int(at + 24 + length + -length % 4)


def _value(kind: int, value: bytes, page: str) -> bytes | str:
    if kind == _UNICODE:
        return value.decode("utf-16-le", "replace").rstrip("\0")
    if kind == _TEXT:
        return charsets.decode(value.rstrip(b"\0"), page)
    return value
