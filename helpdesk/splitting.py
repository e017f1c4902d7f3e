"""A text in the parts that a platform takes, and how many messages a reply leaves as."""

from collections.abc import Callable
from typing import Literal

import regex

from helpdesk.registries import Limits

Unit = Literal["characters", "bytes", "utf16"]

# What a reader sees as one character, such as an emoji of several code points. Flags apart: before each
# of them `\X` counts again all that stand before it.
_CHARACTER = regex.compile(r"\p{RI}{2}[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]*+|\X")
# Where a text is best cut, the best first: after a paragraph, a line, a sentence, a word.
_BREAKS = tuple(
    regex.compile(pattern) for pattern in (r"\n\s*\n", r"\n", r"[。！？；]|[.!?;]\s", r"\s|[，、,]")
)
SIZES: dict[Unit, Callable[[str], int]] = {
    "characters": len,
    "bytes": lambda text: len(text.encode("utf-8", "replace")),
    "utf16": lambda text: len(text.encode("utf-16-le", "replace")) // 2,
}


def count_messages(text: str, files: int, limits: Limits) -> int:
    """Return how many messages of the platform a reply leaves as."""
    texts = split(text, limits.text_max, limits.text_unit)
    written = sum(1 for each in texts if each.strip())
    return max(1, written + files) if limits.files_apart else max(1, written)


def split(text: str, most: int, unit: Unit) -> list[str]:
    """Return a text in parts of at most `most` units, cut where a reader would, never within a character.

    Together they are the text again.
    """
    parts = []
    while SIZES[unit](text) > most:
        head = _head(text, most, unit)
        parts.append(head)
        text = text[len(head) :]
    return [*parts, text] if text or not parts else parts


def _head(text: str, most: int, unit: Unit) -> str:
    end = _fitting(text, most, unit)
    for pattern in _BREAKS:
        # Nobody wants a part of two words before one that is full.
        ends = [found.end() for found in pattern.finditer(text, end // 2, end)]
        if ends:
            return text[: ends[-1]]
    return text[:end]


def _fitting(text: str, most: int, unit: Unit) -> int:
    """Return how far a text fits; at least one code point does, whatever it weighs."""
    size = SIZES[unit]
    end = used = 0
    for found in _CHARACTER.finditer(text):
        used += size(found.group())
        if used > most:
            break
        end = found.end()
    if end:
        return end
    # A character of more code points than fit: nothing is left but to cut it.
    while end < len(text) and size(text[: end + 1]) <= most:
        end += 1
    return max(1, end)
