"""The header of a mail or of one part: fields by name, unfolded, as bytes."""

import re
from dataclasses import dataclass, field

from . import cleaning, encoded_words

MOST_FIELDS = 2_000
LONGEST_HEADER = 512 * 1024
LONGEST_FIELD = 256 * 1024

_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]{0,20}:(.*)", re.DOTALL)
_MORE = re.compile(rb"[ \t]+[^\s]|[!-9;-~]{1,100}[ \t]{0,20}:")


@dataclass(frozen=True, slots=True)
class Headers:
    fields: dict[str, list[bytes]] = field(default_factory=dict)
    has_odd_lines: bool = False

    def all(self, name: str) -> list[bytes]:
        """Return the values of every field of this name, topmost first; the name is in lower case."""
        return self.fields.get(name, [])

    def first(self, name: str) -> bytes:
        """Return the value of the topmost field of this name; empty where there is none."""
        values = self.fields.get(name)
        return values[0] if values else b""

    def text(self, name: str, limit: int = 1_000, charset: str = "") -> str:
        """Return the topmost field of this name as one clean line of text."""
        return cleaning.one_line(encoded_words.decoded(self.first(name), charset), limit)

    def token(self, name: str) -> str:
        """Return the first word of the field, in lower case."""
        words = self.first(name)[:200].decode("ascii", "replace").split(";")[0].split()
        return cleaning.one_line(words[0], 100).lower() if words else ""


def read_headers(raw: bytes, start: int, end: int) -> tuple[Headers, int]:
    """Return the header that begins there, and where the body begins; bounded, never fails.

    A line that is neither a field nor the rest of one ends the header, as a body without the empty
    line before it does, unless more header follows it.
    """
    fields: dict[str, list[list[bytes]]] = {}
    current: list[bytes] = []
    at, count, odd = start, 0, False
    if raw.startswith((b"From ", b">From "), at, end):
        at = _after_line(raw, at, end)
    limit = min(end, start + LONGEST_HEADER)
    while at < limit:
        after = _after_line(raw, at, end)
        line = raw[at : min(after, limit)]
        if not line.strip(b"\r\n"):
            return Headers(_unfolded(fields), odd), after
        match = _FIELD.match(line)
        if line[:1] in b" \t" and current:
            current.append(line)
        elif match is not None:
            current = [match[2]]
            if count < MOST_FIELDS:
                fields.setdefault(match[1].decode("ascii").lower(), []).append(current)
            count += 1
        elif odd or not fields or not _MORE.match(raw, after, end):
            return Headers(_unfolded(fields), True), at
        else:
            odd = True
        at = after
    return Headers(_unfolded(fields), odd), at


def _after_line(raw: bytes, at: int, end: int) -> int:
    newline = raw.find(b"\n", at, end)
    return end if newline < 0 else newline + 1


def _unfolded(fields: dict[str, list[list[bytes]]]) -> dict[str, list[bytes]]:
    # The line ends go, the space that began the next line stays: so does a folded word.
    return {name: [_even(b"".join(pieces)) for pieces in values] for name, values in fields.items()}


def _even(value: bytes) -> bytes:
    return value[:LONGEST_FIELD].replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"").strip()
