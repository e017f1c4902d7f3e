"""A look at a mail's bytes before anything reads them: what no honest mail needs is refused."""

import itertools
import re

LARGEST_BYTES = 25 * 1024 * 1024
MOST_PARTS = 1_000
# Containers are counted, not nested: nobody sends this many, in or beside each other.
MOST_CONTAINERS = 500
MOST_FIELDS = 1_500
MOST_ADDRESSES = 5_000
LONGEST_FIELD = 256 * 1024
LONGEST_HEADER = 512 * 1024
# Lines that begin as delimiters do, a dump in SQL for instance, are told from delimiters up to here.
MOST_DASHED_LINES = 100_000
_MOST_NAMED_BOUNDARIES = 10_000

_FIELD = re.compile(rb"(?m)^[!-9;-~]{1,100}[ \t]{0,20}:")
_BOUNDARY = re.compile(rb"oundary[ \t]*=[ \t]*(?:\"([^\"\r\n]{1,200})\"|([^\s\";]{1,200}))")
_DASHED = re.compile(rb"\n--([^\r\n]{1,200})")
_ADDRESSES = (
    b"from",
    b"to",
    b"cc",
    b"bcc",
    b"reply-to",
    b"sender",
    b"return-path",
    b"delivered-to",
)


def refuse(raw: bytes, *, largest: int = LARGEST_BYTES) -> str | None:
    """Return why this mail must not be read, as a short code, or None; in linear time."""
    if len(raw) > largest:
        return "too_large"
    return _refuse_header(header_of(raw)) or _refuse_structure(raw)


def header_of(raw: bytes) -> bytes:
    """Return the bytes up to the first empty line, or just more than a header may have."""
    window = raw[: LONGEST_HEADER + 1]
    ends = [at for at in (window.find(b"\n\n"), window.find(b"\n\r\n")) if at >= 0]
    return window[: min(ends, default=len(window)) + 1]


def _refuse_header(header: bytes) -> str | None:
    starts: list[int] = []
    for match in _FIELD.finditer(header):
        starts.append(match.start())
        if len(starts) > MOST_FIELDS:
            return "too_many_headers"
    if not starts:
        return None
    for start, end in itertools.pairwise([*starts, len(header)]):
        name = header[start : start + 101].partition(b":")[0].strip().lower()
        if name in _ADDRESSES and header.count(b"@", start, end) > MOST_ADDRESSES:
            return "too_many_addresses"
        if end - start > LONGEST_FIELD:
            return "header_too_long"
    return "header_too_long" if len(header) > LONGEST_HEADER else None


def _refuse_structure(raw: bytes) -> str | None:
    if raw.count(b"ultipart/") + raw.count(b"essage/rfc822") > MOST_CONTAINERS:
        return "too_deep"
    boundaries = _boundaries(raw)
    delimiters = 0
    for lines, match in enumerate(_DASHED.finditer(raw)):
        line = match[1].rstrip()
        delimiters += line in boundaries or line.removesuffix(b"--") in boundaries
        if delimiters > MOST_PARTS or lines > MOST_DASHED_LINES:
            return "too_many_parts"
    return None


def _boundaries(raw: bytes) -> set[bytes]:
    found: set[bytes] = set()
    at = -1
    for _ in range(_MOST_NAMED_BOUNDARIES):
        at = raw.find(b"oundary", at + 1)
        if at < 0:
            break
        if match := _BOUNDARY.match(raw, at):
            found.add((match[1] or match[2]).rstrip())
    return found
