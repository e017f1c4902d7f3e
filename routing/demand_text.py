"""Demands of skills as people write them: Refunds >= 3 and (English or Spanish >= 2) and not Trainee.

The words and, or, not may be 且, 或, 非; a name with spaces or such a word in it stands in double quotes.
"""

import re
from collections.abc import Mapping

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from routing.deciding.demands import (
    MOST_DEPTH,
    MOST_PARTS,
    TOP_LEVEL,
    Demand,
    Every,
    Has,
    Lacks,
    Some,
)

MOST_CHARACTERS = 1000
_TOKEN = re.compile(r'\s*(?:"([^"]*)"|(>=|≥|[()])|([^\s()"≥>=]+))')
_WORDS = {"and": "and", "且": "and", "or": "or", "或": "or", "not": "not", "非": "not"}
# How a reader of Chinese and any other writes them.
_CHINESE = {"and": "且", "or": "或", "not": "非", ">=": "≥"}
_PLAIN = re.compile(r'[^\s()"≥>=]+')


class Unreadable(ValueError):
    """The text is no demand; says in the reader's language what is wrong."""


def read(text: str, skills: Mapping[str, int]) -> Demand:
    """Return what a text demands, given the ids of skills by name in lower case. Raises Unreadable."""
    if len(text) > MOST_CHARACTERS:
        raise Unreadable(_("This is too long."))
    reader = _Reader(_tokens(text), skills)
    demand = reader.some(MOST_DEPTH)
    if reader.rest:
        raise Unreadable(_("“%(word)s” is not expected here.") % {"word": reader.rest[0][1]})
    if reader.parts > MOST_PARTS:
        raise Unreadable(_("This names too many skills."))
    return demand


def write(demand: Demand, names: Mapping[int, str]) -> str:
    """Return a demand as people write it in the reader's language; a skill that is gone is a question mark."""
    words = _CHINESE if (get_language() or "").startswith("zh") else {}
    if isinstance(demand, Has):
        name = names.get(demand.skill, "?")
        is_plain = _PLAIN.fullmatch(name) and name.casefold() not in _WORDS
        shown = name if is_plain else f'"{name}"'
        return f"{shown} {words.get('>=', '>=')} {demand.level}" if demand.level else shown
    if isinstance(demand, Lacks):
        return f"{words.get('not', 'not')} {_grouped(demand.part, names)}"
    join = "and" if isinstance(demand, Every) else "or"
    return f" {words.get(join, join)} ".join(_grouped(part, names) for part in demand.parts)


def _grouped(demand: Demand, names: Mapping[int, str]) -> str:
    text = write(demand, names)
    return f"({text})" if isinstance(demand, Every | Some) else text


def _tokens(text: str) -> list[tuple[str, str]]:
    """Return (kind, word) pairs; the kinds are name, and, or, not, >=, ( and )."""
    found: list[tuple[str, str]] = []
    at, text = 0, text.strip()
    while at < len(text):
        met = _TOKEN.match(text, at)
        if met is None:
            raise Unreadable(_("“%(word)s” is not expected here.") % {"word": text[at : at + 10]})
        quoted, sign, word = met.groups()
        if quoted is not None:
            found.append(("name", quoted))
        elif sign:
            found.append((">=" if sign == "≥" else sign, sign))
        else:
            found.append((_WORDS.get(word.casefold(), "name"), word))
        at = met.end()
    return found


class _Reader:
    """Reads from the weakest join to the strongest: or, and, not."""

    def __init__(self, tokens: list[tuple[str, str]], skills: Mapping[str, int]) -> None:
        self.rest, self.skills, self.parts = tokens, skills, 0

    def some(self, depth: int) -> Demand:
        parts = [self._every(depth)]
        while self._next("or"):
            parts.append(self._every(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _every(self, depth: int) -> Demand:
        parts = [self._one(depth)]
        while self._next("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _one(self, depth: int) -> Demand:
        if depth < 1:
            raise Unreadable(_("There are too many brackets."))
        if self._next("not"):
            return Lacks(self._one(depth - 1))
        if self._next("("):
            # Two levels: the tree may hold one join in another.
            inner = self.some(depth - 2)
            if not self._next(")"):
                raise Unreadable(_("A closing bracket is missing."))
            return inner
        return self._has()

    def _has(self) -> Has:
        if not self.rest or self.rest[0][0] != "name":
            raise Unreadable(_("The name of a skill is missing."))
        name = self.rest.pop(0)[1]
        skill = self.skills.get(name.strip().casefold())
        if skill is None:
            raise Unreadable(_("There is no skill “%(name)s”.") % {"name": name[:60]})
        self.parts += 1
        return Has(skill, self._level() if self._next(">=") else 0)

    def _level(self) -> int:
        kind, word = self.rest.pop(0) if self.rest else ("", "")
        if kind != "name" or not re.fullmatch("[0-9]", word) or int(word) > TOP_LEVEL:
            raise Unreadable(_("A level is a number from 0 to 5."))
        return int(word)

    def _next(self, kind: str) -> bool:
        if self.rest and self.rest[0][0] == kind:
            self.rest.pop(0)
            return True
        return False
