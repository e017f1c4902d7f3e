"""Read the tags and texts of hostile HTML in one pass over it."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LETTERS_READ = 1_000_000
# Past so many tags a letter is only text: no letter needs them, and trees cost memory.
TAGS_READ = 15_000
ATTRIBUTES_READ = 60

VOID = frozenset(
    [
        *("area", "base", "br", "col", "embed", "frame", "hr", "img", "input"),
        *("link", "meta", "param", "source", "track", "wbr"),
    ]
)
# What a browser reads as bare text up to the end tag.
_RAW = frozenset(
    ["script", "style", "xmp", "iframe", "noembed", "noframes", "textarea", "title", "plaintext"]
)

_TAG_BEGINS = re.compile(r"<(?=[a-zA-Z!?]|/[a-zA-Z])")
_NAME = re.compile(r"[a-zA-Z][^\s/>\x00]{0,60}")
_ATTRIBUTE = re.compile(r"[\s/]*+(?:([^\s/>][^\s/>=]*+)(?:\s*+=\s*+([\"']|[^\s>]*+))?)?")
_RAW_ENDS = {name: re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE) for name in _RAW}
_NUMBER_TOO_LONG = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")
_ANY_TAG = re.compile(r"<[^<>]*>?")
_NOT_TEXT = re.compile("[\ud800-\udfff\x00]")


@dataclass(frozen=True)
class Text:
    """Words between tags, decoded."""

    text: str


@dataclass(frozen=True)
class Start:
    """An opening tag; names are in small letters, values are decoded, the first of two counts."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """A closing tag."""

    name: str


Token = Text | Start | End


def tokens(source: str, most_tags: int = TAGS_READ) -> Iterator[Token]:
    """Yield what the HTML says, in its order; what is broken is left out or taken for text.

    Past `most_tags` there is only text.
    """
    reader = _Reader(_NOT_TEXT.sub("\ufffd", source[:LETTERS_READ]))
    for _ in range(most_tags):
        yield from reader.read_text()
        if reader.at >= len(reader.source):
            return
        yield from reader.read_tag()
    yield from _texts(_ANY_TAG.sub(" ", reader.source[reader.at :]))


def decoded(text: str) -> str:
    """Return the text without entities; never raises, whatever number one of them names."""
    return html.unescape(_NUMBER_TOO_LONG.sub("\ufffd", text)) if "&" in text else text


def _texts(raw: str) -> Iterator[Text]:
    if raw:
        yield Text(_NOT_TEXT.sub("\ufffd", decoded(raw)))


class _Reader:
    """Walks over the HTML; every step ends further on, and none looks back."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0

    def read_text(self) -> Iterator[Token]:
        """Yield the text up to the next tag."""
        begin, found = self.at, _TAG_BEGINS.search(self.source, self.at)
        self.at = found.start() if found else len(self.source)
        yield from _texts(self.source[begin : self.at])

    def read_tag(self) -> Iterator[Token]:
        """Yield the tag that begins here; comments and declarations say nothing."""
        source, at = self.source, self.at
        if source.startswith("<!--", at):
            self.at = self._after("-->", at + 2)
        elif source[at + 1] in "!?":
            self.at = self._after(">", at)
        elif source[at + 1] == "/":
            yield from self._read_end()
        else:
            yield from self._read_start()

    def _after(self, mark: str, at: int) -> int:
        found = self.source.find(mark, at)
        return found + len(mark) if found >= 0 else len(self.source)

    def _read_end(self) -> Iterator[Token]:
        name = _NAME.match(self.source, self.at + 2)
        self.at = self._after(">", self.at)
        if name:
            yield End(name[0].lower())

    def _read_start(self) -> Iterator[Token]:
        name = _NAME.match(self.source, self.at + 1)
        if name is None:
            self.at += 1
            return
        self.at = name.end()
        attributes = self._read_attributes()
        if attributes is None:
            return
        tag = name[0].lower()
        yield Start(tag, attributes)
        if tag in _RAW:
            end = _RAW_ENDS[tag].search(self.source, self.at)
            self.at = end.start() if end else len(self.source)

    def _read_attributes(self) -> dict[str, str] | None:
        """Return what the tag says up to its end; None when the letter ends before."""
        attributes: dict[str, str] = {}
        while found := _ATTRIBUTE.match(self.source, self.at):
            self.at = found.end()
            name, value = found[1], found[2] or ""
            if value in ('"', "'"):
                end = self.source.find(value, self.at)
                if end < 0:
                    break
                value, self.at = self.source[self.at : end], end + 1
            if name and len(attributes) < ATTRIBUTES_READ:
                attributes.setdefault(name.lower()[:60], decoded(value))
            if self.source.startswith(">", self.at):
                self.at += 1
                return attributes
            if not found[0] or self.at >= len(self.source):
                break
        self.at = len(self.source)
        return None
