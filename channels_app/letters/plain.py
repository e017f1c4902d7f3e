"""Read the HTML of a letter as its reader would: as lines of text."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from channels_app.letters.appearance import is_hidden
from channels_app.letters.markup import TAGS_READ, VOID, Start, Text, tokens

DEPTH = 200
QUOTE_DEPTH = 10
RULE = "_" * 32

_LINES = frozenset(
    [
        *("address", "article", "aside", "body", "caption", "center", "dd", "div", "dl", "dt"),
        *("fieldset", "figcaption", "figure", "footer", "form", "header", "html", "legend", "li"),
        *("main", "nav", "option", "section", "tbody", "tfoot", "thead", "tr"),
    ]
)
_PARAGRAPHS = frozenset(
    ["blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "table", "ul"]
)
_BLOCKS = _PARAGRAPHS | _LINES
_UNREAD = frozenset(
    [
        "applet",
        "audio",
        "button",
        "canvas",
        "head",
        "math",
        "object",
        "select",
        "svg",
        "template",
        "video",
    ]
)
_CELLS = frozenset(["td", "th", "caption", "table"])
_TABLE = frozenset(["caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr"])
_LISTS = frozenset(["ul", "ol", "table"])
# A start tag ends its kin, up to a wall.
_KIN = {
    "p": (frozenset(["p"]), _CELLS),
    "li": (frozenset(["li"]), _LISTS),
    "dt": (frozenset(["dt", "dd"]), _LISTS),
    "dd": (frozenset(["dt", "dd"]), _LISTS),
    "td": (frozenset(["td", "th"]), frozenset(["table"])),
    "th": (frozenset(["td", "th"]), frozenset(["table"])),
    "tr": (frozenset(["tr"]), frozenset(["table"])),
}
_INVISIBLE = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]")
_SPACE = re.compile(r"[\s\xa0]+")
# What these hold is quoted although no blockquote says so.
_QUOTES = frozenset(["isreplycontent", "replycontent"])
_INDENTED = re.compile(r"border\s*:\s*(?:none|0)", re.IGNORECASE)
_NO_MARGIN = re.compile(r"(?<![a-z-])margin\s*:\s*0", re.IGNORECASE)
_WEB_ADDRESS = re.compile(r"(?:https?://|mailto:|tel:)\S{1,1000}", re.IGNORECASE)
_SCHEME = re.compile(r"^(?:https?://|mailto:|tel:)(?:www\.)?|/$", re.IGNORECASE)


def plain_text(html: str, most_tags: int = TAGS_READ) -> str:
    """Return what the letter says, line by line, with what it quotes behind "> ".

    What stands past `most_tags` is not laid out.
    """
    reader = _Reader()
    for token in tokens(html, most_tags):
        if isinstance(token, Text):
            reader.text(token.text)
        elif isinstance(token, Start):
            reader.start(token.name, token.attributes)
        else:
            reader.end(token.name)
    reader.close_to(0)
    return reader.page.finished()


@dataclass
class _Page:
    """Lines in the making: breaks and signs wait until words follow them."""

    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    breaks: int = 0
    sign: str = ""
    has_space: bool = False
    quotes: int = 0
    # A line belongs to the quotation in which its first word stands.
    line_quotes: int = 0

    def write(self, words: str) -> None:
        """Put words down, after the breaks that were asked for."""
        if self.breaks:
            self._end_line()
        if not self.line:
            self.line_quotes = self.quotes
        elif self.has_space and not self.sign:
            self.line.append(" ")
        self.line.append(self.sign + words)
        self.sign, self.has_space = "", False

    def space(self) -> None:
        """Ask for a space before the next words."""
        self.has_space = True

    def end_line(self, lines: int = 1) -> None:
        """Ask for the next words to stand on a line of their own, or below a blank one."""
        if self.sign:
            return  # words stand beside their bullet
        self.breaks = max(self.breaks, lines)
        self.has_space = False

    def end_line_now(self) -> None:
        """End the line, be it empty."""
        if self.sign:
            return
        self.breaks = self.breaks + 1 if not self.line or self.breaks else 1
        self.has_space = False

    def leave_blank(self) -> None:
        """Ask for a blank line where one holds nothing but space."""
        if not self.sign and (self.breaks or not self.line):
            self.breaks = 2

    def finished(self) -> str:
        """Return the page."""
        self._end_line()
        return "\n".join(self.lines).strip("\n")

    def _end_line(self) -> None:
        text = "".join(self.line).rstrip()
        if text:
            self.lines.append("> " * self.line_quotes + text)
        if self.breaks > 1 and self.lines and self.lines[-1].strip("> "):
            self.lines.append(("> " * min(self.line_quotes, self.quotes)).rstrip())
        self.line, self.breaks, self.has_space = [], 0, False


@dataclass
class _Open:
    """An open tag, and what is to be done at its end."""

    name: str
    lines_below: int = 0
    at_end: Callable[[], None] | None = None


class _Reader:
    def __init__(self) -> None:
        self.page = _Page()
        self.open: list[_Open] = []
        self.unread_at: int | None = None
        self.preformatted = 0
        self.lists: list[int | None] = []
        self.names: Counter[str] = Counter()
        self.links: list[list[str]] = []

    def text(self, text: str) -> None:
        """Read words; the space between them folds, unless it is laid out."""
        if self.unread_at is not None:
            return
        text = _INVISIBLE.sub("", text)
        if self.preformatted:
            self._laid_out(text)
            return
        words = _SPACE.sub(" ", text)
        if words.startswith(" "):
            self.page.space()
        if stripped := words.strip():
            self._write(stripped)
            if words.endswith(" "):
                self.page.space()
        elif "\xa0" in text:
            self.page.leave_blank()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Read an opening tag."""
        if tag in VOID:
            if self.unread_at is None:
                self._void(tag, attributes)
            return
        if tag in _KIN:
            self._close_nearest(*_KIN[tag])
        elif tag in _BLOCKS:
            self._close_nearest(*_KIN["p"])
        if len(self.open) >= DEPTH:
            return
        if tag in _UNREAD or is_hidden(attributes):
            self.unread_at = len(self.open) if self.unread_at is None else self.unread_at
        self.open.append(_Open(tag))
        self.names[tag] += 1
        if self.unread_at is None:
            self.open[-1].at_end = self._begin(tag, attributes)

    def end(self, tag: str) -> None:
        """Read a closing tag; what it leaves open inside ends with it."""
        walls = frozenset() if tag in _TABLE else _CELLS
        if self._close_nearest(frozenset([tag]), walls):
            return
        if tag == "p" and self.unread_at is None:
            self.page.end_line(2)

    def close_to(self, at: int) -> None:
        """End all tags opened from there on."""
        while len(self.open) > at:
            closed = self.open.pop()
            self.names[closed.name] -= 1
            if closed.at_end:
                closed.at_end()
            if closed.lines_below:
                self.page.end_line(closed.lines_below)
            if self.unread_at == len(self.open):
                self.unread_at = None

    def _close_nearest(self, names: frozenset[str], walls: frozenset[str]) -> bool:
        """End the innermost open tag of these names, unless a wall stands around us."""
        if not any(self.names[name] for name in names):
            return False
        for at in range(len(self.open) - 1, -1, -1):
            if self.open[at].name in names:
                self.close_to(at)
                return True
            if self.open[at].name in walls:
                return False
        return False

    def _void(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "br":
            self.page.end_line_now()
        elif tag == "hr":
            self.page.end_line()
            self.page.write(RULE)
            self.page.end_line()
        elif tag == "img" and not is_hidden(attributes):
            self.text(attributes.get("alt", ""))

    def _begin(self, tag: str, attributes: Mapping[str, str]) -> Callable[[], None] | None:
        """Do what the tag asks for, and return what is to be done at its end."""
        is_apart = tag in _PARAGRAPHS and not self.lists and not _is_tight(tag, attributes)
        if tag in _BLOCKS:
            self.page.end_line(2 if is_apart else 1)
            self.open[-1].lines_below = 2 if is_apart else 1
        if _is_quote(tag, attributes):
            return self._begin_quote()
        if tag == "pre":
            self.preformatted += 1
            return self._end_preformatted
        if tag in ("ul", "ol"):
            self.lists.append(_first_number(attributes) if tag == "ol" else None)
            return self._end_list
        if tag == "a":
            return self._begin_link(attributes.get("href", ""))
        if tag == "li":
            self._begin_item()
        elif tag in ("td", "th"):
            self._begin_cell()
            return self._end_cell
        return self._drop_sign if tag == "li" else None

    def _begin_quote(self) -> Callable[[], None]:
        if self.page.quotes >= QUOTE_DEPTH:
            return lambda: None
        self.page.end_line()
        self.page.quotes += 1
        return self._end_quote

    def _end_quote(self) -> None:
        self.page.end_line()
        self.page.quotes -= 1

    def _end_preformatted(self) -> None:
        self.preformatted -= 1

    def _end_list(self) -> None:
        self.lists.pop()

    def _end_cell(self) -> None:
        self._drop_sign()
        self.page.breaks = min(self.page.breaks, 1)

    def _drop_sign(self) -> None:
        self.page.sign = ""

    def _begin_item(self) -> None:
        indent = "  " * (min(len(self.lists), 10) - 1)
        number = self.lists[-1] if self.lists else None
        if number is not None:
            self.lists[-1] = number + 1
        self.page.sign = f"{indent}- " if number is None else f"{indent}{number}. "

    def _begin_cell(self) -> None:
        """Put a bar before a cell that is not the first of its row."""
        row = next(
            (opened for opened in reversed(self.open[:-1]) if opened.name in ("tr", "table")), None
        )
        if row is None or row.name != "tr":
            return
        if row.at_end is None:
            row.at_end = lambda: None  # the row has its first cell
        elif self.page.line:
            self.page.breaks, self.page.sign, self.page.has_space = 0, " | ", False

    def _begin_link(self, href: str) -> Callable[[], None]:
        said: list[str] = []
        self.links.append(said)

        def end() -> None:
            self.links.remove(said)
            text, address = " ".join(said), href.strip()
            if said and _WEB_ADDRESS.fullmatch(address) and not _says(text, address):
                self.page.space()
                self.page.write(f"({address.removeprefix('mailto:')})")

        return end

    def _write(self, words: str) -> None:
        self.page.write(words)
        if self.links:
            self.links[-1].append(words)

    def _laid_out(self, text: str) -> None:
        for number, line in enumerate(text.split("\n")):
            if number:
                self.page.end_line_now()
            if line.strip():
                self._write(line.rstrip().replace("\xa0", " "))


def _is_quote(tag: str, attributes: Mapping[str, str]) -> bool:
    names = {attributes.get(name, "").lower() for name in ("id", "name", "class")}
    if names & _QUOTES:
        return True
    # A bare indent is a blockquote, too, in several programs.
    is_cited = "type" in attributes or "class" in attributes
    return tag == "blockquote" and (is_cited or not _INDENTED.search(attributes.get("style", "")))


def _is_tight(tag: str, attributes: Mapping[str, str]) -> bool:
    """Tell whether a paragraph leaves no space below: so do those of Outlook."""
    is_outlook = attributes.get("class", "").startswith("Mso")
    return tag == "p" and (is_outlook or bool(_NO_MARGIN.search(attributes.get("style", ""))))


def _first_number(attributes: Mapping[str, str]) -> int:
    start = attributes.get("start", "")
    return int(start) if re.fullmatch("[0-9]{1,4}", start) else 1


def _says(text: str, address: str) -> bool:
    """Tell whether the text of a link is its address already."""
    told, meant = (_SCHEME.sub("", part.strip()).lower() for part in (text, address))
    return _SCHEME.sub("", told) == _SCHEME.sub("", meant)
