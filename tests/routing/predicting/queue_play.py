"""A queue that is played to its end, so that what was predicted on the way can be compared with what came."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from routing.deciding.rules import Rules
from routing.predicting.holds import Holds
from routing.predicting.simulation import Running, Situation, Stream

RULES = Rules()
# Who may answer what: two departments with people of their own, and some of both.
LINES = (frozenset(range(6)), frozenset(range(4, 9)))
CAPACITY = (2.0, 2.0, 1.0, 3.0, 1.0, 2.0, 2.0, 1.0, 2.0)
# Seconds that half of the holds last, and how wide they spread.
HOLDS = ((300.0, 0.9), (600.0, 0.7))
# Customers come for twice as long as anybody looks, so that no play ends in an empty queue.
LENGTH = 5 * 3600.0
LATELY = 3 * 3600.0


@dataclass
class Call:
    """One conversation of the play."""

    number: int
    line: int
    urgency: int
    is_live: bool
    came: float
    lasts: float
    began: float = math.inf
    person: int = -1

    @property
    def target(self) -> float:
        return RULES.target(self.urgency, is_live=self.is_live)

    def pressing(self, now: float) -> float:
        urgent = 125.0 * (self.urgency / 70) ** 3
        return urgent + 12.0 * ((now - self.came) / self.target) ** 2


@dataclass
class Seen:
    """The queue as it is known at one moment, and who the predictions are about."""

    at: float
    situation: Situation
    waiting: list[list[Call]]


@dataclass
class Play:
    """One day of a queue, busier in its middle."""

    seed: int
    load: float = 0.95
    calls: list[Call] = field(default_factory=list)

    def seen(self, every: float = 240.0) -> Iterator[Seen]:
        """Play the day; yield what is known at times at which somebody waits, once everything has come out."""
        luck = Random(self.seed)
        self.calls = list(_arrivals(luck, self.load))
        found: list[Seen] = []
        coming, waiting = list(self.calls), list[Call]()
        room = list(CAPACITY)
        running: list[tuple[float, int, Call]] = []
        looks = [every * number for number in range(1, int(LENGTH / every))]
        while coming or waiting or running or looks:
            now = min(
                coming[0].came if coming else math.inf,
                running[0][0] if running else math.inf,
                looks[0] if looks else math.inf,
            )
            while running and running[0][0] <= now:
                room[heapq.heappop(running)[2].person] += 1
            while coming and coming[0].came <= now:
                waiting.append(coming.pop(0))
            self._give(waiting, room, running, now, luck)
            if looks and looks[0] <= now:
                looks.pop(0)
                if waiting:
                    found.append(self._look(now, waiting, [call for _, _, call in running]))
        yield from found

    def _give(
        self,
        waiting: list[Call],
        room: list[float],
        running: list[tuple[float, int, Call]],
        now: float,
        luck: Random,
    ) -> None:
        for call in sorted(waiting, key=lambda one: -one.pressing(now)):
            able = [person for person in LINES[call.line] if room[person] >= 1]
            if able:
                call.person, call.began = luck.choice(able), now
                room[call.person] -= 1
                heapq.heappush(running, (now + call.lasts, call.number, call))
                waiting.remove(call)

    def _look(self, now: float, waiting: list[Call], running: list[Call]) -> Seen:
        lately = [call for call in self.calls if now - LATELY < call.came <= now]
        ended = [call for call in self.calls if call.began + call.lasts <= now]
        kinds: dict[tuple[int, int, bool], list[Call]] = {}
        for call in [*lately, *waiting]:
            kinds.setdefault((call.line, call.urgency, call.is_live), [])
        for call in waiting:
            kinds[call.line, call.urgency, call.is_live].append(call)
        streams = [
            Stream(
                line=line,
                urgency=urgency,
                target_seconds=RULES.target(urgency, is_live=is_live),
                hold=line,
                per_second=sum(
                    (one.line, one.urgency, one.is_live) == (line, urgency, is_live)
                    for one in lately
                )
                / min(LATELY, now),
                waited=[now - one.came for one in sorted(those, key=lambda one: one.came)],
            )
            for (line, urgency, is_live), those in kinds.items()
        ]
        holds = []
        for line in range(len(LINES)):
            over = [one.lasts for one in ended if one.line == line]
            on = [now - one.began for one in running if one.line == line]
            known = Holds.of([*over, *on], [True] * len(over) + [False] * len(on))
            holds.append(known or Holds.usual())
        situation = Situation(
            capacity=CAPACITY,
            running=[Running(one.person, now - one.began, one.line) for one in running],
            lines=LINES,
            streams=streams,
            holds=holds,
            newcomers=[(20, 300.0)] * len(LINES),
        )
        ordered = [sorted(those, key=lambda one: one.came) for those in kinds.values()]
        return Seen(now, situation, ordered)


def _arrivals(luck: Random, load: float) -> Iterator[Call]:
    places = sum(CAPACITY)
    means = [half * math.exp(spread**2 / 2) for half, spread in HOLDS]
    mean = 0.65 * means[0] + 0.35 * means[1]
    now, number = 0.0, 0
    while True:
        busy = load * (0.85 + 0.3 * math.sin(math.pi * now / LENGTH))
        now += luck.expovariate(busy * places / mean)
        if now > 2 * LENGTH:
            return
        line = luck.choices((0, 1), (0.65, 0.35))[0]
        half, spread = HOLDS[line]
        urgency = luck.choices((10, 30, 80), (0.4, 0.45, 0.15))[0]
        lasts = luck.lognormvariate(math.log(half), spread)
        yield Call(number, line, urgency, luck.random() < 0.7, now, lasts)
        number += 1
