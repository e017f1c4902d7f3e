"""What a mail says and what it carries: its text, its HTML and its files, in the order of the mail."""

import html as html_entities
import re
from dataclasses import dataclass, field
from functools import cached_property

from channels_app.letters.plain import plain_text

from ..letter import Part
from . import calendars, charsets, cleaning, tnef
from .tree import Budget, Node, read_tree

LONGEST_TEXT = 200_000
LONGEST_HTML = 500_000
MOST_PARTS = 200
# Four bytes a character at most, three of them for each byte where it is quoted.
_ENCODED_TEXT = 12 * LONGEST_TEXT
_ENCODED_HTML = 4 * LONGEST_HTML
_DEEPEST_FORWARD = 5
_META = re.compile(rb"(?i)<meta[^>]{0,200}charset[\"'\s=]{1,10}([\w.:-]{1,40})")
_ENRICHED = ("text/enriched", "text/richtext")
_FORWARDED = ("message/rfc822", "message/global", "message/news")
# What a part is called that has no name, by what it is.
_NAMES = {
    "message/delivery-status": "delivery-status.txt",
    "message/global-delivery-status": "delivery-status.txt",
    "message/disposition-notification": "disposition-notification.txt",
    "text/rfc822-headers": "headers.txt",
    "application/pgp-signature": "signature.asc",
    "application/pkcs7-signature": "smime.p7s",
    "application/x-pkcs7-signature": "smime.p7s",
    "application/pkcs7-mime": "smime.p7m",
    "application/x-pkcs7-mime": "smime.p7m",
}


@dataclass(frozen=True)
class Piece:
    """One stretch of what the mail says, in one or both of the ways to say it."""

    text: str = ""
    html: str = ""

    @cached_property
    def said(self) -> str:
        return self.text if self.text.strip() or not self.html else plain_text(self.html)

    def as_html(self) -> str:
        """Return the HTML; of a text that has none, as the text looks."""
        if self.html or not self.text:
            return self.html
        return f"<div>{html_entities.escape(self.text).replace(chr(10), '<br>')}</div>"


@dataclass(slots=True)
class Body:
    """What was gathered so far."""

    pieces: list[Piece] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    spare: list[Part] = field(
        default_factory=list
    )  # says what the pieces say, if they say anything

    def text(self) -> str:
        texts: list[str] = []
        left = LONGEST_TEXT
        for piece in self.pieces:
            if left > 0 and piece.said.strip():
                texts.append(piece.said.strip("\n"))
                left -= len(texts[-1])
        return cleaning.lines("\n\n".join(texts), LONGEST_TEXT)

    def html(self) -> str:
        if not any(piece.html for piece in self.pieces):
            return ""
        return "\n".join(piece.as_html() for piece in self.pieces)[:LONGEST_HTML]


def read_body(root: Node, budget: Budget) -> Body:
    """Return the mail's body; of a mail that only forwards another, what the other says."""
    body = _gathered(root, budget)
    if not _says_anything(body):
        body.parts += body.spare
        forwarded = _first(root, _FORWARDED)
        calendar = _first(root, ("text/calendar", "application/ics"))
        if forwarded is not None:
            body.pieces = _forwarded(forwarded, budget, depth=1)
        elif calendar is not None:
            body.pieces = [Piece(calendars.summary(_text(calendar, _ENCODED_TEXT)))]
    return body


def _gathered(root: Node, budget: Budget) -> Body:
    body = Body()
    if _is_only_text(root):
        body.pieces.append(_piece(root, budget))
    else:
        _gather(root, body, budget)
    if len(body.parts) > MOST_PARTS:
        budget.note("too_many_parts")
        del body.parts[MOST_PARTS:]
    return body


def _says_anything(body: Body) -> bool:
    return any(piece.said.strip() or "<img" in piece.html.lower() for piece in body.pieces)


def _is_only_text(root: Node) -> bool:
    """Say whether the whole mail is one text, of whichever kind and name."""
    if root.is_attachment or root.mime in ("text/calendar", "text/vcard"):
        return False
    is_plain = root.mime in ("text/plain", "text/html")
    return is_plain or (root.mime.startswith("text/") and not root.filename)


def _gather(node: Node, body: Body, budget: Budget) -> None:
    if node.mime == "multipart/alternative" and node.children:
        _gather_alternative(node, body, budget)
    elif node.children:
        for child in node.children:
            _gather(child, body, budget)
    elif _is_said(node):
        body.pieces.append(_piece(node, budget))
    elif node.mime.startswith("multipart/") and node.start >= node.end:
        return
    else:
        _add_file(node, body, budget)


def _gather_alternative(node: Node, body: Body, budget: Budget) -> None:
    """Take the text of the plainest way to say it, the HTML of the richest, and the files of all."""
    texts, htmls = [], []
    for child in node.children:
        if not child.children and child.mime.startswith("text/") and _is_passed_over(child, node):
            continue
        said = Body()
        _gather(child, said, budget)
        body.parts += said.parts
        body.spare += said.spare
        if any(piece.html for piece in said.pieces):
            htmls.append(said)
        elif any(piece.text.strip() for piece in said.pieces):
            texts.append(said)
    text = texts[0].text() if texts else ""
    html = htmls[-1].html() if htmls else ""
    body.pieces.append(Piece(text, html))


def _is_passed_over(child: Node, alternative: Node) -> bool:
    """Say whether this is a third way to say the same, such as AMP or enriched text."""
    others = [other for other in alternative.children if other is not child]
    says_it = any(other.children or other.mime in ("text/plain", "text/html") for other in others)
    return says_it and child.mime not in ("text/plain", "text/html", "text/calendar")


def _is_said(node: Node) -> bool:
    if node.is_attachment or node.mime not in ("text/plain", "text/html", *_ENRICHED):
        return False
    return not node.filename


def _piece(node: Node, budget: Budget) -> Piece:
    if node.mime == "text/html":
        html = budget.granted(_text(node, _ENCODED_HTML), LONGEST_HTML)
        return Piece(html=html) if html.strip() else Piece()
    text = budget.granted(_text(node, _ENCODED_TEXT), LONGEST_TEXT)
    text = cleaning.lines(text, LONGEST_TEXT)
    return Piece(text=plain_text(text) if node.mime in _ENRICHED else text)


def _text(node: Node, most: int) -> str:
    data, charset = node.data(most), node.kind.plain("charset")
    if not charset and node.mime == "text/html" and (named := _META.search(data[:2_048])):
        charset = named[1].decode("ascii", "replace")
    return charsets.decode(data, charset)


def _add_file(node: Node, body: Body, budget: Budget) -> None:
    if len(body.parts) > MOST_PARTS:
        return
    filename = node.filename
    data = node.data()
    if node.mime in ("application/ms-tnef", "application/vnd.ms-tnef") or (
        filename.lower() == "winmail.dat"
    ):
        opened = tnef.opened(data)
        if opened is not None:
            body.parts += opened.parts
            if opened.rich:
                body.spare.append(Part(opened.rich, "message.rtf", "application/rtf"))
            if opened.text or opened.html:
                body.pieces.append(Piece(opened.text, opened.html))
            return
        budget.note("tnef")
    body.parts.append(
        Part(
            data=data,
            filename=filename or _name_of(node, data),
            mime=cleaning.one_line(node.mime, 100),
            content_id=cleaning.one_line(node.headers.text("content-id").strip("<> "), 250),
        )
    )


def _name_of(node: Node, data: bytes) -> str:
    if node.mime in _NAMES:
        return _NAMES[node.mime]
    if node.mime == "text/calendar":
        return "invite.ics"
    if node.mime in _FORWARDED:
        subject = read_tree(data[:65_536], Budget(nodes=1)).headers.text("subject", 100)
        return f"{subject or 'message'}.eml"
    return ""


def _first(root: Node, mimes: tuple[str, ...]) -> Node | None:
    return next((node for node in root.walk() if node.mime in mimes), None)


def _forwarded(node: Node, budget: Budget, depth: int) -> list[Piece]:
    """Return what a forwarded mail says, below the lines that say whose it is."""
    inner = read_tree(node.data(), budget)
    names = ("From", "To", "Date", "Subject")
    head = [
        f"{name}: {value}" for name in names if (value := inner.headers.text(name.lower(), 300))
    ]
    body = _gathered(inner, budget)
    deeper = _first(inner, _FORWARDED)
    pieces = body.pieces
    if not _says_anything(body) and deeper is not None and depth < _DEEPEST_FORWARD:
        pieces = _forwarded(deeper, budget, depth + 1)
    return [Piece("\n".join(head)), *pieces] if head else pieces
