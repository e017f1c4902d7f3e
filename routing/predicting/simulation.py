"""The queue played forward: when each of those who wait now would be answered, in many possible futures.

Formulas such as Erlang's need alike servers, one line and holds without memory. Here lines overlap,
people have several places, urgent work overtakes and holds have long tails; and Whitt, "Predicting
Queueing Delays", Management Science 45 (1999), shows that the time for which running work has lasted
already says most about the next wait. So the futures are drawn: running conversations end after what is
left of them given their age, the free place takes what is most pressing of all that its person may and
can answer, and new arrivals overtake as they would in earnest. All futures go one step at a time
together, which keeps the work bounded and fast.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from routing.deciding.rules import URGENCY_POINTS, URGENT, WAIT_POINTS
from routing.predicting.holds import Floats, Holds

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
MOST_FUTURES, FEWEST_FUTURES = 256, 48
# Futures times conversations that wait: what one reckoning costs at most.
MOST_WORK = 48_000
MOST_STEPS = 6000
# Nobody is told of more than that, and nothing is looked at beyond it.
HORIZON_SECONDS = 8 * 3600.0


@dataclass(frozen=True, slots=True)
class Running:
    """One conversation in somebody's hands."""

    person: int
    age_seconds: float
    hold: int
    # Of the person's capacity, where 1 is a place.
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Stream:
    """What is alike in all that counts: the same people, as urgent, due as soon, held as long."""

    line: int
    urgency: int
    target_seconds: float
    hold: int = 0
    per_second: float = 0.0
    # Seconds for which each has waited, the longest first.
    waited: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is known now. People are numbered; a line is who may and can answer it and is there."""

    capacity: Sequence[float]
    running: Sequence[Running]
    lines: Sequence[frozenset[int]]
    streams: Sequence[Stream]
    holds: Sequence[Holds]
    # How urgent and how soon due somebody would be who came now, for each line.
    newcomers: Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds until somebody has it, infinite where nobody will within the horizon."""

    # By stream and place in it; then by line, for somebody who comes now.
    middle: Sequence[Floats]
    late: Sequence[Floats]
    newcomer_middle: Floats
    newcomer_late: Floats


def forecast(known: Situation, *, seed: int = 0) -> Waits:
    """Return how long each will wait: half of them less than the middle, nine of ten less than the late one."""
    play = _Play(known, np.random.default_rng(seed))
    play.run()
    counts = [len(stream.waited) for stream in known.streams]
    edges = np.cumsum([0, *counts])
    middle, late = np.quantile(play.started, [0.5, 0.9], axis=0, method="higher")
    newcomer = np.quantile(play.newcomer, [0.5, 0.9], axis=0, method="higher")
    parts = list(pairwise(edges))
    return Waits(
        [middle[start:end] for start, end in parts],
        [late[start:end] for start, end in parts],
        newcomer[0],
        newcomer[1],
    )


class _Play:
    """All futures at once: a row for each, a column for each place, stream or line."""

    def __init__(self, known: Situation, luck: np.random.Generator) -> None:
        self.known, self.luck = known, luck
        self.counts = np.array([len(stream.waited) for stream in known.streams], dtype=np.int64)
        total = int(self.counts.sum())
        self.futures = int(np.clip(MOST_WORK // (total + 1), FEWEST_FUTURES, MOST_FUTURES))
        self.rows = np.arange(self.futures)
        self.starts_at = np.concatenate(([0], np.cumsum(self.counts)))[:-1].astype(np.int64)
        # When each came; negative, because they are here already.
        waited = [second for stream in known.streams for second in stream.waited]
        self.came = -np.array(waited, dtype=np.float64)
        self.holds = np.array([stream.hold for stream in known.streams], dtype=np.int64)
        self.rates = np.array([stream.per_second for stream in known.streams])
        self.urgent = np.array([_urgent(stream.urgency) for stream in known.streams])
        self.targets = np.array([max(stream.target_seconds, 1.0) for stream in known.streams])
        may = np.zeros((len(known.capacity), len(known.lines)), dtype=np.bool_)
        for line, people in enumerate(known.lines):
            may[list(people), line] = True
        self.may_line = may
        self.may = may[:, [stream.line for stream in known.streams]]
        self.started = np.full((self.futures, total), np.inf)
        self.newcomer = np.full((self.futures, len(known.lines)), np.inf)
        self.newcomer_urgent = np.array([_urgent(urgency) for urgency, _ in known.newcomers])
        self.newcomer_targets = np.array([max(target, 1.0) for _, target in known.newcomers])
        self.heads = np.full((self.futures, len(known.streams)), np.inf)
        self.at = np.zeros((self.futures, len(known.streams)), dtype=np.int64)
        for stream in range(len(known.streams)):
            self._next_head(self.rows, np.full(self.futures, stream), np.zeros(self.futures))
        self.owners, self.free_at = _places(known, self.futures, luck)

    def run(self) -> None:
        """Give places until everybody who waits now has one, in every future."""
        if not self.free_at.shape[1]:
            return
        # Each step gives a place, or lets one wait for the next arrival: mostly for those who come later.
        for _ in range(MOST_STEPS):
            place = self.free_at.argmin(axis=1)
            now = self.free_at[self.rows, place]
            is_on = now < HORIZON_SECONDS
            waits = np.isinf(self.started).any(axis=1) | np.isinf(self.newcomer).any(axis=1)
            if not (is_on & waits).any():
                return
            self._give(place, now, is_on)

    def _give(self, place: Ints, now: Floats, is_on: Flags) -> None:
        owners = self.owners[place]
        when = np.where(is_on, now, 0.0)[:, None]
        may = self.may[owners] & is_on[:, None]
        waited = when - self.heads
        is_here = may & (waited >= 0)
        lateness = np.where(is_here, waited, 0.0) / self.targets
        pressing = np.where(is_here, self.urgent + WAIT_POINTS * lateness**2, -1.0)
        best = pressing.argmax(axis=1) if pressing.shape[1] else np.zeros(self.futures, np.int64)
        most = pressing[self.rows, best] if pressing.shape[1] else np.full(self.futures, -1.0)
        self._note_newcomers(owners, when, most, is_on)
        served = is_on & (most >= 0)
        rows = self.rows[served]
        if len(rows):
            self._serve(rows, place[served], now[served], best[served])
        idle = self.rows[is_on & (most < 0)]
        if len(idle):
            coming = np.where(may[idle], self.heads[idle], np.inf)
            self.free_at[idle, place[idle]] = coming.min(axis=1, initial=np.inf)

    def _note_newcomers(self, owners: Ints, when: Floats, most: Floats, is_on: Flags) -> None:
        lateness = when / self.newcomer_targets
        pressing = self.newcomer_urgent + WAIT_POINTS * lateness**2
        is_next = self.may_line[owners] & is_on[:, None] & (pressing > most[:, None])
        np.copyto(self.newcomer, when, where=is_next & np.isinf(self.newcomer))

    def _serve(self, rows: Ints, place: Ints, now: Floats, stream: Ints) -> None:
        at = self.at[rows, stream]
        here = at < self.counts[stream]
        self.started[rows[here], (self.starts_at[stream] + at)[here]] = now[here]
        draws = self.luck.random(len(rows))
        lasts = np.empty(len(rows))
        for hold in np.unique(self.holds[stream]):
            chosen = self.holds[stream] == hold
            lasts[chosen] = self.known.holds[hold].left(np.zeros(int(chosen.sum())), draws[chosen])
        self.free_at[rows, place] = now + lasts
        self.at[rows, stream] += 1
        self._next_head(rows, stream, np.maximum(self.heads[rows, stream], 0.0))

    def _next_head(self, rows: Ints, stream: Ints, after: Floats) -> None:
        at = self.at[rows, stream]
        here = at < self.counts[stream]
        heads = np.full(len(rows), np.inf)
        heads[here] = self.came[(self.starts_at[stream] + at)[here]]
        rates = self.rates[stream]
        new = ~here & (rates > 0)
        gaps = self.luck.exponential(size=int(new.sum()))
        heads[new] = after[new] + gaps / rates[new]
        self.heads[rows, stream] = heads


def _urgent(urgency: int) -> float:
    return float(URGENCY_POINTS * (min(max(urgency, 0), 100) / URGENT) ** 3)


def _places(known: Situation, futures: int, luck: np.random.Generator) -> tuple[Ints, Floats]:
    """Return whose each place is, and when it becomes free in each future."""
    held: dict[int, list[int]] = {}
    for number, running in enumerate(known.running):
        held.setdefault(running.person, []).append(number)
    left = np.empty((futures, len(known.running)))
    for hold, kind in enumerate(known.holds):
        chosen = [n for n, running in enumerate(known.running) if running.hold == hold]
        if chosen:
            ages = np.array([known.running[n].age_seconds for n in chosen])
            left[:, chosen] = kind.left(
                np.broadcast_to(ages, (futures, len(chosen))), luck.random((futures, len(chosen)))
            )
    owners: list[int] = []
    columns: list[Floats] = []
    for person, capacity in enumerate(known.capacity):
        mine = held.get(person, [])
        weights = np.array([known.running[number].weight for number in mine])
        for column in _places_of(capacity, weights, left[:, mine]):
            owners.append(person)
            columns.append(column)
    free_at = np.stack(columns, axis=1) if columns else np.empty((futures, 0))
    return np.array(owners, dtype=np.int64), free_at


def _places_of(capacity: float, weights: Floats, left: Floats) -> Sequence[Floats]:
    """Return when each whole place of one person becomes free: now, or once enough has ended."""
    places = int(capacity + 1e-6)
    order = np.argsort(left, axis=1)
    ends = np.take_along_axis(left, order, axis=1)
    # Room after each ending; less than none for somebody above their capacity.
    room = capacity - float(weights.sum()) + np.cumsum(weights[order], axis=1)
    free = capacity - float(weights.sum())
    found = []
    for place in range(1, places + 1):
        if free >= place - 1e-6:
            found.append(np.zeros(len(left)))
            continue
        is_enough = room >= place - 1e-6
        first = is_enough.argmax(axis=1)
        found.append(np.where(is_enough.any(axis=1), ends[np.arange(len(left)), first], np.inf))
    return found
