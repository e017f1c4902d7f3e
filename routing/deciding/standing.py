"""How everybody stands towards what is asked: points in parts, or what keeps them from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.candidates import FULL, Need, Person
from routing.deciding.filters import BITS, Codes, codes, reasons
from routing.deciding.parts import ASKED_BY, Asked, Scorer, available
from routing.deciding.rules import Rules
from routing.deciding.team import Flags, Floats, Ints, Shares, Team

# Whole tenths of a point: they add up exactly, so that what is replayed is the same to the last bit.
Tenths = NDArray[np.int32]
# So many parts of all pairs are kept, which is 16 MB.
MOST_KEPT = 4_000_000
# A part, and what it is worth at most.
_Weighed = tuple[str, Scorer, int]


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
    # needs x everybody
    codes: Codes
    # needs x rows; among the rows are all who may, can and are there for one of the needs
    totals: Tenths
    # who may, can and is there, and of them who has room
    is_there: Flags
    has_room: Flags
    # The parts of the totals by name, where they are few enough to be kept.
    parts: Mapping[str, Tenths]

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
        totals = np.where(self.has_room[at], self.totals[at], -1)
        if len(totals) > most:
            least = totals.max() if most == 1 else np.partition(totals, -most)[-most]
            columns = np.flatnonzero(totals >= max(least, 0))
        else:
            columns = np.flatnonzero(totals >= 0)
        totals = totals[columns]
        team, rows = self.team, self.rows[columns]
        keys = (team.ids[rows], team.last_assigned[rows], -team.free[rows], -totals)
        return np.asarray(rows[np.lexsort(keys)][:most], dtype=np.int64)

    def total(self, at: int, row: int) -> float:
        """Return the points of one person for one need."""
        return int(self.totals[at, np.searchsorted(self.rows, row)]) / 10

    def parts_of(self, at: int, rows: Ints) -> dict[str, Tenths]:
        """Return for each part the tenths of a point of some people for one need; loads must be as they were."""
        weights = self.rules[at].weights
        columns = np.searchsorted(self.rows, rows)
        if self.parts and (self.rows.take(columns, mode="clip") == rows).all():
            return {
                name: tenths[at, columns]
                for name, tenths in self.parts.items()
                if weights.get(name, 0) > 0
            }
        one = Asked(self.team, [self.asked.needs[at]], rows, self.asked.now)
        names, tenths = points(one, [self.rules[at]])
        return {name: tenths[number, 0] for number, name in enumerate(names)}

    def excluded(self, at: int, most: int) -> dict[tuple[str, ...], list[int]]:
        """Return who cannot be given a need by what keeps them from it, those to whom least is missing first."""
        lacks = self.codes[at]
        rows = np.flatnonzero(lacks)
        # The lowest bit is the most basic lack: the higher it is, the less is missing.
        lowest = lacks[rows].astype(np.int64) & -lacks[rows].astype(np.int64)
        nearest = rows[np.argsort(-lowest, kind="stable")[:most]]
        found: dict[int, list[int]] = {}
        for code, staff_id in zip(
            lacks[nearest].tolist(), self.team.ids[nearest].tolist(), strict=True
        ):
            found.setdefault(code, []).append(staff_id)
        return {reasons(code): staff_ids for code, staff_ids in found.items()}


def stand(team: Team, needs: Sequence[Need], rules: Sequence[Rules], now: float) -> Standings:
    """Return how everybody stands towards needs, each by its rules, at an instant, in seconds since 1970."""
    if len(needs) == 1:
        found = codes(team, needs[0], now).reshape(1, -1)
        rows: Ints = team.kept("everybody", lambda: np.arange(len(team)))
        asked = Asked(team, needs, rows, now)
        totals, here = _totals_of_one(asked, rules[0]).reshape(1, -1), found
        parts: dict[str, Tenths] = {}
    else:
        found = np.stack([codes(team, need, now) for need in needs])
        rows = np.flatnonzero(((found & ~BITS[FULL]) == 0).any(axis=0))
        asked = Asked(team, needs, rows, now)
        names, tenths = points(asked, rules)
        totals, here = tenths.sum(axis=0, dtype=np.int32), found[:, rows]
        parts = dict(zip(names, tenths, strict=True)) if tenths.size <= MOST_KEPT else {}
    return Standings(
        asked=asked,
        rules=rules,
        codes=found,
        totals=totals,
        is_there=(here & ~BITS[FULL]) == 0,
        has_room=here == 0,
        parts=parts,
    )


def stand_again(before: Standings, at: int, team: Team, changed: Sequence[int]) -> Standings:
    """Return how everybody stands towards one of the needs now that these rows of the team have other loads.

    What counts as the usual share of work must be as it was.
    """
    need, rules = before.asked.needs[at], [before.rules[at]]
    if not before.parts:
        return stand(team, [need], rules, before.asked.now)
    rows = np.intersect1d(np.array(changed, dtype=np.int64), before.rows)
    columns = np.searchsorted(before.rows, rows)
    parts = {name: tenths[at : at + 1].copy() for name, tenths in before.parts.items()}
    anew = zip(*points(Asked(team, [need], rows, before.asked.now), rules), strict=True)
    for name, tenths in anew:
        parts[name][:, columns] = tenths
    totals = before.totals[at : at + 1].copy()
    totals[0, columns] = sum(tenths[0, columns] for tenths in parts.values())
    found = codes(team, need, before.asked.now).reshape(1, -1)
    here = found[:, before.rows]
    return Standings(
        asked=Asked(team, [need], before.rows, before.asked.now),
        rules=rules,
        codes=found,
        totals=totals,
        is_there=(here & ~BITS[FULL]) == 0,
        has_room=here == 0,
        parts=parts,
    )


def points(asked: Asked, rules: Sequence[Rules]) -> tuple[list[str], Tenths]:
    """Return the names of the parts, and for each the tenths of a point of every pair."""
    scorers = available()
    # Most needs go by the same rules.
    different = list({id(each): each for each in rules}.values())
    places = {id(each): place for place, each in enumerate(different)}
    rules_of = np.array([places[id(each)] for each in rules], dtype=np.int64)
    names = [name for name in scorers if any(each.weights.get(name, 0) > 0 for each in different)]
    tenths = np.zeros((len(names), len(asked.needs), len(asked.rows)), dtype=np.int32)
    for at, name in enumerate(names):
        most = np.array([max(each.weights.get(name, 0), 0) for each in different])
        tenths[at] = _tenths(scorers[name](asked), most[rules_of].reshape(-1, 1))
    return names, tenths


def _totals_of_one(asked: Asked, rules: Rules) -> Tenths:
    """Return everybody's total for one need: the same numbers, with what many needs share reckoned once."""
    need, team = asked.needs[0], asked.team
    shared: list[_Weighed] = []
    own: list[_Weighed] = []
    for name, scorer in available().items():
        if rules.weights.get(name, 0) > 0:
            (shared if name in ASKED_BY else own).append((name, scorer, rules.weights[name]))
    if not team.has_prices:
        shared += [each for each in own if each[0] == "scarcity"]
        own = [each for each in own if each[0] != "scarcity"]
    key = tuple(
        (name, most, ASKED_BY[name](need) if name in ASKED_BY else "") for name, _, most in shared
    )
    total: Tenths = team.kept_of_loads(key, lambda: _sum(asked, shared)).copy()
    return total + _sum(asked, own) if own else total


def _sum(asked: Asked, parts: Sequence[_Weighed]) -> Tenths:
    found = np.zeros(len(asked.rows), dtype=np.int32)
    for name, scorer, most in parts:
        if name != "history" or asked.needs[0].pasts:
            found += _tenths(scorer(asked), most).reshape(-1)
    return found


def _tenths(share: Floats | Shares, most: int | Ints) -> Tenths:
    """Return shares of a weight as whole tenths of points."""
    return np.rint(10 * most * np.clip(share.astype(np.float64), 0.0, 1.0)).astype(np.int32)
