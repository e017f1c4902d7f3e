"""Mails as they lie in files: one in each, or many in an mbox."""

import re
from collections.abc import Iterator
from pathlib import Path

# RFC 4155: a line that begins so, after an empty one, begins a mail.
_BEGINNING = re.compile(rb"(?:^|(?<=\n\n)|(?<=\n\r\n))From \S+ [^\n]*\d\d:\d\d[^\n]*\n")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def mails_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each mail of a file, an mbox or a folder, in the order of names."""
    if path.is_dir():
        for inner in sorted(each for each in path.rglob("*") if each.is_file()):
            yield from mails_in(inner)
        return
    raw = path.read_bytes()
    found = _parted(raw)
    if len(found) < 2:
        yield str(path), found[0] if found else raw
        return
    for number, mail in enumerate(found, 1):
        yield f"{path}#{number}", mail


def _parted(raw: bytes) -> list[bytes]:
    """Return the mails of an mbox; nothing for a file that is none."""
    starts = list(_BEGINNING.finditer(raw)) if raw.startswith(b"From ") else []
    ends = [start.start() for start in starts[1:]] + [len(raw)]
    return [
        _QUOTED.sub(rb"\1", raw[start.end() : end])
        for start, end in zip(starts, ends, strict=False)
    ]
