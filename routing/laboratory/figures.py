"""What a played afternoon was worth, counted from its starts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, pstdev

from routing.laboratory.world import Start, World

# Seconds within which a first answer should begin.
TARGETS = {"urgent": 60.0, "normal": 300.0, "low": 1800.0}


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares from 0 to 1, of all who came; waits in seconds, of those who were answered."""

    conversations: int
    answered: int
    first_contact_resolution: float
    # 0 where the bound is not known
    share_of_bound: float
    within_target: float
    urgent_within_target: float
    median_wait_seconds: float
    longest_wait_seconds: float
    # standard deviation by mean, of starts by capacity
    load_variation: float
    # Of the starts, by people who had another in hand.
    interruption: float = 0.0
    urgent_conversations: int = 0
    # Of the starts, by people in training with a colleague behind.
    learning: int = 0


def figures(
    world: World, starts: Sequence[Start], targets: Mapping[str, float] = TARGETS
) -> Figures:
    """Return the figures of an afternoon."""
    firsts = [start for start in starts if not start.is_second]
    waits = {start.conversation: start.at - start.born_at for start in firsts}
    urgent = [n for n, arrival in enumerate(world.arrivals) if arrival.urgency == "urgent"]
    in_time = {n for n, wait in waits.items() if wait <= targets[world.arrivals[n].urgency]}
    resolved = _share(sum(start.is_resolved for start in firsts), len(world.arrivals))
    return Figures(
        conversations=len(world.arrivals),
        answered=len(firsts),
        first_contact_resolution=resolved,
        share_of_bound=round(resolved / world.bound, 5) if world.bound else 0.0,
        within_target=_share(len(in_time), len(world.arrivals)),
        urgent_within_target=_share(len(in_time.intersection(urgent)), len(urgent)),
        median_wait_seconds=round(median(waits.values()), 2) if waits else 0.0,
        longest_wait_seconds=round(max(waits.values(), default=0.0), 2),
        load_variation=_variation(world, starts),
        interruption=_share(sum(start.in_hand > 0 for start in starts), len(starts)),
        urgent_conversations=len(urgent),
        learning=sum(start.is_learning for start in starts),
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 5) if whole else 0.0


def _variation(world: World, starts: Sequence[Start]) -> float:
    counts = Counter(start.person for start in starts)
    loads = [
        counts[row] / max(float(person.capacity), 1.0) for row, person in enumerate(world.people)
    ]
    mean = fmean(loads) if loads else 0.0
    return round(pstdev(loads) / mean, 4) if mean else 0.0
