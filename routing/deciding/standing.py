"""How everybody stands towards what is asked: points in parts, or what keeps them from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.candidates import FULL, Need, Person
from routing.deciding.filters import BITS, Codes, codes, reasons
from routing.deciding.parts import Asked, available
from routing.deciding.rules import Rules
from routing.deciding.team import Flags, Ints, Team

# Whole tenths of a point: they add up exactly, so that what is replayed is the same to the last bit.
Tenths = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a score."""

    name: str
    points: float
    most: int


@dataclass(frozen=True, slots=True)
class Scored:
    """A person with the score and its parts."""

    person: Person
    parts: tuple[Part, ...]

    @property
    def total(self) -> float:
        return round(sum(part.points for part in self.parts), 1)


@dataclass(frozen=True, slots=True, eq=False)
class Standings:
    """How everybody stands towards some needs, as it was when it was asked."""

    asked: Asked
    # of each need
    rules: Sequence[Rules]
    # the parts in the order of the tables
    names: Sequence[str]
    # needs x everybody
    codes: Codes
    # parts x needs x rows, and needs x rows; the rows are those who may, can and are there for one of them
    tenths: Tenths
    totals: Tenths
    # who may, can and is there, and of them who has room
    is_there: Flags
    has_room: Flags

    @property
    def rows(self) -> Ints:
        return self.asked.rows

    @property
    def team(self) -> Team:
        return self.asked.team

    def order(self, at: int, most: int) -> Ints:
        """Return the rows of the best who have room for one need, best first.

        Equal totals go to the freer, then to whoever waited longest, then by id.
        """
        room = self.has_room[at]
        rows, totals = self.rows[room], self.totals[at][room]
        if len(rows) > most:
            least = np.partition(totals, len(totals) - most)[len(totals) - most]
            rows, totals = rows[totals >= least], totals[totals >= least]
        team = self.team
        keys = (team.ids[rows], team.last_assigned[rows], -team.free[rows], -totals)
        return np.asarray(rows[np.lexsort(keys)][:most], dtype=np.int64)

    def scored(self, at: int, row: int) -> Scored:
        """Return the parts of one person for one need, as people read them."""
        column = int(np.searchsorted(self.rows, row))
        parts = [
            Part(name, int(self.tenths[self.names.index(name), at, column]) / 10, most)
            for name, most in self.rules[at].weights.items()
            if most > 0 and name in self.names
        ]
        return Scored(self.team.person(row), tuple(parts))

    def excluded(self, at: int, most: int) -> dict[int, tuple[str, ...]]:
        """Return why others cannot be given a need, those to whom least is missing first."""
        lacks = self.codes[at]
        rows = np.flatnonzero(lacks)
        # The lowest bit is the most basic lack: the higher it is, the less is missing.
        lowest = lacks[rows].astype(np.int64) & -lacks[rows].astype(np.int64)
        nearest = rows[np.argsort(-lowest, kind="stable")[:most]]
        return {int(self.team.ids[row]): reasons(int(lacks[row])) for row in nearest}


def stand(team: Team, needs: Sequence[Need], rules: Sequence[Rules], now: float) -> Standings:
    """Return how everybody stands towards needs, each by its rules, at an instant, in seconds since 1970."""
    found = np.stack([codes(team, need, now) for need in needs])
    rows = np.flatnonzero(((found & ~BITS[FULL]) == 0).any(axis=0))
    asked = Asked(team, needs, rows, now)
    names, tenths = points(asked, rules)
    here = found[:, rows]
    return Standings(
        asked=asked,
        rules=rules,
        names=names,
        codes=found,
        tenths=tenths,
        totals=tenths.sum(axis=0, dtype=np.int32),
        is_there=(here & ~BITS[FULL]) == 0,
        has_room=here == 0,
    )


def points(asked: Asked, rules: Sequence[Rules]) -> tuple[list[str], Tenths]:
    """Return the names of the parts, and for each the tenths of a point of every pair."""
    scorers = available()
    names = [name for name in scorers if any(each.weights.get(name) for each in rules)]
    tenths = np.zeros((len(names), len(asked.needs), len(asked.rows)), dtype=np.int32)
    for at, name in enumerate(names):
        most = np.array([[max(each.weights.get(name, 0), 0)] for each in rules])
        tenths[at] = np.rint(10 * most * np.clip(scorers[name](asked), 0.0, 1.0))
    return names, tenths
