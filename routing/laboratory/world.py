"""One afternoon of a company on which rules are tried: people, arrivals, and luck that was drawn beforehand.

A world says when customers come, what they need, how long they stay and how it would end with whom. The
engine sees what it would see in earnest: skills, needs, urgency, waiting times and who has room.
"""

import gzip
import heapq
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any

from helpdesk.errors import Invalid
from helpdesk.services.practices import Practice
from routing import learning
from routing.candidates import HOURS, LENT, Need, Person, Reach
from routing.deciding.demands import TOP_LEVEL
from routing.deciding.matching import decide
from routing.deciding.parts import SKILL_SAVES, UNSKILLED_TIME
from routing.deciding.prices import prices
from routing.deciding.rules import Rules
from routing.deciding.team import Team
from routing.facts import TopicRule

DEPARTMENT = 1
BEGINS_AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
FAR = datetime(2100, 1, 1, tzinfo=UTC)
URGENCIES = {"urgent": 80, "normal": 37, "low": 0}
# Seconds for which a customer whose first answer did not settle it waits for the second.
PATIENCE_AGAIN = {"urgent": 480.0, "normal": 1200.0, "low": 3600.0}
COMES_BACK_AFTER = 1800.0
USUAL_SECONDS = 480.0
# How often the engine looks again at what waits for somebody better, and what people's time is worth.
LOOKS_EVERY, PRICES_EVERY = 5.0, 300.0
MOST_REMEMBERED = 400


@dataclass(frozen=True, slots=True)
class Arrival:
    """One customer, and the luck of whoever answers."""

    at: float
    need: Mapping[int, float]
    urgency: str
    patience: float
    effort: float
    first_luck: float
    second_luck: float
    # Department, topic, language and the like, where more than the shares of skills is known.
    asked: Need | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody, by row, begins or stops working."""

    at: float
    row: int
    is_on: bool


@dataclass(frozen=True, slots=True)
class World:
    """An afternoon: seconds from its beginning."""

    people: tuple[Person, ...]
    arrivals: tuple[Arrival, ...]
    ends_at: float
    # A bound that nobody can pass; 0 where it is not known.
    bound: float = 0.0
    # Who begins or stops when; whoever is not named works all the time.
    shifts: tuple[Shift, ...] = ()
    # Seconds that some people lend, by row.
    lent: Mapping[int, float] = field(default_factory=dict)
    usual_seconds: float = USUAL_SECONDS
    # The same people as the engine knows them, where that differs from how they are.
    known: tuple[Person, ...] = ()
    # What topics ask for, where people learn with them.
    topics: Mapping[int, TopicRule] = field(default_factory=dict)

    def fit(self, arrival: Arrival, row: int) -> float:
        """Return how well somebody's skills fit, from 0 to 1; half where none is needed."""
        if not arrival.need:
            return 0.5
        person = self.people[row]
        return sum(share * person.level(skill) / TOP_LEVEL for skill, share in arrival.need.items())

    def seconds(self, arrival: Arrival, fit: float) -> float:
        """Return for how long it occupies whoever answers it."""
        return self.usual_seconds * arrival.effort * (UNSKILLED_TIME - SKILL_SAVES * fit)


def settles(arrival: Arrival, fit: float) -> bool:
    """Tell whether the first answer of somebody with that fit settles it."""
    return arrival.first_luck < 0.25 + 0.65 * fit


@dataclass(frozen=True, slots=True)
class Start:
    """One conversation that somebody began to answer."""

    conversation: int
    is_second: bool
    person: int
    at: float
    born_at: float
    is_resolved: bool
    ends_at: float = 0.0
    # How many others this person had in hand.
    in_hand: int = 0
    # By somebody in training, with a colleague behind.
    is_learning: bool = False


class TooSlow(Exception):
    """The play took longer than it may."""


def read_world(path: Path) -> World:
    """Return a world from its file, plain or packed. Raises Invalid for anything else."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return _world(json.loads(raw))
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(field="world") from error


def _world(found: Mapping[str, Any]) -> World:  # Any: JSON as it was read
    people = tuple(_person(number, facts) for number, facts in enumerate(found["staff"]))
    arrivals = tuple(_arrival(facts) for facts in found["arrivals"])
    return World(people, arrivals, float(found["end"]), float(found.get("bound", 0.0)))


def _person(number: int, facts: Mapping[str, Any]) -> Person:  # Any: as above
    return Person(
        id=number,
        reaches=(Reach(frozenset({DEPARTMENT})),),
        skills={int(skill): TOP_LEVEL * float(level) for skill, level in facts["levels"].items()},
        capacity=Decimal(int(facts["slots"])),
        lease_until=FAR,
    )


def _arrival(facts: Mapping[str, Any]) -> Arrival:  # Any: as above
    if facts["urgency"] not in URGENCIES:
        raise ValueError("unknown urgency")
    return Arrival(
        at=float(facts["t"]),
        need={int(skill): float(share) for skill, share in facts["need"].items()},
        urgency=str(facts["urgency"]),
        patience=float(facts["patience"]),
        effort=float(facts["handle"]),
        first_luck=float(facts["u1"]),
        second_luck=float(facts["u2"]),
    )


@dataclass(order=True, slots=True)
class _Happening:
    at: float
    order: int
    # An arrival by number and whether it is the second time, a person who is done, a shift, or a look.
    arrival: int | None = field(default=None, compare=False)
    is_second: bool = field(default=False, compare=False)
    done_by: int | None = field(default=None, compare=False)
    practice: Practice | None = field(default=None, compare=False)
    shift: Shift | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class _Waiting:
    need: Need
    born_at: float
    leaves_at: float


def asked_of(arrival: Arrival) -> Need:
    """Return what an arrival asks of whoever answers it."""
    return arrival.asked or Need(
        conversation_id=0,
        department_id=DEPARTMENT,
        skills=dict.fromkeys(arrival.need, -1),
        shares=arrival.need,
        urgency=URGENCIES[arrival.urgency],
    )


class Play:
    """One play of a world under some rules: the same for all, or those of each need."""

    def __init__(
        self,
        world: World,
        rules: Rules | Callable[[Need], Rules],
        *,
        seconds: float = float("inf"),
    ) -> None:
        self.world = world
        self.rules_of = (lambda _need: rules) if isinstance(rules, Rules) else rules
        self.team = Team.of(world.known or world.people)
        self.lent = dict(world.lent)
        self.busy = [0] * len(world.people)
        self.waiting: dict[tuple[int, bool], _Waiting] = {}
        self.demand: list[tuple[float, Need]] = []
        self._happenings: list[_Happening] = []
        self._count = 0
        self._priced_at = 0.0
        self._looks_at = 0.0
        self._until = monotonic() + seconds

    def starts(self) -> Iterator[Start]:
        """Play the afternoon and give each start as it happens; raises TooSlow."""
        for shift in self.world.shifts:
            self._plan(shift.at, shift=shift)
        for number, arrival in enumerate(self.world.arrivals):
            self._plan(arrival.at, arrival=number)
        while self._happenings:
            now = self._happenings[0].at
            if now > self.world.ends_at:
                return
            if monotonic() > self._until:
                raise TooSlow
            while self._happenings and self._happenings[0].at <= now:
                self._happen(heapq.heappop(self._happenings), now)
            yield from self._look(now)

    def _plan(self, at: float, **what: Any) -> None:  # Any: the fields of a happening
        self._count += 1
        heapq.heappush(self._happenings, _Happening(at, self._count, **what))

    def _happen(self, what: _Happening, now: float) -> None:
        if what.done_by is not None:
            self.team.take_back(what.done_by, Decimal(1), what.practice)
            self.busy[what.done_by] -= 1
        if what.shift is not None:
            self.team.turn(what.shift.row, "" if what.shift.is_on else HOURS)
        if what.arrival is None:
            return
        arrival = self.world.arrivals[what.arrival]
        patience = PATIENCE_AGAIN[arrival.urgency] if what.is_second else arrival.patience
        need = replace(
            asked_of(arrival),
            conversation_id=2 * what.arrival + what.is_second,
            waiting_since=BEGINS_AT + timedelta(seconds=now),
        )
        self.waiting[what.arrival, what.is_second] = _Waiting(need, now, now + patience)
        self.demand = [*self.demand, (now, need)][-MOST_REMEMBERED:]

    def _look(self, now: float) -> Iterator[Start]:
        """Let the engine decide, as the router does."""
        gone = [key for key, one in self.waiting.items() if one.leaves_at < now]
        for key in gone:
            del self.waiting[key]
        if now - self._priced_at >= PRICES_EVERY:
            self._price(now)
        is_again = True
        while is_again and self.waiting and (self.team.free >= 100).any():
            asked = self._asked(now)
            decided = decide(asked, self.team, self.rules_of, BEGINS_AT.timestamp() + now)
            for at, row in decided.given:
                if self.team.off[row]:
                    # The one before has spent what was lent.
                    continue
                yield self._start(decided.needs[at], row, now)
            if decided.held and self._looks_at <= now:
                self._looks_at = now + LOOKS_EVERY
                self._plan(self._looks_at)
            # What is left over by people in training is asked of everybody.
            is_again = bool(decided.given) and any(need.practice for need in asked)

    def _asked(self, now: float) -> list[Need]:
        """Return what waits, each with what somebody in training learns with it, if anything."""
        found = [one.need for one in self.waiting.values()]
        if not self.world.topics or not self.team.learning:
            return found
        at, topics = BEGINS_AT + timedelta(seconds=now), self.world.topics
        practices = [
            learning.practice(need, self.team, topics, self.rules_of(need), at) for need in found
        ]
        return [
            replace(need, practice=practice)
            for need, practice in zip(found, practices, strict=True)
        ]

    def _price(self, now: float) -> None:
        self._priced_at = now
        since = self.demand[0][0] if self.demand else now
        found = prices(
            [need for _at, need in self.demand],
            self.team,
            conversations_per_second=len(self.demand) / max(now - since, 1.0),
            usual_seconds=self.world.usual_seconds,
            now=BEGINS_AT.timestamp() + now,
        )
        self.team.reckon(found, self.team.recent)

    def _start(self, need: Need, row: int, now: float) -> Start:
        number, is_second = need.conversation_id // 2, bool(need.conversation_id % 2)
        arrival = self.world.arrivals[number]
        one = self.waiting.pop((number, is_second))
        fit = self.world.fit(arrival, row)
        ends_at = now + self.world.seconds(arrival, fit)
        in_hand = self.busy[row]
        self._occupy(row, need, now, ends_at)
        is_settled = settles(arrival, fit)
        if not is_second and not is_settled:
            again = ends_at + COMES_BACK_AFTER * (0.2 + 1.6 * arrival.second_luck)
            self._plan(again, arrival=number, is_second=True)
        is_resolved = not is_second and is_settled and ends_at <= self.world.ends_at
        return Start(
            number,
            is_second,
            row,
            now,
            one.born_at,
            is_resolved,
            ends_at=ends_at,
            in_hand=in_hand,
            is_learning=need.practice is not None,
        )

    def _occupy(self, row: int, need: Need, now: float, ends_at: float) -> None:
        self.team.give(row, need, BEGINS_AT + timedelta(seconds=now))
        self.busy[row] += 1
        self._plan(ends_at, done_by=row, practice=need.practice)
        if row in self.lent:
            self.lent[row] -= ends_at - now
            if self.lent[row] <= 0:
                self.team.turn(row, LENT)
