"""Experiments on a made-up company, many of them, to see whether they say what they promise.

The company knows nothing of slices or of how they are analysed: customers come by hour and weekday in
bursts, luck lasts for hours, shifts differ, and rules act on what comes after them little by little.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from scipy import stats
from scipy.signal import lfilter

from routing.laboratory import statistics
from routing.laboratory.rails import Rail
from routing.laboratory.schedule import Plan
from routing.laboratory.statistics import Floats, Pairs, Sliced, Verdict

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
ALPHA = 0.05
# A realistic size: four weeks in slices of three hours, about 200 conversations a day.
DAYS = 28
SLICE_MINUTES, WASHOUT_MINUTES = 180, 30
A_DAY = 200.0
# The day is drawn in bins of so many minutes.
BIN = 15
BINS_A_DAY = 1440 // BIN
# A change of rules acts in full only after a while, and shakes things at first.
SETTLES_MINUTES = 15.0
SHAKES = 0.08
RAILS = (
    Rail("first_reply", higher_is_better=False, is_bound=False, limit=0.0),
    Rail("urgent", higher_is_better=True, is_bound=False, limit=0.0),
    Rail("rating", higher_is_better=True, is_bound=False, limit=0.0),
)


Numbers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Truths = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Log:
    """Conversations of one experiment, those within the wash-out left out."""

    slices: Numbers
    is_draft: Truths
    resolved: Truths
    first_reply: Floats
    # NaN where it was not urgent, where nobody rated.
    urgent: Floats
    rating: Floats


def plan(seed: int, days: int = DAYS) -> Plan:
    """Return the plan of one tried experiment."""
    return Plan(MONDAY, SLICE_MINUTES, WASHOUT_MINUTES, days * 1440 // SLICE_MINUTES, seed)


def lived(tried: Plan, effect: float, luck: np.random.Generator) -> Log:
    """Live through an experiment in which the draft resolves `effect` more, as a share, at first contact."""
    bins = tried.slices * tried.slice_minutes // BIN
    hour = (np.arange(bins) % BINS_A_DAY) * BIN / 60
    weekday = np.arange(bins) // BINS_A_DAY % 7
    mood, crowd = _lasting(bins, 0.97, luck), _lasting(bins, 0.9, luck)
    # Who is on duty changes every four hours.
    shift = np.repeat(luck.normal(0, 0.3, bins // 16 + 1), 16)[:bins]
    pressure = np.exp(-((hour - 11) ** 2) / 8) + 0.8 * np.exp(-((hour - 16) ** 2) / 10)
    usual = (0.12 + pressure) * np.where(weekday < 5, 1.0, 0.6) * np.exp(0.35 * crowd)
    came = luck.poisson(usual * A_DAY / 45.0)
    draft, shaken = _acting(tried, bins)
    level = 0.85 - 0.3 * pressure - 0.25 * mood + shift - 0.15 * crowd
    at = np.repeat(np.arange(bins), came)
    counted = (at * BIN % tried.slice_minutes) >= tried.washout_minutes
    at = at[counted]
    chance = _logistic(level[at] + luck.normal(0, 0.5, len(at))) * (1 - SHAKES * shaken[at])
    strain = 0.5 * pressure - 0.2 * shift + 0.3 * crowd
    reply = np.exp(3.8 + strain[at] + luck.normal(0, 0.8, len(at)))
    urgent = np.where(luck.random(len(at)) < 0.2, reply < 120, np.nan)
    stars = np.clip(np.round(4.8 - 0.25 * strain[at] + luck.normal(0, 0.7, len(at))), 1, 5)
    numbers = at * BIN // tried.slice_minutes
    return Log(
        slices=numbers.astype(np.int64),
        is_draft=np.array([tried.is_draft(number) for number in range(tried.slices)])[numbers],
        resolved=luck.random(len(at)) < chance * (1 + effect * draft[at]),
        first_reply=reply,
        urgent=urgent,
        rating=np.where(luck.random(len(at)) < 0.3, stars, np.nan),
    )


def _lasting(count: int, memory: float, luck: np.random.Generator) -> Floats:
    """Return luck that lasts: each value remembers the one before it."""
    shocks = luck.normal(0, np.sqrt(1 - memory**2), count)
    shocks[0] = luck.normal()

    found: Floats = lfilter([1.0], [1.0, -memory], shocks)
    return found


def _acting(tried: Plan, bins: int) -> tuple[Floats, Floats]:
    """Return by how much the draft acts in each bin, and how shaken things are by the last change."""
    kept = np.exp(-BIN / SETTLES_MINUTES)
    draft, shaken = np.zeros(bins), np.zeros(bins)
    acts = shakes = 0.0
    before: bool | None = None
    for at in range(bins):
        rules = tried.is_draft(at * BIN // tried.slice_minutes)
        if before is None:
            acts = float(rules)
        elif rules != before:
            shakes = 1.0
        acts = kept * acts + (1 - kept) * rules
        draft[at], shaken[at] = acts, shakes
        shakes, before = kept * shakes, rules
    return draft, shaken


def _logistic(values: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-values))
    return found


def sliced(log: Log, values: Floats, of: Callable[[Floats], float] = np.mean) -> list[Sliced]:
    """Return one measure of a log by slices, as the product counts it."""
    is_known = np.logical_not(np.isnan(values))
    numbers, values, is_draft = log.slices[is_known], values[is_known], log.is_draft[is_known]
    order = np.argsort(numbers, kind="stable")
    found, starts = np.unique(numbers[order], return_index=True)
    parts = np.split(values[order], starts[1:])
    arms = is_draft[order][starts]
    return [
        Sliced(int(number), bool(arm), float(of(part)), float(len(part)))
        for number, arm, part in zip(found, arms, parts, strict=True)
        if len(part)
    ]


@dataclass(frozen=True, slots=True)
class Told:
    """What one experiment said, and what it would have said of each conversation by itself."""

    verdict: Verdict
    # Guard rails that stopped it.
    broken: tuple[str, ...]
    naive_p: float
    difference: float
    low: float
    high: float

    @property
    def is_difference(self) -> bool:
        """Tell whether it claimed anything."""
        return bool(self.broken) or self.verdict in {Verdict.BETTER, Verdict.WORSE}


def told(log: Log, alpha: float = ALPHA, seed: int = 0) -> Told:
    """Analyse a log as the product does, looking at the guard rails after every pair."""
    measures = {
        "first_reply": sliced(log, log.first_reply, lambda part: float(np.median(part))),
        "urgent": sliced(log, log.urgent),
        "rating": sliced(log, log.rating),
    }
    certain = statistics.certain_at(alpha, len(RAILS))
    broken = [
        rail.measure
        for rail in RAILS
        if statistics.harm(Pairs.of(measures[rail.measure]), rail).max(initial=0.0) >= certain
    ]
    own = statistics.PRIMARY_SHARE * alpha
    found = statistics.estimate(Pairs.of(sliced(log, log.resolved.astype(float))), own, seed)
    return Told(
        statistics.verdict(found, own, higher_is_better=True),
        tuple(broken),
        naive_p(log),
        found.difference,
        -np.inf if found.low is None else found.low,
        np.inf if found.high is None else found.high,
    )


def naive_p(log: Log) -> float:
    """Return the p of a test that takes conversations for independent: wrong, and shown to be."""
    draft, used = log.resolved[log.is_draft], log.resolved[~log.is_draft]
    both = log.resolved.mean()
    error = np.sqrt(both * (1 - both) * (1 / len(draft) + 1 / len(used)))
    return float(2 * stats.norm.sf(abs(draft.mean() - used.mean()) / error))


def experiments(runs: int, effect: float, seed: int, days: int = DAYS) -> Iterator[Told]:
    """Live through experiments and tell what each said."""
    for run in range(runs):
        tried = plan(seed * 1_000_003 + run, days)
        yield told(lived(tried, effect, np.random.default_rng([seed, run])), seed=run)


def share(found: Sequence[Told], is_so: Callable[[Told], bool]) -> float:
    """Return the share of experiments of which something is so."""
    return round(sum(is_so(one) for one in found) / len(found), 4) if found else 0.0
