"""The form in which a provider posts, taken apart within bounds: nothing is copied or decoded unasked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from django.utils.http import parse_header_parameters

from channels_app.protocol import BadPayload

MOST_FIELDS = 500
# Of one part; those of providers have two or three lines.
LONGEST_HEAD = 4096
# Of all parts together: reading one takes more than its length.
MOST_HEAD_BYTES = 64 * 1024
LONGEST_NAME = 200
CHUNK = 64 * 1024
_BOUNDARY = re.compile(rb"--[^\r\n]{1,200}(?=\r\n)")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a posted form, still where it stands in the call; one with a file name is a file."""

    name: str
    body: bytes
    begin: int
    end: int
    is_encoded: bool = False
    filename: str | None = None
    mime: str = ""

    @property
    def size_bytes(self) -> int:
        """Return how much of the call it takes; what it says is never more."""
        return self.end - self.begin

    def data(self) -> bytes:
        """Return what the field says."""
        if self.is_encoded:
            return _decoded(self.body, self.begin, self.end)
        return self.body[self.begin : self.end]


def fields(body: bytes) -> Iterator[Field]:
    """Yield the fields of a form of either kind. Raises BadPayload."""
    boundary = _BOUNDARY.match(body)
    found = _parts(body, boundary.group()) if boundary else _pairs(body)
    for number, field in enumerate(found):
        if number >= MOST_FIELDS:
            raise BadPayload("The form has too many fields")
        yield field


def _pairs(body: bytes) -> Iterator[Field]:
    begin = 0
    while begin <= len(body):
        end = body.find(b"&", begin)
        end = len(body) if end < 0 else end
        equals = body.find(b"=", begin, end)
        equals = end if equals < 0 else equals
        if equals - begin > LONGEST_NAME:
            raise BadPayload("The name of a field is too long")
        name = _decoded(body, begin, equals).decode("utf-8", "replace")
        yield Field(name, body, min(equals + 1, end), end, is_encoded=True)
        begin = end + 1


def _parts(body: bytes, boundary: bytes) -> Iterator[Field]:
    begin, heads = len(boundary), 0
    while body[begin : begin + 2] != b"--":
        end = body.find(b"\r\n" + boundary, begin)
        if end < 0:
            raise BadPayload("The form has no end")
        head_end = body.find(b"\r\n\r\n", begin, min(end, begin + LONGEST_HEAD))
        heads += head_end - begin
        if head_end < 0 or heads > MOST_HEAD_BYTES:
            raise BadPayload("The head of a part is too long")
        yield _part(body, begin, head_end, end)
        begin = end + 2 + len(boundary)


def _part(body: bytes, begin: int, head_end: int, end: int) -> Field:
    lines = body[begin:head_end].decode("utf-8", "replace").split("\r\n")
    named = (line.partition(":") for line in lines)
    found = {name.strip().lower(): value.strip() for name, _colon, value in named}
    _disposition, about = parse_header_parameters(found.get("content-disposition", ""))
    mime = found.get("content-type", "application/octet-stream")
    name, filename = about.get("name", ""), about.get("filename")
    return Field(name, body, head_end + 4, end, filename=filename, mime=mime)


def _decoded(body: bytes, begin: int, end: int) -> bytes:
    """Return a value without its percent signs, piece by piece: each piece of text costs forty bytes."""
    found = bytearray()
    while begin < end:
        stop = min(begin + CHUNK, end)
        cut = body.rfind(b"%", stop - 2, stop) if stop < end else -1
        # Not inside of `%41`.
        stop = cut if cut > begin else stop
        found += unquote_to_bytes(body[begin:stop].replace(b"+", b" "))
        begin = stop
    return bytes(found)
