"""The parts of a mail as a tree, cut out of its bytes without copying them; bounded, never fails."""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import encoded_words
from .headers import Headers, read_headers
from .parameters import Value, read_value

MOST_NODES = 1_000
DEEPEST = 20
# Lines that begin as a delimiter does and are none; whoever has more is not cut any further.
MOST_NEAR_MISSES = 20_000
LONGEST_BOUNDARY = 250
# Of all its texts together, in every way they are said.
MOST_LETTERS = 600_000


@dataclass(slots=True)
class Budget:
    """What one mail may cost, all its containers together, and what was wrong with it."""

    nodes: int = MOST_NODES
    near_misses: int = MOST_NEAR_MISSES
    letters: int = MOST_LETTERS
    defects: dict[str, None] = field(default_factory=dict)

    def granted(self, text: str, most: int) -> str:
        """Return as much of a text as may still be read, and count it."""
        kept = text[: min(most, self.letters)]
        self.letters -= len(kept)
        if len(kept) < len(text):
            self.note("text_cut")
        return kept

    def note(self, defect: str) -> None:
        self.defects[defect] = None


@dataclass(frozen=True, slots=True)
class Node:
    """One part: its header, where its body is in the bytes, and the parts inside."""

    headers: Headers
    raw: bytes
    start: int  # of the body
    end: int
    kind: Value  # Content-Type
    disposition: Value
    children: tuple["Node", ...] = ()

    @property
    def mime(self) -> str:
        return self.kind.main

    @property
    def filename(self) -> str:
        return self.disposition.filename("filename") or self.kind.filename("name")

    @property
    def is_attachment(self) -> bool:
        return self.disposition.main == "attachment"

    def walk(self) -> Iterator["Node"]:
        """Yield this part and all inside of it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def data(self, most: int | None = None) -> bytes:
        """Return the body without its transfer encoding; of at most as many encoded bytes."""
        end = self.end if most is None else min(self.end, self.start + most)
        body = self.raw[self.start : end]
        encoding = self.headers.token("content-transfer-encoding")
        if encoding == "base64":
            return encoded_words.base64_bytes(body)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(body)
        if encoding in ("x-uuencode", "x-uue", "uuencode"):
            return _from_uuencode(body)
        return body


def read_tree(raw: bytes, budget: Budget) -> Node:
    """Return the whole mail as a tree."""
    if b"\n" not in raw[:65_536]:
        raw = raw.replace(b"\r", b"\n")
    start = len(raw) - len(raw.lstrip())
    return _node(raw, start, len(raw), depth=0, budget=budget, default="text/plain")


def _node(raw: bytes, start: int, end: int, *, depth: int, budget: Budget, default: str) -> Node:
    budget.nodes -= 1
    headers, body = read_headers(raw, start, end)
    if headers.has_odd_lines:
        budget.note("odd_header")
    kind = read_value(headers.first("content-type"))
    charset = kind.plain("charset")
    kind = read_value(headers.first("content-type"), charset)
    if "/" not in kind.main:
        kind = Value(default, kind.parameters, charset)
    disposition = read_value(headers.first("content-disposition"), charset)
    node = Node(headers, raw, body, end, kind, disposition)
    if not kind.main.startswith("multipart/"):
        return node
    if depth >= DEEPEST:
        budget.note("too_deep")
        return node
    children = _children(node, depth, budget)
    if not children:
        budget.note("no_boundary")
        kind = Value("text/plain", kind.parameters, charset)
    return Node(headers, raw, body, end, kind, disposition, children)


def _children(node: Node, depth: int, budget: Budget) -> tuple[Node, ...]:
    default = "message/rfc822" if node.mime == "multipart/digest" else "text/plain"
    boundary = node.kind.parameters.get("boundary", b"") or node.kind.filename("boundary").encode()
    boundary = boundary[:LONGEST_BOUNDARY].rstrip()
    if not boundary:
        return ()
    children = []
    for start, end in _sections(node, boundary, budget):
        if budget.nodes <= 0:
            budget.note("too_many_parts")
            break
        child = _node(node.raw, start, end, depth=depth + 1, budget=budget, default=default)
        children.append(child)
    return tuple(children)


def _sections(node: Node, boundary: bytes, budget: Budget) -> Iterator[tuple[int, int]]:
    """Yield where each part begins and ends; the last one may lack its closing delimiter."""
    begun: int | None = None
    for at, after, is_last in _delimiters(node, boundary, budget):
        if begun is not None:
            yield begun, max(begun, at)
        begun = None if is_last else after
        if is_last:
            return
    if begun is not None and begun < node.end:
        budget.note("not_closed")
        yield begun, node.end


def _delimiters(node: Node, boundary: bytes, budget: Budget) -> Iterator[tuple[int, int, bool]]:
    """Yield where the line before each delimiter ends, where the line after begins, and if it closes."""
    raw, end = node.raw, node.end
    # The line end before a delimiter belongs to it; the first may stand at the very beginning.
    needle = b"\n--" + boundary
    rest = re.compile(rb"(--)?[ \t]{0,200}\r?(?:\n|\Z)")
    at = node.start - 1 if raw.startswith(needle[1:], node.start) else -1
    if at < 0:
        at = raw.find(needle, node.start, end)
    while at >= 0:
        tail = at + len(needle) if raw.startswith(needle, at) else node.start + len(needle) - 1
        match = rest.match(raw, tail, end)
        if match is not None:
            before = at - 1 if at > node.start and raw[at - 1 : at] == b"\r" else at
            yield before, match.end(), match[1] is not None
        else:
            budget.near_misses -= 1
            if budget.near_misses <= 0:
                budget.note("too_many_parts")
                return
        # The line end of this delimiter may be the one that the next begins with.
        at = raw.find(needle, tail, end)


def _from_uuencode(body: bytes) -> bytes:
    decoded = []
    for line in body.splitlines():
        if line.startswith(b"begin ") or not line.strip():
            continue
        if line.strip() == b"end":
            break
        try:
            decoded.append(binascii.a2b_uu(line))
        except binascii.Error:
            continue
    return b"".join(decoded)
