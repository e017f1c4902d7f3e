"""Content-Type and Content-Disposition: a value and its parameters (RFC 2045, 2231, and 2047 as written)."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from . import charsets, cleaning, encoded_words

_LONGEST = 16 * 1024
_MOST_SECTIONS = 100
LONGEST_NAME = 255

# A quote that never closes runs to the end, so that no character is looked at twice.
_PARAMETER = re.compile(
    rb";[ \t]*+(?:([^\s=;\"]{1,100}+)[ \t]*+=[ \t]*+)?(?:\"((?:[^\"\\]|\\.)*)(?:\"|\\?\Z)|([^;\"]*))",
    re.DOTALL,
)
_SECTION = re.compile(r"(.+?)(?:\*(\d{1,4}))?(\*)?")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Value:
    """What the field says, in lower case, and its parameters as bytes by their names."""

    main: str = ""
    parameters: dict[str, bytes] = field(default_factory=dict)
    charset: str = ""  # of the mail, for names that are just bytes

    def plain(self, name: str) -> str:
        """Return a parameter made of plain words, such as a charset."""
        return cleaning.one_line(self.parameters.get(name, b"").decode("ascii", "replace"), 200)

    def filename(self, name: str) -> str:
        """Return a parameter that is a file's name, in whichever way it is encoded."""
        text = _joined_sections(self.parameters, name, self.charset)
        plain = self.parameters.get(name, b"")
        return cleaning.one_line(text or encoded_words.decoded(plain, self.charset), LONGEST_NAME)


def read_value(raw: bytes, charset: str = "") -> Value:
    """Return a structured field's value; what makes no sense is left out."""
    raw = raw[:_LONGEST]
    head = raw.partition(b";")[0]
    parameters: dict[str, bytes] = {}
    for match in _PARAMETER.finditer(raw, len(head)):
        if match[1] is None:
            continue
        quoted = match[2]
        value = _ESCAPED.sub(rb"\1", quoted) if quoted is not None else match[3].strip()
        parameters.setdefault(match[1].decode("ascii", "replace").lower(), value)
    words = head.decode("ascii", "replace").split()
    return Value(words[0].lower()[:200] if words else "", parameters, charset)


def _joined_sections(parameters: dict[str, bytes], name: str, charset: str) -> str:
    sections: dict[int, tuple[bytes, bool]] = {}
    for key, value in parameters.items():
        match = _SECTION.fullmatch(key)
        if (
            match is not None
            and key != name
            and match[1] == name
            and len(sections) < _MOST_SECTIONS
        ):
            sections.setdefault(int(match[2] or 0), (value, match[3] is not None))
    if not sections:
        return ""
    data, claimed = b"", charset
    for number in sorted(sections):
        value, is_encoded = sections[number]
        if number == min(sections) and is_encoded and value.count(b"'") >= 2:
            said, _, value = value.split(b"'", 2)
            claimed = said.decode("ascii", "replace") or charset
        data += unquote_to_bytes(value) if is_encoded else value
    if any(is_encoded for _, is_encoded in sections.values()):
        return charsets.decode(data, claimed)
    return encoded_words.decoded(data, charset)
