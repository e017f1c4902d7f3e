"""One company that is played while its rules change by slices: the harder trial of an experiment's analysis.

The engine decides in earnest here. People busy with what the other rules gave them, queues left behind and
customers who come back carry over from slice to slice, as they would.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

import numpy as np

from routing.candidates import Need, Person, Reach
from routing.deciding.demands import TOP_LEVEL
from routing.deciding.rules import Rules
from routing.laboratory.schedule import Plan
from routing.laboratory.statistics import Sliced
from routing.laboratory.world import BEGINS_AT, DEPARTMENT, FAR, Arrival, Play, Start, World

SKILLS = 8
# A busy afternoon's mean pause between two customers, in seconds.
EVERY = 40.0
PATIENCE = 900.0


class Alternating(Play):
    """A play in which the draft's rules act in its slices, and the others in theirs."""

    def __init__(self, world: World, used: Rules, draft: Rules, plan: Plan) -> None:
        super().__init__(world, self._acting)
        self.used, self.draft, self.plan = used, draft, plan
        self._is_draft = False

    def _look(self, now: float) -> Iterator[Start]:
        number = self.plan.slice_at(BEGINS_AT + timedelta(seconds=now))
        self._is_draft = number is not None and self.plan.is_draft(number)
        yield from super()._look(now)

    def _acting(self, _need: Need) -> Rules:
        return self.draft if self._is_draft else self.used


def drawn(hours: float, luck: np.random.Generator, *, people: int = 10) -> World:
    """Draw a company and its customers, more of them around noon, for so many hours on end."""
    staff = tuple(_person(number, luck) for number in range(people))
    arrivals, at = [], 0.0
    while at < hours * 3600:
        crowd = 1.0 + 0.35 * np.sin(at / 3600 / 24 * 2 * np.pi)
        at += float(luck.exponential(EVERY / crowd))
        first, second = (int(skill) for skill in luck.permutation(SKILLS)[:2])
        arrivals.append(
            Arrival(
                at=at,
                need={first: 0.7, second: 0.3},
                urgency=str(luck.choice(["urgent", "normal", "low"], p=[0.2, 0.5, 0.3])),
                patience=float(luck.exponential(PATIENCE)),
                effort=float(luck.uniform(0.5, 1.5)),
                first_luck=float(luck.random()),
                second_luck=float(luck.random()),
            )
        )
    return World(staff, tuple(arrivals), hours * 3600 + 7200)


def _person(number: int, luck: np.random.Generator) -> Person:
    skills = [int(skill) for skill in luck.permutation(SKILLS)[:3]]
    return Person(
        id=number,
        reaches=(Reach(frozenset({DEPARTMENT})),),
        skills={skill: TOP_LEVEL * float(luck.uniform(0.2, 1)) for skill in skills},
        capacity=Decimal(int(luck.integers(1, 4))),
        lease_until=FAR,
    )


def sliced(world: World, starts: Sequence[Start], plan: Plan) -> list[Sliced]:
    """Return first-contact resolution by slices, of whoever came after the wash-out, answered or not."""
    resolved = {start.conversation for start in starts if start.is_resolved}
    found: dict[int, list[float]] = {}
    for number, arrival in enumerate(world.arrivals):
        at = BEGINS_AT + timedelta(seconds=arrival.at)
        part = plan.slice_at(at)
        if part is not None and at >= plan.counts_from(part):
            found.setdefault(part, []).append(float(number in resolved))
    return [
        Sliced(part, plan.is_draft(part), float(np.mean(values)), float(len(values)))
        for part, values in sorted(found.items())
    ]
