"""What lately came of somebody's conversations on a skill, against what the stated level made one expect.

The stated level stays the prior. Somebody who resolves more on the same topics than colleagues of that level is
taken for a little more, who resolves less for a little less; few conversations say little. What levels already
explain of the differences here is not counted again, and a hard topic is held against nobody.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from routing.deciding.demands import TOP_LEVEL

# As many conversations as expected come before those that are seen.
PRIOR = 20.0
# How much more of the value of a conversation one level is worth: five levels are .65.
OF_ONE_LEVEL = 0.13
MOST_CHANGE = 1.5

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is lately known of one person's skill besides its stated level."""

    # In levels, above or below the stated one.
    change: float
    conversations: int = 0
    # Shares of the conversations, newer ones counting more; `expected` of that level on these topics.
    resolved: float | None = None
    expected: float | None = None
    stars: float | None = None
    exam_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What one person's conversations on one topic came to; sums by weight, which halves with age.

    An exam is a tally too, without a topic: it is compared with the exams of others.
    """

    staff: int
    skill: int
    topic: int | None
    weight: float
    resolved: float
    conversations: int = 0
    # Of those that were rated: their weight, how many were resolved, and stars as shares from 0 to 1.
    rated: float = 0.0
    rated_resolved: float = 0.0
    liked: float = 0.0

    @property
    def of_resolving(self) -> float:
        """Return the weight of having resolved: all of it, half where there is a rating."""
        return self.weight - self.rated / 2

    @property
    def value(self) -> float:
        """Return what having resolved came to."""
        return self.resolved - self.rated_resolved / 2


def counted(stated: float, change: float) -> float:
    """Return the level that counts: what was stated and how evidence changes it."""
    return min(max(stated + change, 0.0), float(TOP_LEVEL))


def reckon(tallies: Iterable[Tally], levels: Mapping[Key, float]) -> dict[Key, Evidence]:
    """Return the evidence of everybody's skills, by (staff, skill), of those who have a level.

    Who holds the skill without a level counts as a colleague at level 0.
    """
    compared = _compared(tallies, levels)
    explained = _explained(compared)
    found: dict[Key, list[_Compared]] = defaultdict(list)
    for one in compared:
        found[one.tally.staff, one.tally.skill].append(one)
    return {
        key: _evidence(rows, levels[key], explained) for key, rows in found.items() if key in levels
    }


@dataclass(frozen=True, slots=True)
class _Compared:
    """A tally beside what everybody had on the topic."""

    tally: Tally
    # Above what all had there, by weight.
    excess: float
    # Levels above those who answered there.
    height: float
    usual: float


def _compared(tallies: Iterable[Tally], levels: Mapping[Key, float]) -> list[_Compared]:
    by_topic: dict[tuple[int, int | None], list[Tally]] = defaultdict(list)
    for tally in tallies:
        if tally.weight > 0:
            by_topic[tally.skill, tally.topic].append(tally)
    return [one for rows in by_topic.values() for one in _of_topic(rows, levels)]


def _of_topic(rows: list[Tally], levels: Mapping[Key, float]) -> list[_Compared]:
    held = {row.staff: levels.get((row.staff, row.skill), 0.0) for row in rows}
    weight = sum(row.weight for row in rows)
    height = sum(row.weight * held[row.staff] for row in rows) / weight
    usual = sum(row.value for row in rows) / sum(row.of_resolving for row in rows)
    rated = sum(row.rated for row in rows)
    liked = sum(row.liked for row in rows) / rated if rated else 0.0
    return [
        _Compared(
            row,
            row.value - row.of_resolving * usual + (row.liked - row.rated * liked) / 2,
            held[row.staff] - height,
            usual,
        )
        for row in rows
    ]


def _explained(compared: Iterable[_Compared]) -> float:
    """Return by how much more value a stated level is worth here: nothing at least, as planned at most."""
    both = spread = 0.0
    for one in compared:
        both += one.height * one.excess
        spread += one.tally.weight * one.height**2
    return min(max(both / spread, 0.0), OF_ONE_LEVEL) if spread else 0.0


def _evidence(rows: list[_Compared], stated: float, explained: float) -> Evidence:
    weight = sum(row.tally.weight for row in rows)
    excess = sum(row.excess - explained * row.tally.weight * row.height for row in rows)
    change = excess / (weight + PRIOR) / OF_ONE_LEVEL
    change = min(max(change, -MOST_CHANGE), MOST_CHANGE)
    topics = [row for row in rows if row.tally.topic is not None]
    seen = sum(row.tally.weight for row in topics)
    rated = sum(row.tally.rated for row in topics)
    exams = [row.tally for row in rows if row.tally.topic is None]
    expected = sum(row.tally.weight * (row.usual + explained * row.height) for row in topics)
    return Evidence(
        change=round(counted(stated, change) - stated, 2),
        conversations=sum(row.tally.conversations for row in topics),
        resolved=round(sum(row.tally.resolved for row in topics) / seen, 3) if seen else None,
        expected=round(min(max(expected / seen, 0.0), 1.0), 3) if seen else None,
        stars=round(1 + 4 * sum(row.tally.liked for row in topics) / rated, 1) if rated else None,
        exam_percent=round(100 * exams[0].resolved / exams[0].weight) if exams else None,
    )
