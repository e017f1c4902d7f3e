"""Tell what is new in a letter from what it quotes and how it is signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from channels_app.letters.quotations import announcement_at, is_quoted, plain
from channels_app.letters.signatures import is_device_line, signature_starts

# Lines past these follow the one before them, so that the work has a bound.
LINES_READ = 2_000
WIDTH_READ = 400
# A wrapped quotation spills over into a line without a mark.
WRAPPED_WIDTH = 60
# What stands above a forwarded letter in as few letters ("FYI") does not make it a quotation.
NEXT_TO_NOTHING = 24

Part = Literal["reply", "quoted", "signature"]


@dataclass(frozen=True)
class Cut:
    """A letter in three parts; every line that is not blank stands in one of them."""

    reply: str
    quoted: str
    signature: str


def cut(text: str) -> Cut:
    """Return the letter's new text apart from quotations and signature; never an empty reply to some text."""
    lines = text.splitlines()
    parts = _parts(lines)
    reply, quoted, signature = (
        _joined(lines, parts, part) for part in ("reply", "quoted", "signature")
    )
    if reply.strip():
        return Cut(reply, quoted, signature)
    if signature.strip():
        return Cut(signature, quoted, "")
    return Cut("\n".join(lines).strip("\n"), "", "")


def _parts(lines: list[str]) -> list[Part]:
    """Say of every line which part it belongs to."""
    read = lines[:LINES_READ]
    bare = [plain(line[:WIDTH_READ]) for line in read]
    parts = _quotations(bare)
    if parts:
        _sign(bare, parts)
        parts += [parts[-1]] * (len(lines) - len(parts))
    return parts


def _quotations(bare: list[str]) -> list[Part]:
    parts: list[Part] = ["reply"] * len(bare)
    fields: dict[int, frozenset[str]] = {}
    at = 0
    while at < len(bare):
        if is_quoted(bare[at]):
            end = _end_of_marked(bare, at)
        elif found := announcement_at(bare, at, fields):
            if found.kind == "forward" and _says_little(bare, parts, at):
                return ["reply"] * len(bare)
            end = _end_of_announced(bare, found.end) if found.kind == "reply" else len(bare)
        else:
            at += 1
            continue
        parts[at:end] = ["quoted"] * (end - at)
        at = end
    return parts


def _end_of_announced(bare: list[str], at: int) -> int:
    """Return where an announced quotation ends: with its marked lines, or with the letter."""
    while at < len(bare) and not bare[at]:
        at += 1
    if at < len(bare) and is_quoted(bare[at]):
        return _end_of_marked(bare, at)
    return len(bare)


def _end_of_marked(bare: list[str], at: int) -> int:
    """Return where the block of marked lines ends, lines that spilled over included."""
    end = at
    while at < len(bare):
        if is_quoted(bare[at]):
            end = at + 1
        elif bare[at] and not (
            end == at and len(bare[at - 1]) >= WRAPPED_WIDTH and _marked_soon(bare, at + 1)
        ):
            break
        at += 1
    return end


def _marked_soon(bare: list[str], at: int) -> bool:
    return at < len(bare) and is_quoted(bare[at])


def _says_little(bare: list[str], parts: list[Part], at: int) -> bool:
    weight = 0
    for line, part in zip(bare[:at], parts, strict=False):
        if part == "reply" and not is_device_line(line):
            weight += sum(2 if letter > "\u2e80" else 1 for letter in line if letter.isalnum())
    return weight <= NEXT_TO_NOTHING


def _sign(bare: list[str], parts: list[Part]) -> None:
    """Mark the signatures at the ends of what is new between quotations."""
    for part, run in groupby(list(enumerate(parts)), key=lambda numbered: numbered[1]):
        if part == "reply":
            _sign_run(bare, parts, [index for index, _ in run])


def _sign_run(bare: list[str], parts: list[Part], run: list[int]) -> None:
    for index in run:
        if is_device_line(bare[index]):
            parts[index] = "signature"
    new = [index for index in run if parts[index] == "reply"]
    for index in new[signature_starts([bare[index] for index in new]) :]:
        parts[index] = "signature"


def _joined(lines: Sequence[str], parts: Sequence[Part], wanted: Part) -> str:
    """Return the lines of one part, with a blank line where something else stood between."""
    kept: list[str] = []
    is_apart = False
    for line, part in zip(lines, parts, strict=True):
        if part != wanted:
            is_apart = True
            continue
        if is_apart and kept:
            if not line.strip():
                continue
            while kept and not kept[-1].strip():
                kept.pop()
            kept.append("")
        is_apart = False
        kept.append(line)
    return "\n".join(_trimmed(kept))


def _trimmed(lines: list[str]) -> list[str]:
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return lines[start:end]
