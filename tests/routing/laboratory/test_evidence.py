"""A company whose stated levels are wrong for a third of the people learns from what they answered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import fmean

import numpy as np
import pytest

from routing.candidates import Person, Reach
from routing.deciding.evidence import Tally, reckon
from routing.deciding.rules import Rules
from routing.laboratory.world import DEPARTMENT, FAR, Arrival, Play, World

SKILLS, PEOPLE, HOURS = 4, 10, 2
# Conversations of each on each skill; and the afternoons that are played after them.
BEFORE, AFTERNOONS = 120, range(3)

# Nothing else blurs what levels do.
BY_SKILL = Rules(weights={"skill": 100})


@dataclass
class Company:
    """People as they are, and as administrators state them: a level too high or too low for each third."""

    true: Sequence[Person]
    stated: Sequence[Person]

    @classmethod
    def drawn(cls, luck: np.random.Generator) -> "Company":
        true, stated = [], []
        for number in range(PEOPLE):
            levels = {int(s): int(luck.integers(0, 6)) for s in luck.permutation(SKILLS)[:3]}
            off = int(luck.choice([-1, 1])) if number % 3 == 0 else 0
            said = {skill: min(max(level + off, 0), 5) for skill, level in levels.items()}
            person = Person(
                number, (Reach(frozenset({DEPARTMENT})),), skills=levels, lease_until=FAR,
                capacity=Decimal(2),
            )  # fmt: skip
            true.append(person)
            stated.append(replace(person, skills=said))
        return cls(true, stated)

    def afternoon(self, seed: int, known: Sequence[Person]) -> World:
        luck = np.random.default_rng(seed)
        moments = np.sort(luck.uniform(0, 3600 * HOURS * 0.9, 80))
        arrivals = [
            Arrival(
                at=float(at),
                need={int(luck.integers(SKILLS)): 1.0},
                urgency=str(luck.choice(["urgent", "normal", "low"], p=[0.1, 0.6, 0.3])),
                patience=float(luck.exponential(1800)),
                effort=float(luck.lognormal(-0.3, 0.75)),
                first_luck=float(luck.random()),
                second_luck=float(luck.random()),
            )
            for at in moments
        ]
        return World(tuple(self.true), tuple(arrivals), 3600.0 * HOURS, known=tuple(known))

    def learned(self, luck: np.random.Generator) -> list[Person]:
        """Return the people as stated, with the evidence of what each answered before."""
        tallies = [
            Tally(one.id, skill, skill, BEFORE, luck.binomial(BEFORE, 0.25 + 0.13 * level))
            for one in self.true
            for skill, level in one.skills.items()
        ]
        levels = {(one.id, skill): one.skills[skill] for one in self.stated for skill in one.skills}
        found = reckon(tallies, levels)
        return [
            replace(one, evidence={skill: found[one.id, skill] for skill in one.skills})
            for one in self.stated
        ]

    def resolution(self, known: Sequence[Person]) -> float:
        """Return how many of all who come in the afternoons are expected to be helped at once."""
        found, count = 0.0, 0
        for world in (self.afternoon(seed, known) for seed in AFTERNOONS):
            count += len(world.arrivals)
            for start in Play(world, BY_SKILL).starts():
                if not start.is_second:
                    fit = world.fit(world.arrivals[start.conversation], start.person)
                    # As `settles` has it, without the luck.
                    found += 0.25 + 0.65 * fit
        return found / count

    def error(self, known: Sequence[Person]) -> float:
        """Return by how many levels those that count differ from the true ones."""
        pairs = zip(self.true, known, strict=True)
        return fmean(
            (after.level(skill) - level) ** 2
            for before, after in pairs
            for skill, level in before.skills.items()
        )


@pytest.mark.parametrize("seed", [0, 3])
def test_evidence_helps_where_levels_are_stated_wrongly(seed: int) -> None:
    luck = np.random.default_rng(seed)
    company = Company.drawn(luck)
    people = company.learned(luck)
    assert company.error(people) < company.error(company.stated) / 2
    assert company.resolution(people) > company.resolution(company.stated) + 0.01
