"""What somebody types to find messages: words, phrases in quotes, and `from:` for who wrote.

`refund 退款` asks for both. A word also finds what begins with it. `"退款 申请"` asks for these one
after the other, `from:王芳` for what that person wrote.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from helpdesk.search.words import LETTER, SEPARATORS, Run, lexeme, runs
from helpdesk.text import normalise

LONGEST_QUERY = 200
# Shorter words are meant as they stand: too many others begin with them.
_SHORTEST_BEGINNING = 3
# Each is looked up by itself; who wrote a message is one of them.
_MOST_WRITERS = 3
# One wrong letter is forgiven in words from this length on, in so many of them.
_SHORTEST_FORGIVEN, _LONGEST_FORGIVEN, _MOST_FORGIVEN = 5, 24, 3
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_TYPED = re.compile(
    r"(?:(?P<writer>from|来自)[:\uff1a])?"
    r"(?:[\"\u201c\u201d\u300c](?P<quoted>[^\"\u201c\u201d\u300d]*)[\"\u201c\u201d\u300d]?|(?P<plain>[^\s\"\u201c\u201d\u300c]+))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Term:
    """Runs that must follow one another; whatever is no letter between them does not matter."""

    runs: tuple[Run, ...]
    # The last word may go on.
    is_open: bool

    def may_go_on(self, at: int) -> bool:
        """Tell whether the word at this place is only the beginning of one."""
        is_last = at == len(self.runs) - 1
        return self.is_open and is_last and len(self.runs[at].text) >= _SHORTEST_BEGINNING

    @property
    def forgivable(self) -> str:
        """Return the one word in which a wrong letter may be forgiven, or nothing."""
        if len(self.runs) != 1 or not self.is_open:
            return ""
        word = self.runs[0].text
        is_long = _SHORTEST_FORGIVEN <= len(word) <= _LONGEST_FORGIVEN
        return word if is_long and word.isascii() and word.isalpha() else ""


@dataclass(frozen=True)
class Query:
    """What is asked for: every term, and one of the writers."""

    terms: tuple[Term, ...] = ()
    writers: tuple[str, ...] = ()
    # Words of which others count as well, each with those.
    near: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.terms and not self.writers

    @property
    def is_forgiving(self) -> bool:
        """Tell whether other words count than those that were asked for."""
        return bool(self.near)

    @property
    def forgivable(self) -> list[str]:
        """Return the words of which others may count that differ in one letter."""
        return [term.forgivable for term in self.terms if term.forgivable][:_MOST_FORGIVEN]

    def forgiving(self, known: Collection[str]) -> "Query":
        """Return the query that also takes those of the known words that differ in one letter."""
        kept = {word: [each for each in near(word) if each in known] for word in self.forgivable}
        return Query(self.terms, self.writers, kept)

    def tsquery(self, realm: int) -> str | None:
        """Return the query as PostgreSQL reads it, or None when no words are asked for."""
        asked = (_asked(term, realm, self.near) for term in self.terms)
        return " & ".join(f"({each})" for each in asked) or None

    @cached_property
    def pattern(self) -> "re.Pattern[str] | None":
        """Return what the asked words look like in a text with even letters, or None without words."""
        looks = [_look(term, self.near) for term in self.terms]
        return re.compile("|".join(looks)) if looks else None


def parse(typed: str) -> Query:
    """Return what was asked for by what somebody typed; more than `LONGEST_QUERY` characters are cut off."""
    terms, writers = [], []
    for match in _TYPED.finditer(typed.replace("\x00", " ")[:LONGEST_QUERY]):
        text = match["quoted"] if match["plain"] is None else match["plain"]
        if match["writer"] and text.strip():
            writers.append(text.strip())
            continue
        found = tuple(runs(normalise(text)))
        if found:
            terms.append(Term(found, is_open=match["plain"] is not None))
    return Query(tuple(terms), tuple(writers[:_MOST_WRITERS]))


def near(word: str) -> list[str]:
    """Return the word and all that differ in one letter behind the first: missing, more, other or two swapped."""
    return list(dict.fromkeys(_near(word)))


def _near(word: str) -> Iterator[str]:
    yield word
    for at in range(1, len(word)):
        before, after = word[:at], word[at:]
        yield before + after[1:]
        if at + 1 < len(word):
            yield before + after[1] + after[0] + after[2:]
        for letter in _ALPHABET:
            yield before + letter + after[1:]
            yield before + letter + after
    # What is longer by a letter at the end begins with the word anyway.


def _asked(term: Term, realm: int, near: Mapping[str, Sequence[str]]) -> str:
    words = near.get(term.forgivable)
    if words:
        return " | ".join(f"'{lexeme(each, realm)}':*" for each in words)
    parts: list[str] = []
    distance = 0
    for at, run in enumerate(term.runs):
        for token, step in _steps(run, may_go_on=term.may_go_on(at)):
            parts.append(f" <{distance}> " if parts else "")
            parts.append(token.format(realm=realm))
            distance = step
    return "".join(parts)


def _steps(run: Run, *, may_go_on: bool) -> Iterator[tuple[str, int]]:
    """Return each token of a run as it is asked for, and how far behind it the next one stands."""
    text = run.text
    if not run.is_unspaced:
        yield f"'{{realm}}:{text}'{':*' if may_go_on else ''}", 1
    elif len(text) == 1:
        yield f"'{{realm}}:{text}':*", 1
    else:
        for at in range(len(text) - 1):
            yield f"'{{realm}}:{text[at : at + 2]}'", 1 if at < len(text) - 2 else 2


def _look(term: Term, near: Mapping[str, Sequence[str]]) -> str:
    words = near.get(term.forgivable)
    if words:
        return rf"(?<!{LETTER})(?:{'|'.join(words)}){LETTER}*"
    parts = []
    for at, run in enumerate(term.runs):
        look = re.escape(run.text)
        if not run.is_unspaced:
            ending = f"{LETTER}*" if term.may_go_on(at) else f"(?!{LETTER})"
            look = f"(?<!{LETTER}){look}{ending}"
        parts.append(look)
    return SEPARATORS.join(parts)
