"""Who gets what when several conversations wait: the assignment of the highest total value.

While there is room to spare everything is given at once. When there is not, a conversation may wait for
somebody better, ever less so the longer it has waited; what waits longest goes first in the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from routing.candidates import Need
from routing.deciding.filters import learns
from routing.deciding.parts import GIVEN_BEFORE
from routing.deciding.rules import Rules
from routing.deciding.standing import Standings, stand
from routing.deciding.team import Flags, Floats, Ints, Team, hundredths

MOST_URGENT = 256
# Above this many pairs only the most urgent are solved together.
MOST_PAIRS = 2_000_000
# Nobody is given more of one round than this, but where there are few for many.
MOST_EACH = 8
# Larger than any points: a pair that is not allowed.
_NEVER = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """Who gets what, as (number of the need, row), most pressing first, and what waits for somebody better."""

    # In the order in which they press.
    needs: Sequence[Need] = ()
    standings: Standings | None = None
    given: Sequence[tuple[int, int]] = ()
    held: Sequence[int] = ()


def decide(
    needs: Sequence[Need], team: Team, rules_of: Callable[[Need], Rules], now: float
) -> Decided:
    """Return who gets what of these needs at an instant, in seconds since 1970. Loads are not changed."""
    pressing = _pressing(needs, team, rules_of, now)
    if not pressing:
        return Decided()
    standings = stand(team, pressing, [rules_of(need) for need in pressing], now)
    allowed = _allowed(standings)
    is_held = standings.has_room.any(axis=1) & ~allowed.any(axis=1)
    held = [int(at) for at in np.flatnonzero(is_held)]
    given = _only(standings, allowed) if len(pressing) == 1 else _solve(standings, allowed)
    return Decided(pressing, standings, given, held)


def _pressing(
    needs: Sequence[Need], team: Team, rules_of: Callable[[Need], Rules], now: float
) -> list[Need]:
    """Return the needs in the order in which they press, and no more than can be solved together."""

    def key(need: Need) -> tuple[float, int]:
        return (-rules_of(need).precedence(need, now), need.conversation_id)

    ranked = sorted(needs, key=key)
    return ranked if len(needs) * len(team) <= MOST_PAIRS else ranked[:MOST_URGENT]


def _allowed(standings: Standings) -> Flags:
    """Tell which pairs may be made now; while capacity is scarce only those that are good enough."""
    asked, rules = standings.asked, standings.rules
    if not asked.rows.size:
        return standings.has_room
    free = asked.team.free_percent(asked.now)
    if all(free > each.slack_percent for each in rules):
        return standings.has_room
    best = np.where(standings.is_there, standings.totals, -1).max(axis=1)
    tolerance = np.array(
        [
            np.inf if free > each.slack_percent else each.tolerance(need, asked.now)
            for each, need in zip(rules, asked.needs, strict=True)
        ]
    )
    least = (best - 10 * tolerance).reshape(-1, 1)
    return np.asarray(standings.has_room & (standings.totals >= least), dtype=np.bool_)


def _only(standings: Standings, allowed: Flags) -> list[tuple[int, int]]:
    """Return the best for the only need; the best who has room is allowed if anybody is."""
    return [(0, int(standings.order(0, 1)[0]))] if allowed.any() else []


def _solve(standings: Standings, allowed: Flags) -> list[tuple[int, int]]:
    asked = standings.asked
    columns, before = _columns(standings, allowed)
    if not columns.size:
        return []
    value = np.where(allowed, standings.totals / 10 + _tie_breaks(asked.rows, asked.team), -_NEVER)
    pairs = zip(standings.rules, asked.needs, strict=True)
    precedence = np.array([each.precedence(need, asked.now) for each, need in pairs])
    value = (value + precedence.reshape(-1, 1))[:, columns]
    value -= before * _next_costs(standings).reshape(-1, 1) / _capacity(standings, columns)
    picked = zip(*linear_sum_assignment(value, maximize=True), strict=True)
    return [
        (int(at), int(asked.rows[columns[column]]))
        for at, column in picked
        if value[at, column] > -_NEVER / 2
    ]


def _columns(standings: Standings, allowed: Flags) -> tuple[Ints, Ints]:
    """Return each column of somebody with room once for each conversation that still fits in.

    Beside it stands how many of the same person come before.
    """
    useful = np.flatnonzero(allowed.any(axis=0))
    heaviest = max(hundredths(need.weight) for need in standings.asked.needs)
    free = standings.team.free[standings.rows[useful]]
    room = np.clip(free // heaviest, 1, np.minimum(_shares(allowed)[useful], len(allowed)))
    room = np.minimum(room, _most_at_once(standings)[useful])
    before = np.concatenate([np.arange(each) for each in room]) if room.size else room
    return np.repeat(useful, room), before


def _shares(allowed: Flags) -> Ints:
    """Return how many each is given of one round at most: twice what falls on them evenly, and some more."""
    fitting = allowed.sum(axis=1, keepdims=True)
    evenly = (allowed / np.maximum(fitting, 1)).sum(axis=0)
    return np.asarray(np.maximum(MOST_EACH, np.ceil(2 * evenly)), dtype=np.int64)


def _most_at_once(standings: Standings) -> Ints:
    """Return how many of these needs each may get together, whatever their kinds turn out to be."""
    team, rows = standings.team, standings.rows
    found = np.full(len(rows), len(standings.asked.needs))
    for kind in {need.kind for need in standings.asked.needs} & set(team.most):
        most = team.most[kind][rows]
        found = np.where(most > 0, np.minimum(found, most - team.held[kind][rows]), found)
    if any(need.fills for need in standings.asked.needs):
        found = np.minimum(found, 1)
    for skill in {need.practice.skill_id for need in standings.asked.needs if need.practice}:
        found = np.where(learns(team, skill)[rows], np.minimum(found, 1), found)
    return np.asarray(np.maximum(found, 1), dtype=np.int64)


def _next_costs(standings: Standings) -> Floats:
    """Return for each need what a person's next conversation costs in load and fairness, by one of capacity."""
    usual = standings.team.usual_recent + GIVEN_BEFORE
    costs = [
        each.weights.get("load", 0) + each.weights.get("fairness", 0) / usual / 2
        for each in standings.rules
    ]
    return np.array(costs, dtype=np.float64)


def _capacity(standings: Standings, columns: Ints) -> Floats:
    capacity = standings.team.capacity[standings.rows[columns]]
    return np.asarray(np.maximum(capacity, 1) / 100, dtype=np.float64)


def _tie_breaks(rows: Ints, team: Team) -> Floats:
    """Return less than a tenth of a point: the freer first, then whoever waited longest."""
    free = team.free[rows] / np.maximum(team.capacity[rows], 1)
    last = team.last_assigned[rows]
    newest = float(last.max()) if len(last) else 0.0
    waited = np.minimum(newest - last, 86_400.0) / 86_400.0
    return np.asarray(0.03 * free + 0.01 * waited, dtype=np.float64)
