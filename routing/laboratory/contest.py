"""Plays the same days of a company under two sets of rules, and tells with which certainty they differ."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from time import monotonic
from typing import Any

from scipy.stats import t as student

from routing.candidates import Need
from routing.deciding.rules import Rules
from routing.laboratory.bound import bound
from routing.laboratory.company import Company, draw, worked_seconds
from routing.laboratory.figures import Figures, figures
from routing.laboratory.world import URGENCIES, Play, Start, TooSlow, World

PAIRS, LEAST_PAIRS = 10, 4
SECONDS = 50.0
CERTAINTY = 0.95
FIRST_SEED = 20_260_101

RulesOf = Callable[[Need], Rules]
# What is compared, and whether more of it is better.
MEASURES: Mapping[str, bool] = {
    "first_contact_resolution": True,
    "median_wait_seconds": False,
    "urgent_within_target": True,
    "within_target": True,
    "load_variation": False,
    "interruption": False,
}


@dataclass(frozen=True, slots=True)
class Pair:
    """One day under both rules."""

    now: Figures
    then: Figures
    # By department: which part of the working time people were busy.
    loads: tuple[Mapping[int, float], Mapping[int, float]]
    bound: float


def pairs(company: Company, now: RulesOf, then: RulesOf, targets: Rules) -> Iterator[Pair]:
    """Play day after day, each under both rules, until there are enough or the time is over."""
    ends_at = monotonic() + SECONDS
    aims = {name: targets.target(urgency) for name, urgency in URGENCIES.items()}
    longest = 0.0
    for number in range(PAIRS):
        began = monotonic()
        if number and began + longest > ends_at:
            return
        world = draw(company, FIRST_SEED + number)
        try:
            starts = [
                list(Play(world, rules, seconds=ends_at - monotonic()).starts())
                for rules in (now, then)
            ]
        except TooSlow:
            return
        found = [figures(world, each, aims) for each in starts]
        loads = (_loads(world, starts[0]), _loads(world, starts[1]))
        yield Pair(found[0], found[1], loads, bound(world))
        longest = max(longest, monotonic() - began)


def _loads(world: World, starts: Sequence[Start]) -> dict[int, float]:
    """Return by department which part of its people's places and time was taken."""
    busy: defaultdict[int, float] = defaultdict(float)
    room: defaultdict[int, float] = defaultdict(float)
    worked = worked_seconds(len(world.people), world.shifts, world.ends_at)
    for row, person in enumerate(world.people):
        room[person.department_id] += worked[row] * float(person.capacity)
    for start in starts:
        taken = min(start.ends_at, world.ends_at) - start.at
        busy[world.people[start.person].department_id] += taken
    return {pk: min(busy[pk] / each, 1.0) for pk, each in room.items() if each}


def verdict(low: float, high: float, *, more_is_better: bool) -> str:
    """Return better, worse or none: whether the whole interval of a difference lies on one side of nothing."""
    if low <= 0 <= high:
        return "none"
    return "better" if (low > 0) == more_is_better else "worse"


def compared(played: Sequence[Pair]) -> dict[str, Any]:  # Any: figures as JSON
    """Return both means of each measure with the interval of their paired difference; raises TooSlow.

    The days are the unit: each was played twice with the same customers and the same luck.
    """
    if len(played) < LEAST_PAIRS:
        raise TooSlow
    departments = sorted({pk for pair in played for pk in pair.loads[0]})
    return {
        "pairs": len(played),
        "conversations": sum(pair.now.conversations for pair in played),
        "learning": {
            "now": sum(pair.now.learning for pair in played),
            "then": sum(pair.then.learning for pair in played),
        },
        "bound": round(fmean(pair.bound for pair in played), 5),
        "measures": [_measure(name, played) for name in MEASURES if _is_there(name, played)],
        "departments": [
            {"department": pk, "now": _mean(played, 0, pk), "then": _mean(played, 1, pk)}
            for pk in departments
        ],
    }


def _is_there(name: str, played: Sequence[Pair]) -> bool:
    """Tell whether something stands behind a measure."""
    return name != "urgent_within_target" or all(pair.now.urgent_conversations for pair in played)


def _mean(played: Sequence[Pair], side: int, department_id: int) -> float:
    return round(fmean(pair.loads[side].get(department_id, 0.0) for pair in played), 4)


def _measure(name: str, played: Sequence[Pair]) -> dict[str, Any]:  # Any: as above
    before = [float(getattr(pair.now, name)) for pair in played]
    after = [float(getattr(pair.then, name)) for pair in played]
    differences = [late - early for early, late in zip(before, after, strict=True)]
    middle = fmean(differences)
    factor = float(student.ppf((1 + CERTAINTY) / 2, len(played) - 1))
    half = factor * stdev(differences) / sqrt(len(played))
    low, high = round(middle - half, 5), round(middle + half, 5)
    return {
        "name": name,
        "now": round(fmean(before), 5),
        "then": round(fmean(after), 5),
        "difference": round(middle, 5),
        "low": low,
        "high": high,
        "verdict": verdict(low, high, more_is_better=MEASURES[name]),
    }
