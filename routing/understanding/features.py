"""What a text is made of, as a sparse vector: words, neighbouring words, spelling and pairs of words.

A Chinese character is a word of its own, so that neighbours are the familiar pairs; words of
alphabets are folded to their stems and spelled out as runs of letters, which forgives typing errors.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from helpdesk.text import stem
from routing.classify import gist

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

# How much each block of grams says; tuned on public sets of questions in both languages.
SHARES = (1.0, 0.7, 1.0, 0.85)
LENGTH = math.sqrt(sum(share * share for share in SHARES))
_SPELLED = range(2, 6)
_LONGEST_WORD = 40
# Words this near to each other make a pair, in their order.
_NEAR = 12
_PAIRED_WORDS = 200

_SINGLE = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_PIECES = re.compile(rf"[{_SINGLE}]|[^\W_{_SINGLE}]+(?:['’][^\W_{_SINGLE}]+)*|[^\w\s]")
_LETTERS = re.compile(rf"[^\W_{_SINGLE}]")


def grams(text: str) -> list[Counter[str]]:
    """Return what the text is made of, counted: words, neighbours, spelling, pairs."""
    pieces = [piece[:_LONGEST_WORD] for piece in _PIECES.findall(gist(text))]
    words = [stem(piece) for piece in pieces]
    neighbours = (f"{one} {other}" for one, other in pairwise(["", *words, ""]))
    return [
        Counter(words),
        Counter(neighbours if words else ()),
        Counter(_spelling(pieces)),
        Counter(_pairs(words)),
    ]


def _spelling(pieces: Sequence[str]) -> Iterator[str]:
    for piece in pieces:
        if not _LETTERS.match(piece):
            continue
        run = f" {piece} "
        for length in _SPELLED:
            for at in range(len(run) - length + 1):
                yield run[at : at + length]


def _pairs(words: Sequence[str]) -> Iterator[str]:
    telling = [word for word in words if word[0].isalnum()][:_PAIRED_WORDS]
    for at, one in enumerate(telling):
        for other in telling[at + 1 : at + 1 + _NEAR]:
            if one != other:
                yield f"{one}>{other}"


class Vector(NamedTuple):
    """The known grams of a text by row, and what each weighs."""

    rows: Integers
    values: Floats


@dataclass(frozen=True)
class Vocabulary:
    """The grams that are known, block after block, with their weight by rareness.

    `rare` is what an unknown gram would weigh: unknown grams make a vector shorter, so that a text
    of much that is unknown scores little everywhere.
    """

    blocks: tuple[tuple[str, ...], ...]
    rareness: Floats
    rare: float

    @cached_property
    def _row_of(self) -> list[dict[str, int]]:
        found, first = [], 0
        for block in self.blocks:
            found.append({gram: first + at for at, gram in enumerate(block)})
            first += len(block)
        return found

    def __len__(self) -> int:
        return len(self.rareness)

    def vector(self, text: str) -> Vector:
        """Return the vector of a text, at most one long."""
        rows: list[int] = []
        values: list[float] = []
        for counted, known, share in zip(grams(text), self._row_of, SHARES, strict=True):
            start, mass = len(rows), 0.0
            for gram, count in counted.items():
                row = known.get(gram)
                often = 1 + math.log(count)
                weight = often * (self.rare if row is None else float(self.rareness[row]))
                mass += weight * weight
                if row is not None:
                    rows.append(row)
                    values.append(weight)
            scale = share / LENGTH / (math.sqrt(mass) or 1.0)
            values[start:] = [value * scale for value in values[start:]]
        return Vector(np.array(rows, np.int64), np.array(values, np.float32))
