"""What an experiment says so far: measures side by side, guard rails, and the verdict once there is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from routing.measures import MEASURES
from routing.models import Experiment, Slice

if TYPE_CHECKING:
    from routing.laboratory.statistics import Band, Estimate, Pairs


@dataclass(frozen=True, slots=True)
class RailStand:
    """How far a guard rail is from being broken: `share` is 1 when it is."""

    measure: str
    is_bound: bool
    limit: float
    value: float | None
    pairs: int
    share: float

    @property
    def is_broken(self) -> bool:
        """Tell whether harm is certain enough to stop."""
        return self.share >= 1


@dataclass(frozen=True)
class Standing:
    """Everything that is known of an experiment from its measured slices."""

    primary: "Estimate"
    others: "dict[str, Estimate]"
    rails: tuple[RailStand, ...]
    verdict: str


def pairs_of(rows: Sequence[Slice], measure: str) -> "Pairs":
    """Return the pairs of a measure among measured slices."""
    from routing.laboratory.statistics import Pairs, Sliced  # noqa: PLC0415  (slow to load)

    return Pairs.of(
        [
            Sliced(row.number, row.is_draft, *row.figures[measure])
            for row in rows
            if measure in row.figures
        ]
    )


def rail_stands(experiment: Experiment, rows: Sequence[Slice]) -> tuple[RailStand, ...]:
    """Return where each guard rail stands, at whichever look."""
    from routing.laboratory import statistics  # noqa: PLC0415  (slow to load)

    rails = experiment.guard_rails
    certain = statistics.certain_at(experiment.alpha, len(rails)) if rails else 1.0
    found = []
    for rail in rails:
        pairs = pairs_of(rows, rail.measure)
        value = pairs.draft_mean if rail.is_bound else pairs.difference
        # The greatest so far: what was broken once is broken.
        reached = float(statistics.harm(pairs, rail).max(initial=1.0))
        share = statistics.reached_share(reached, certain)
        known = value if len(pairs) else None
        found.append(RailStand(rail.measure, rail.is_bound, rail.limit, known, len(pairs), share))
    return tuple(found)


def standing(experiment: Experiment, rows: Sequence[Slice]) -> Standing:
    """Return what the measured slices say; the verdict counts once the plan is done."""
    from routing.laboratory import statistics  # noqa: PLC0415  (slow to load)

    own = statistics.PRIMARY_SHARE * experiment.alpha
    primary = statistics.estimate(pairs_of(rows, experiment.primary), own, experiment.seed)
    names = [name for name in MEASURES if name != experiment.primary]
    # Shown, not judged: each interval is wide enough for all of them together.
    each = experiment.alpha / len(names)
    others = {
        str(name): statistics.estimate(pairs_of(rows, name), each, experiment.seed)
        for name in names
    }
    higher = MEASURES[experiment.primary].higher_is_better
    told = statistics.verdict(primary, own, higher_is_better=higher)
    return Standing(primary, others, rail_stands(experiment, rows), str(told))


def over_time(experiment: Experiment, rows: Sequence[Slice]) -> "list[Band]":
    """Return the primary difference after each pair, with a band that may be looked at at any time."""
    from routing.laboratory import statistics  # noqa: PLC0415  (slow to load)

    own = statistics.PRIMARY_SHARE * experiment.alpha
    return statistics.bands(pairs_of(rows, experiment.primary), own)
