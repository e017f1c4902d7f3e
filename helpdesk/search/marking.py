"""Shows where in a text the asked words stand."""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

# Characters of a text that are looked at, and of those that are shown.
LOOKED_AT = 20_000
SHOWN = 160
_BEFORE = 40
_SPACE = re.compile(r"\s+")


class Part(NamedTuple):
    """A piece of a text, and whether it is what was asked for."""

    text: str
    is_hit: bool = False


def snippet(text: str, pattern: "re.Pattern[str] | None") -> list[Part] | None:
    """Return the surroundings of the first hit with all hits marked; None when the text has none."""
    if pattern is None:
        return None
    even, origin = _even(text[:LOOKED_AT])
    spans = [
        (origin[match.start()], origin[match.end() - 1] + 1)
        for match in pattern.finditer(even)
        if match.group()
    ]
    return _cut(text, spans) if spans else None


def beginning(text: str) -> list[Part]:
    """Return the beginning of a text, with nothing marked."""
    return _cut(text, [])


def _cut(text: str, spans: Sequence[tuple[int, int]]) -> list[Part]:
    begin = max(0, spans[0][0] - _BEFORE) if spans else 0
    end = begin + SHOWN
    parts, at = [Part("…" if begin else "")], begin
    for start, stop in spans:
        if start >= end:
            break
        parts += [Part(text[at:start]), Part(text[start : min(stop, end)], is_hit=True)]
        at = min(stop, end)
    parts += [Part(text[at:end]), Part("…" if len(text) > end else "")]
    return [Part(_SPACE.sub(" ", part.text), part.is_hit) for part in parts if part.text]


def _even(text: str) -> tuple[str, Sequence[int]]:
    """Return the text with even letters, and for each of them where it came from."""
    lower = text.lower()
    if len(lower) == len(text) and unicodedata.is_normalized("NFKC", text):
        return lower, range(len(text))
    letters: list[str] = []
    origin: list[int] = []
    for at, letter in enumerate(text):
        even = unicodedata.normalize("NFKC", letter).lower()
        letters.append(even)
        origin += [at] * len(even)
    return "".join(letters), origin
