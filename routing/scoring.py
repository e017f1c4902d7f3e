"""One score for one person and one conversation: a sum of parts, each from 0 to its weight and kept.

A scorer is a pure function of person, need and time that answers from 0 to 1. More of them are added
to `helpdesk.registries.scorers`; a policy's weights say what each is worth.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from helpdesk.registries import scorers
from routing.candidates import Need, Person

DEFAULT_WEIGHTS: dict[str, int] = {
    "skill": 36,
    "history": 20,
    "load": 18,
    "place": 10,
    "language": 10,
    "idle": 6,
}
TOP_LEVEL = 5
HISTORY_FADES_AFTER = timedelta(days=180)
FULLY_IDLE_AFTER = timedelta(minutes=30)

Scorer = Callable[[Person, Need, datetime], float]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a score."""

    name: str
    points: float
    most: int


@dataclass(frozen=True, slots=True)
class Scored:
    """A person with the score and its parts."""

    person: Person
    parts: tuple[Part, ...]

    @property
    def total(self) -> float:
        return round(sum(part.points for part in self.parts), 1)


def skill(person: Person, need: Need, now: datetime) -> float:
    """Return how high the needed levels are; half when the conversation needs no skill."""
    if not need.skills:
        return 0.5
    levels = [person.skills.get(wanted, 0) for wanted in need.skills]
    return sum(levels) / (TOP_LEVEL * len(levels))


def load(person: Person, need: Need, now: datetime) -> float:
    """Return which part of the capacity would still be free afterwards."""
    if person.capacity <= 0:
        return 0.0
    return float((person.free - need.weight) / person.capacity)


def history(person: Person, need: Need, now: datetime) -> float:
    """Return how well the two know each other: recent and well rated counts most, badly rated nothing."""
    past = need.pasts.get(person.id)
    if past is None:
        return 0.0
    age = max(now - past.last_at, timedelta(0)) / HISTORY_FADES_AFTER
    liked = 0.7 if past.stars is None else {5: 1.0, 4: 0.85, 3: 0.4}.get(round(past.stars), 0.0)
    return liked * max(0.0, 1.0 - 0.5 * age)


def language(person: Person, need: Need, now: datetime) -> float:
    """Return 1 for the person's first language, less for a further one; all are equal when it is unknown."""
    if not need.language or need.language == "other":
        return 1.0
    if not person.languages:
        return 0.5
    if need.language not in person.languages:
        return 0.0
    return 1.0 if person.languages[0] == need.language else 0.8


def place(person: Person, need: Need, now: datetime) -> float:
    """Return 1 in the customer's own place; a little when either place is unknown."""
    if not need.place or not person.place:
        return 0.3
    return 1.0 if need.place.casefold() == person.place.casefold() else 0.0


def idle(person: Person, need: Need, now: datetime) -> float:
    """Return how long the person has waited for work, full after half an hour."""
    if person.last_assigned_at is None:
        return 1.0
    return max(now - person.last_assigned_at, timedelta(0)) / FULLY_IDLE_AFTER


BUILT_IN: dict[str, Scorer] = {
    "skill": skill,
    "history": history,
    "load": load,
    "place": place,
    "language": language,
    "idle": idle,
}


def score(
    person: Person, need: Need, now: datetime, weights: Mapping[str, int] = DEFAULT_WEIGHTS
) -> Scored:
    """Return the score of one person, with the parts in the order of the weights."""
    available = dict(scorers.items())
    parts = []
    for name, most in weights.items():
        scorer = available.get(name)
        if scorer is not None and most > 0:
            fraction = min(1.0, max(0.0, scorer(person, need, now)))
            parts.append(Part(name, round(most * fraction, 1), most))
    return Scored(person, tuple(parts))


def rank(
    people: Iterable[Person],
    need: Need,
    now: datetime,
    weights: Mapping[str, int] = DEFAULT_WEIGHTS,
) -> list[Scored]:
    """Return the people, best first; equal scores go to the freer, then to whoever waited longest, then by id."""
    scored = [score(person, need, now, weights) for person in people]
    return sorted(scored, key=lambda one: (-one.total, -one.person.free, *_waited(one.person)))


def _waited(person: Person) -> tuple[float, int]:
    at = person.last_assigned_at
    return (at.timestamp() if at else 0.0, person.id)
