"""One way to take texts apart, for writing them down and for asking.

Alphabets are taken apart into words. Chinese and Japanese have no spaces: each character there carries
the one behind it, so that any two neighbours are found at once and longer runs by their order.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from helpdesk.text import HAN, normalise

# Letters and digits beyond these of one word say nothing more.
LONGEST_WORD = 64
# Further places than this cannot be told apart; they are counted anew from the first.
_PLACES = 16_000
# Parts of one message stand so far apart that no phrase reaches from one into the next.
_GAP = 10

UNSPACED = rf"{HAN}\u3040-\u30ff\u31f0-\u31ff"
LETTER = rf"[^\W_{UNSPACED}]"
# Nothing of it can be part of a run, else a long row could be taken apart in endlessly many ways.
SEPARATORS = rf"(?:[^\w{UNSPACED}]|_)*"
_RUNS = re.compile(rf"(?P<unspaced>[{UNSPACED}]+)|{LETTER}+")


class Run(NamedTuple):
    """A word, or a row of characters without a space."""

    text: str
    is_unspaced: bool


class Token(NamedTuple):
    """What stands at one place of a text."""

    place: int
    text: str


def runs(even: str) -> Iterator[Run]:
    """Return the words and rows of characters of a text that is normalised already."""
    for match in _RUNS.finditer(even):
        is_unspaced = match["unspaced"] is not None
        yield Run(match.group() if is_unspaced else match.group()[:LONGEST_WORD], is_unspaced)


def tokens(text: str) -> Iterator[Token]:
    """Return what a text is found by, each with its place from 0 on.

    The last character of a row stands alone: it has none behind it.
    """
    place = 0
    for run in runs(normalise(text)):
        if not run.is_unspaced:
            yield Token(place, run.text)
            place += 1
            continue
        for at in range(len(run.text)):
            yield Token(place + at, run.text[at : at + 2])
        place += len(run.text)


def vector(texts: Iterable[str], realm: int) -> str:
    """Return the tsvector of texts, as PostgreSQL reads it; every word in it belongs to the realm.

    So a look-up in the index reads nothing of another realm, however common the word is there.
    """
    places: defaultdict[str, list[int]] = defaultdict(list)
    begin = 0
    for text in texts:
        place = -1
        for place, token in tokens(text):
            places[token].append((begin + place) % _PLACES + 1)
        begin += place + 1 + _GAP
    return " ".join(
        f"'{lexeme(token, realm)}':{','.join(map(str, found))}" for token, found in places.items()
    )


def lexeme(token: str, realm: int) -> str:
    """Return how a word is written down; it contains letters and digits only, so nothing is to be quoted."""
    return f"{realm}:{token}"
