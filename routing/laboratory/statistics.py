"""What slices of an experiment tell: differences, intervals, verdicts, and when harm is certain.

Slices are the unit, never conversations: those of one slice share its people, its hour and its luck, so
they are no independent witnesses. Each pair of slices gives one difference, draft less policy in use.

Weights. A pair counts as many conversations as the smaller side allows, n1 x n2 / (n1 + n2): a night with
three conversations tells little. The weight is the same whichever half was the draft's, so that the coins
stay the only chance in the test (Bojinov, Simchi-Levi, Zhao: Design and Analysis of Switchback
Experiments, Management Science 69, 2023).

How often it cries wolf. All claims of one experiment together are wrong with at most `alpha` when the arms
do not differ: four fifths are spent on the primary measure, which is judged once, at the end of the plan;
one fifth is shared evenly by the guard rails (Bonferroni), which may be looked at after every slice.
Whatever else is measured is shown with an interval and no verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from scipy import stats

from routing.laboratory.rails import Rail

PRIMARY_SHARE = 0.8
# With fewer pairs nothing is claimed: a coin's sign alone could not be rare enough.
LEAST_PAIRS = 6
FLIPS = 4000
# What harm is bet on, in shares of a usual difference: small and lasting, or large and soon seen.
BETS = np.array([0.25, 0.5, 1.0, 3.0])
# So many first differences say what a usual one is.
SCALED_BY = 4
_STEPS = 40

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


class Verdict(StrEnum):
    """What the primary measure says once the plan is done."""

    BETTER = "better"
    NO_DIFFERENCE = "no_difference"
    WORSE = "worse"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True)
class Sliced:
    """One measure in one slice: its value, and of how many conversations."""

    number: int
    is_draft: bool
    value: float
    weight: float


@dataclass(frozen=True)
class Pairs:
    """The pairs of a measure whose two slices both have something to tell, in their order."""

    numbers: tuple[int, ...]
    # Values of the draft, of the policy in use, and weights.
    draft: Floats
    used: Floats
    weights: Floats

    @classmethod
    def of(cls, slices: Sequence[Sliced]) -> "Pairs":
        """Pair slices up; a slice whose other half is missing is left out."""
        known = {one.number: one for one in slices if one.weight > 0}
        found = []
        for number in sorted({number // 2 for number in known}):
            first, second = known.get(2 * number), known.get(2 * number + 1)
            if first and second and first.is_draft != second.is_draft:
                draft, used = (first, second) if first.is_draft else (second, first)
                weight = draft.weight * used.weight / (draft.weight + used.weight)
                found.append((number, draft.value, used.value, weight))
        columns = np.array(found, dtype=float).reshape(-1, 4).T
        return cls(tuple(int(number) for number in columns[0]), *columns[1:])

    def __len__(self) -> int:
        return len(self.numbers)

    def until(self, count: int) -> "Pairs":
        """Return the first pairs only."""
        return Pairs(
            self.numbers[:count], self.draft[:count], self.used[:count], self.weights[:count]
        )

    @cached_property
    def differences(self) -> Floats:
        """Return draft less policy in use, for each pair."""
        return self.draft - self.used

    @property
    def difference(self) -> float:
        """Return the weighted mean of the differences; 0 without any."""
        return self._mean(self.differences)

    @property
    def draft_mean(self) -> float:
        return self._mean(self.draft)

    @property
    def used_mean(self) -> float:
        return self._mean(self.used)

    def _mean(self, values: Floats) -> float:
        return float(np.average(values, weights=self.weights)) if len(self) else 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference with its interval, and how often coins alone would show one as large."""

    pairs: int
    draft: float
    used: float
    difference: float
    # None: nothing can be ruled out yet.
    low: float | None
    high: float | None
    p: float


def estimate(pairs: Pairs, alpha: float, seed: int = 0) -> Estimate:
    """Return the difference with its t interval at 1 - alpha, and the p of turning the coins.

    The interval's variance is corrected for the pull each pair has on the mean (HC2), and its degrees of
    freedom count pairs by weight: few heavy pairs are few witnesses. Valid when looked at once.
    """
    low = high = None
    if len(pairs) >= LEAST_PAIRS:
        shares = pairs.weights / pairs.weights.sum()
        off = pairs.differences - pairs.difference
        error = float(np.sqrt(np.sum(shares**2 * off**2 / np.maximum(1 - shares, 1e-9))))
        freedom = max(1.0 / float(np.sum(shares**2)) - 1, 1.0)
        reach = float(stats.t.ppf(1 - alpha / 2, freedom)) * error
        low, high = pairs.difference - reach, pairs.difference + reach
    return Estimate(
        len(pairs),
        pairs.draft_mean,
        pairs.used_mean,
        pairs.difference,
        low,
        high,
        chance(pairs, seed),
    )


def chance(pairs: Pairs, seed: int = 0) -> float:
    """Return the share of other falls of the coins with a difference as large: all of few pairs, else drawn."""
    count = len(pairs)
    if not count:
        return 1.0
    pulls = pairs.weights * pairs.differences
    if count <= 12:
        signs = 1.0 - 2.0 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        extra = 0
    else:
        drawn = np.random.default_rng(seed).integers(0, 2, (FLIPS, count))
        signs = 1.0 - 2.0 * drawn
        extra = 1  # the fall that really happened
    found = np.abs(signs @ pulls)
    as_large = int(np.count_nonzero(found >= abs(pulls.sum()) * (1 - 1e-12)))
    return (as_large + extra) / (len(signs) + extra)


def verdict(found: Estimate, alpha: float, *, higher_is_better: bool) -> Verdict:
    """Return what an estimate made at `alpha` says: a difference only where interval and coins agree."""
    if found.low is None or found.high is None:
        return Verdict.TOO_FEW
    if found.p > alpha or found.low <= 0 <= found.high:
        return Verdict.NO_DIFFERENCE
    return Verdict.BETTER if (found.difference > 0) == higher_is_better else Verdict.WORSE


def evidence(excess: Floats, weights: Floats) -> Floats:
    """Return, after each pair, how many times a bet on `excess` being above zero has multiplied its stake.

    Where the arms do not differ by more than was allowed, each excess is as likely to have the other sign:
    which half was the draft's is a coin. A stake that is multiplied by exp(b x) / cosh(b x) then grows or
    shrinks to the same amount on average, whatever the sizes of x are, so with a chance of at most `alpha`
    it is ever multiplied by 1 / alpha, at whichever of arbitrarily many looks (Ville). This is exact for
    any number of pairs and needs no variance. See Ham, Bojinov, Lindon, Tingley: Design-Based Confidence
    Sequences, arXiv:2210.08639; the bets are Shafer's, JRSS A 184, 2021.
    """
    pulls = excess * weights
    sizes = np.abs(pulls)[np.abs(pulls) > 0]
    if len(sizes) < SCALED_BY:
        return np.ones(len(pulls))
    scaled = np.outer(BETS, pulls / sizes[:SCALED_BY].mean())
    # log cosh without overflow
    gains = scaled - (np.logaddexp(scaled, -scaled) - np.log(2.0))
    grown: Floats = np.exp(np.cumsum(gains, axis=1)).mean(axis=0)
    return grown


@dataclass(frozen=True, slots=True)
class Band:
    """What was known of a difference after so many pairs; right at all looks together."""

    pair: int
    difference: float
    low: float | None
    high: float | None


def bands(pairs: Pairs, alpha: float, most: int = 60) -> list[Band]:
    """Return the difference after each of at most so many pairs, evenly chosen.

    The intervals hold with 1 - alpha at every look together.

    It holds whatever difference the evidence against it, on either side, has not reached 2 / alpha.
    """
    looks = sorted({round(count) for count in np.linspace(1, len(pairs), min(most, len(pairs)))})
    found = []
    for count in looks:
        known = pairs.until(count)
        low, high = _limit(known, alpha, -1), _limit(known, alpha, 1)
        found.append(Band(pairs.numbers[count - 1], known.difference, low, high))
    return found


def _limit(pairs: Pairs, alpha: float, side: int) -> float | None:
    """Return how far the difference may lie from its estimate on one side; None where anything goes."""

    def is_out(value: float) -> bool:
        excess = side * (value - pairs.differences)
        return bool(len(excess) and evidence(excess, pairs.weights)[-1] >= 2 / alpha)

    center = pairs.difference
    step = float(np.abs(pairs.differences - center).max(initial=0.0)) or 1e-6
    near, far = 0.0, 4 * step
    if not is_out(center + side * far):
        return None
    for _ in range(_STEPS):
        middle = (near + far) / 2
        near, far = (near, middle) if is_out(center + side * middle) else (middle, far)
    return center + side * far


def harm(pairs: Pairs, rail: Rail) -> Floats:
    """Return the evidence after each pair that the draft breaks the guard rail.

    Against a bound the draft's own values are taken, which have no coin: they are assumed to scatter evenly
    around their mean.
    """
    sign = -1.0 if rail.higher_is_better else 1.0
    if rail.is_bound:
        return evidence(sign * (pairs.draft - rail.limit), pairs.weights)
    return evidence(sign * pairs.differences - rail.limit, pairs.weights)


def certain_at(alpha: float, rails: int) -> float:
    """Return the evidence from which a guard rail counts as broken, with so many of them."""
    return rails / ((1 - PRIMARY_SHARE) * alpha)


def reached_share(found: float, certain: float) -> float:
    """Return how much of the evidence that is needed there is, from 0 to 1: by its logarithm, as it adds up."""
    return min(max(float(np.log(max(found, 1.0)) / np.log(certain)), 0.0), 1.0)
