"""What an hour of each person is worth elsewhere: the prices at which the recent demand fits into their time.

Each conversation that came lately goes where it gains most after paying for the time it takes; whoever is
asked for more than their time gets dearer, whoever is asked for less gets cheaper, until it fits. These
are the dual prices of the transport problem, smoothed so that small changes of demand change little.
"""

from collections.abc import Sequence

import numpy as np

from routing.candidates import FULL, Need
from routing.deciding.filters import BITS, codes
from routing.deciding.parts import SKILL_SAVES, UNSKILLED_TIME, Asked
from routing.deciding.team import Flags, Floats, Team

ROUNDS = 150
STEP = 0.03
# A round that changes less is the last.
SETTLED = 1e-5
SMOOTH = 0.07
# What it is worth that nobody answers: less than the least skilled answer.
NOBODY = -0.385
# Nobody answers every minute of the day.
BUSY_AT_MOST = 0.95
LEAST_DEMAND = 20


def prices(
    demand: Sequence[Need],
    team: Team,
    *,
    counts: Sequence[int] | None = None,
    conversations_per_second: float,
    usual_seconds: float,
    now: float,
) -> Floats:
    """Return what each person's time is worth, in shares of the skill scale; 0 while nobody is scarce.

    `demand` is a sample of what came lately, each as often as `counts` says, once where it says nothing; starts
    from the prices that the team has.
    """
    found = team.price.copy()
    often = np.ones(len(demand)) if counts is None else np.array(counts, dtype=np.float64)
    if often.sum() < LEAST_DEMAND or not len(team):
        return found * 0
    fit, may = _fits(demand, team, now)
    time = UNSKILLED_TIME - SKILL_SAVES * fit
    # Hours asked of one hour of each person, were all of this for them.
    load = conversations_per_second * usual_seconds / often.sum() * often.reshape(-1, 1) * time
    load /= np.maximum(team.capacity, 1) / 100 * BUSY_AT_MOST
    for _ in range(ROUNDS):
        share = _shares(np.where(may, fit - found * time, -np.inf))
        asked = (share * load).sum(axis=0)
        before, found = found, np.maximum(found + STEP * np.log(np.maximum(asked, 1e-3)), 0.0)
        if np.abs(found - before).max() < SETTLED:
            break
    return np.asarray(found, dtype=np.float64)


def _fits(demand: Sequence[Need], team: Team, now: float) -> tuple[Floats, Flags]:
    """Return for each need and person how well the skills fit, and whether the person may, can and is there."""
    fit = Asked(team, demand, np.arange(len(team)), now).fit.astype(np.float64)
    may = np.stack([(codes(team, need, now) & ~BITS[FULL]) == 0 for need in demand])
    return fit, may


def _shares(gain: Floats) -> Floats:
    """Return which part of each need goes to whom: nearly all to the best, none where nobody gains."""
    highest = np.maximum(gain.max(axis=1, keepdims=True), NOBODY)
    share = np.exp((gain - highest) / SMOOTH)
    unserved = np.exp((NOBODY - highest) / SMOOTH)
    return np.asarray(share / (share.sum(axis=1, keepdims=True) + unserved), dtype=np.float64)
