"""Make the HTML of a letter harmless, once, when it arrives; fill in its pictures when it is shown."""

import html as entities
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import nh3

from channels_app.letters.appearance import ATTRIBUTES, STYLES, harmless, is_hidden
from channels_app.letters.markup import LETTERS_READ, VOID, Start, Text, tokens

PICTURES = 200
DATA_PICTURE = 270_000  # letters in base64: 200 kB
ADDRESS_LENGTH = 2_000
DEPTH = 150
EMPHASIS_DEPTH = 16
SETTLING = 5

_BLOCKS = frozenset(
    [
        *("address", "blockquote", "center", "dd", "div", "dl", "dt", "figcaption", "figure"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "table", "ul"),
    ]
)
_INLINE_TAGS = frozenset(
    [
        *("a", "abbr", "cite", "del", "dfn", "ins", "kbd", "mark"),
        *("q", "samp", "span", "sub", "sup", "var"),
    ]
)
# A browser opens these anew in every block that follows an unclosed one: few may be open.
_EMPHASIS = frozenset(
    ["b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u"]
)
_TABLE = frozenset(["caption", "col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"])
TAGS = _BLOCKS | _INLINE_TAGS | _EMPHASIS | _TABLE | {"br", "img"}
_AS_DIV = frozenset(
    ["article", "aside", "body", "fieldset", "footer", "form", "header", "main", "nav", "section"]
)
# Nothing between these tags is for the reader.
_SWALLOWED = frozenset(
    ["applet", "audio", "button", "canvas", "math", "object", "select", "svg", "template", "video"]
)
# An end tag closes nothing outside of these, as in a browser.
_WALLS = frozenset(["table", "td", "th", "caption"])
# A start tag closes its kin up to here.
_KIN = {
    "li": (frozenset(["li"]), frozenset(["ul", "ol", *_WALLS])),
    "dd": (frozenset(["dd", "dt"]), frozenset(["dl", *_WALLS])),
    "dt": (frozenset(["dd", "dt"]), frozenset(["dl", *_WALLS])),
    "td": (frozenset(["td", "th"]), frozenset(["table"])),
    "th": (frozenset(["td", "th"]), frozenset(["table"])),
    "tr": (frozenset(["tr", "caption", "colgroup"]), frozenset(["table"])),
    "a": (frozenset(["a"]), _WALLS),
    **dict.fromkeys(
        ("tbody", "thead", "tfoot"),
        (frozenset(["tbody", "thead", "tfoot", "caption", "colgroup"]), frozenset(["table"])),
    ),
}

_IGNORED_IN_ADDRESSES = re.compile(r"[\x00-\x20\x7f-\xa0\u200b\ufeff]+")
_LINK = re.compile(r"(?:https?://|mailto:|tel:)[^\s<>\"'`\\]+", re.IGNORECASE)
_REMOTE = re.compile(r"https?://[^\s<>\"'`\\]+", re.IGNORECASE)
_INLINE = re.compile(r"cid:[^\s<>\"'`\\]{1,300}", re.IGNORECASE)
_DATA = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/]+={0,2}", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,3}")
_LINK_OPENS = {"rel": "noopener noreferrer nofollow", "target": "_blank"}

Picture = Callable[[Mapping[str, str]], dict[str, str] | None]


@dataclass(frozen=True)
class Clean:
    """A harmless letter, and the addresses of the pictures it would have fetched, in their order."""

    html: str
    remote_pictures: tuple[str, ...]


def clean(html: str) -> Clean:
    """Return the letter without anything that runs, loads or hides; the same again for its own result."""
    source = html[:LETTERS_READ]
    while True:
        remote: dict[str, int] = {}
        done = _settled(source, remote)
        if done is not None:
            return Clean(done, tuple(remote))
        source = source[: len(source) // 2]


def show(html: str, *, inline: Mapping[str, str], remote: Mapping[int, str]) -> str:
    """Return a cleaned letter with addresses for its pictures: by content id and by number."""

    def picture(attributes: Mapping[str, str]) -> dict[str, str]:
        source, number = attributes.get("src", ""), attributes.get("data-remote", "")
        shown = {"alt": attributes.get("alt", "")}
        if _INLINE.fullmatch(source):
            address = inline.get(source[4:])
        elif _NUMBER.fullmatch(number):
            shown["data-remote"] = number
            address = remote.get(int(number))
        else:
            address = source if _is_small_picture(source) else None
        return {"src": address} | shown if address else shown

    return _rewritten(html, picture)


def _settled(source: str, remote: dict[str, int]) -> str | None:
    """Clean until cleaning again changes nothing; None when escaping made too much of the letter.

    A letter that never settles becomes its bare text.
    """
    done = source
    for _ in range(SETTLING):
        # Two walls: what our own reading lets through is read again by a browser's rules.
        written = _rewritten(done, lambda found: _blocked(found, remote))
        if len(written) > LETTERS_READ:
            return None
        before, done = done, _BROWSER_RULES.clean(written)
        if done == before:
            return done
    return _escaped("".join(token.text for token in tokens(done) if isinstance(token, Text)))


def _rewritten(source: str, picture: Picture) -> str:
    writer = _Writer(picture)
    for token in tokens(source):
        if isinstance(token, Text):
            writer.text(token.text)
        elif isinstance(token, Start):
            writer.start(token.name, token.attributes)
        else:
            writer.end(token.name)
    return writer.finished()


def _blocked(attributes: Mapping[str, str], remote: dict[str, int]) -> dict[str, str] | None:
    """Return a picture's source if it comes with the letter, or its number instead of an address."""
    kept = {"alt": attributes["alt"]} if "alt" in attributes else {}
    source = _address(attributes.get("src", "")) or _first_of(attributes.get("srcset", ""))
    if _INLINE.fullmatch(source):
        return {"src": f"cid:{source[4:]}"} | kept
    if _is_small_picture(source):
        return {"src": source} | kept
    if source.startswith("//"):
        source = f"https:{source}"
    if _REMOTE.fullmatch(source) and len(source) <= ADDRESS_LENGTH:
        if source not in remote and len(remote) >= PICTURES:
            return kept or None
        return {"alt": "", "data-remote": str(remote.setdefault(source, len(remote)))} | kept
    number = attributes.get("data-remote", "")
    if not source and _NUMBER.fullmatch(number) and int(number) < PICTURES:
        return {"alt": "", "data-remote": number} | kept
    return kept if kept.get("alt") else None


def _address(raw: str) -> str:
    return _IGNORED_IN_ADDRESSES.sub("", raw)


def _first_of(sources: str) -> str:
    return next(iter(sources[:ADDRESS_LENGTH].split()), "").rstrip(",")


def _is_small_picture(source: str) -> bool:
    return len(source) <= DATA_PICTURE and bool(_DATA.fullmatch(source))


def _escaped(text: str, *, in_quotes: bool = False) -> str:
    escaped = entities.escape(text, quote=False).replace("\xa0", "&nbsp;")
    return escaped.replace('"', "&quot;") if in_quotes else escaped


@dataclass
class _Writer:
    """Writes tags that are allowed, always closed in order and never nested too deep."""

    picture: Picture
    parts: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    # Where in `open` the outermost tag stands whose content nobody sees.
    hidden_at: int | None = None
    emphasised: int = 0

    def text(self, text: str) -> None:
        if self.hidden_at is None:
            self.parts.append(_escaped(text))

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        tag = "div" if tag in _AS_DIV else tag
        if tag in _BLOCKS:
            self._close_paragraph()
        if tag in _KIN:
            self._close_kin(*_KIN[tag])
        if tag in VOID:
            if tag in TAGS and self.hidden_at is None:
                self._write(tag, attributes)
        elif tag in _SWALLOWED or (tag in TAGS and is_hidden(attributes)):
            self._open_hidden(tag)
        elif tag in TAGS and self._has_room(tag):
            self.open.append(tag)
            self.emphasised += tag in _EMPHASIS
            if self.hidden_at is None:
                self._write(tag, attributes)

    def end(self, tag: str) -> None:
        tag = "div" if tag in _AS_DIV else tag
        for at in range(len(self.open) - 1, -1, -1):
            if self.open[at] == tag:
                self._close_to(at)
                return
            if self.open[at] in _WALLS and tag not in _TABLE and tag != "table":
                return

    def finished(self) -> str:
        """Close what is open and return everything written."""
        self._close_to(0)
        return "".join(self.parts)

    def _has_room(self, tag: str) -> bool:
        return len(self.open) < DEPTH and (tag not in _EMPHASIS or self.emphasised < EMPHASIS_DEPTH)

    def _open_hidden(self, tag: str) -> None:
        if len(self.open) < DEPTH:
            if self.hidden_at is None:
                self.hidden_at = len(self.open)
            self.open.append(tag)
            self.emphasised += tag in _EMPHASIS

    def _write(self, tag: str, attributes: Mapping[str, str]) -> None:
        kept = harmless(tag, attributes)
        if tag == "img":
            source = self.picture(attributes)
            if source is None:
                return
            kept |= source
        elif tag == "a":
            href = _address(attributes.get("href", ""))
            href = f"https:{href}" if href.startswith("//") else href
            if _LINK.fullmatch(href) and len(href) <= ADDRESS_LENGTH:
                kept["href"] = href
            kept |= _LINK_OPENS
        written = "".join(
            f' {name}="{_escaped(value, in_quotes=True)}"' for name, value in sorted(kept.items())
        )
        self.parts.append(f"<{tag}{written}>")

    def _close_paragraph(self) -> None:
        self._close_kin(frozenset(["p"]), _WALLS)

    def _close_kin(self, kin: frozenset[str], walls: frozenset[str]) -> None:
        for at in range(len(self.open) - 1, -1, -1):
            if self.open[at] in kin:
                self._close_to(at)
                return
            if self.open[at] in walls:
                return

    def _close_to(self, at: int) -> None:
        while len(self.open) > at:
            tag = self.open.pop()
            self.emphasised -= tag in _EMPHASIS
            if self.hidden_at is None:
                self.parts.append(f"</{tag}>")
            elif self.hidden_at == len(self.open):
                self.hidden_at = None


def _second_look(tag: str, name: str, value: str) -> str | None:
    """Refuse what the first wall would never have written."""
    if tag == "img" and name == "src":
        return value if _INLINE.fullmatch(value) or _is_small_picture(value) else None
    if name == "data-remote":
        return value if _NUMBER.fullmatch(value) else None
    if tag == "a" and name == "href":
        return value if _LINK.fullmatch(value) else None
    if tag == "a" and name in _LINK_OPENS:
        return _LINK_OPENS[name]
    if name == "alt":
        return value
    return harmless(tag, {name: value}).get(name)


_BROWSER_RULES = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags={"script", "style"},
    attributes={
        **{tag: set(names) for tag, names in ATTRIBUTES.items()},
        "*": {*ATTRIBUTES["*"], "style"},
        "img": {*ATTRIBUTES["img"], "alt", "data-remote", "src"},
        "a": {"href", "rel", "target"},
    },
    attribute_filter=_second_look,
    filter_style_properties=set(STYLES),
    link_rel=None,
    url_schemes={"cid", "data", "http", "https", "mailto", "tel"},
    url_relative="deny",
)
