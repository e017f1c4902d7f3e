"""People at one moment as columns: row i of every array is the same person."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpdesk.services.practices import Practice
from routing.candidates import REASONS, Need, Person, Reach
from routing.deciding.demands import TOP_LEVEL

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Shares = NDArray[np.float32]

ONLINE = "online"
# Kept columns; what is asked for differs little within one look.
MOST_KEPT = 500


@dataclass(slots=True, eq=False)
class Team:
    """The people of an organization, or some of them; loads may change, everything else stands still."""

    people: Sequence[Person]
    ids: Ints
    reaches: Sequence[tuple[Reach, ...]]
    reach_of: Ints
    # skill -> stated levels 0 to 5, -1 without it; and with evidence, as shares of the highest, 0 without it
    levels: Mapping[int, Floats]
    fits: Mapping[int, Shares]
    # skill -> who is in training for it; then who has a case for that in hand, and behind how many each stands
    learning: Mapping[int, Flags]
    is_practising: Flags
    stands_behind: Ints
    # code -> 0 for the first language, 1 for a further one, -1 for none
    languages: Mapping[str, Ints]
    has_languages: Flags
    # place -> its number in `places`; 0 where nothing is known
    place_numbers: Mapping[str, int]
    places: Ints
    # the department each works in
    departments: Ints
    # skill -> until when an exam counts, in seconds since 1970; 0 without one
    certified: Mapping[int, Floats]
    is_active: Flags
    is_online: Flags
    # why the calendar leaves no time, by place in the list of reasons from 1 on; 0 while it does
    off: Ints
    has_lent_time: Flags
    # seconds since 1970, 0 for never
    lease_until: Floats
    last_assigned: Floats
    # hundredths of a conversation
    capacity: Ints
    free: Ints
    # has something that leaves no room for anything else
    is_filled: Flags
    # kind of channel -> in hand, and how many at most; -1 without a limit
    held: Mapping[str, Ints]
    most: Mapping[str, Ints]
    # conversations given lately
    recent: Floats
    # what an hour of this person is worth elsewhere, in shares of the skill scale; see `prices`
    price: Floats
    # conversations given lately for each one of capacity, where it is not theirs that count
    usual: float | None = None
    _rows: dict[int, int] = field(default_factory=dict)
    # Any: columns of whoever keeps them; the second holds those that loads change.
    _kept: dict[Hashable, Any] = field(default_factory=dict)
    _of_loads: dict[Hashable, Any] = field(default_factory=dict)
    _there: tuple[float, float, Flags] | None = None

    @classmethod
    def of(cls, people: Sequence[Person], *, usual: float | None = None) -> "Team":
        """Return people as columns; `usual` says what counts as the usual share of work, where it is known."""
        places = {name: number for number, name in enumerate(_places(people), 1)}
        reaches: dict[tuple[Reach, ...], int] = {}
        reach_of = [reaches.setdefault(person.reaches, len(reaches)) for person in people]
        levels = _levels(people)
        return cls(
            people=people,
            ids=_ints(person.id for person in people),
            reaches=list(reaches),
            reach_of=_ints(reach_of),
            levels=levels,
            fits=_fits(people, levels),
            **_training(people),
            languages=_languages(people),
            has_languages=_flags(bool(person.languages) for person in people),
            place_numbers=places,
            places=_ints(places.get(person.place.casefold(), 0) for person in people),
            departments=_ints(person.department_id for person in people),
            certified=_certified(people),
            is_active=_flags(person.is_active for person in people),
            is_online=_flags(person.status == ONLINE for person in people),
            off=_ints(REASONS.index(person.off) + 1 if person.off else 0 for person in people),
            has_lent_time=_flags(person.has_lent_time for person in people),
            lease_until=_floats(seconds(person.lease_until) for person in people),
            last_assigned=_floats(seconds(person.last_assigned_at) for person in people),
            capacity=_ints(hundredths(person.capacity) for person in people),
            free=_ints(hundredths(person.free) for person in people),
            is_filled=_flags(person.is_filled for person in people),
            held=_by_kind(people, lambda person: person.held, missing=0),
            most=_by_kind(people, lambda person: person.most, missing=-1),
            recent=_floats(person.recent for person in people),
            price=_floats(person.price for person in people),
            usual=usual,
        )

    def is_leased(self, now: float) -> Flags:
        """Tell whose screen is open; asked anew only when that of somebody has run out."""
        if self._there is None or not self._there[0] <= now < self._there[1]:
            found: Flags = self.lease_until > now
            until = float(self.lease_until[found].min()) if found.any() else np.inf
            self._there = (now, until, found)
            self._kept.clear()
            self._changed()
        return self._there[2]

    def free_percent(self, now: float) -> float:
        """Return how much of the capacity of those who are there and have time is free; 0 where nobody is."""
        leased = self.is_leased(now)
        return float(self.kept_of_loads("free percent", lambda: self._free_percent(leased)))

    def _free_percent(self, leased: Flags) -> Floats:
        there = self.is_active & self.is_online & (self.off == 0) & self.has_lent_time & leased
        capacity = int(self.capacity[there].sum())
        free = int(np.maximum(self.free[there], 0).sum())
        return np.array(100 * free / capacity if capacity else 0.0)

    @property
    def has_prices(self) -> bool:
        """Tell whether anybody's time is worth something elsewhere."""
        return bool(self.kept_of_loads("has prices", lambda: np.array(self.price.any())))

    @property
    def usual_recent(self) -> float:
        """Return how many conversations were lately given for each one of capacity."""
        if self.usual is not None:
            return self.usual
        capacity = int(np.maximum(self.capacity, 1).sum())
        return 100 * float(self.recent.sum()) / capacity if capacity else 0.0

    def __len__(self) -> int:
        return len(self.ids)

    def row_of(self, staff_id: int) -> int | None:
        """Return a person's row, None for a stranger."""
        if not self._rows:
            self._rows.update({int(pk): row for row, pk in enumerate(self.ids)})
        return self._rows.get(staff_id)

    def _changed(self) -> None:
        """Forget what was made of loads."""
        self._of_loads.clear()

    def give(self, row: int, need: Need, at: datetime) -> None:
        """Note that somebody has one conversation more."""
        self.free[row] -= hundredths(need.weight)
        self.is_filled[row] |= need.fills
        if need.kind in self.held:
            self.held[need.kind][row] += 1
        if need.practice is not None:
            self._begin(row, need.practice)
        self.last_assigned[row] = at.timestamp()
        self.recent[row] += 1
        self._changed()

    def _begin(self, row: int, practice: Practice) -> None:
        self.is_practising[row] = True
        behind = self.row_of(practice.staff_ids[0])
        if behind is not None:
            self.stands_behind[behind] += 1

    def take_back(self, row: int, weight: Decimal, practice: Practice | None = None) -> None:
        """Note that somebody is done with one conversation, and with what they learned by it."""
        self.free[row] += hundredths(weight)
        if practice is not None:
            self.is_practising[row] = False
            behind = self.row_of(practice.staff_ids[0])
            if behind is not None:
                self.stands_behind[behind] -= 1
        self._changed()

    def reckon(self, price: Floats, recent: Floats) -> None:
        """Note what everybody's time is worth elsewhere, and how much work each had lately."""
        self.price[:], self.recent[:] = price, recent
        self._changed()

    def fill(self, staff_id: int) -> None:
        """Note that somebody has no room, whatever we thought."""
        row = self.row_of(staff_id)
        if row is not None:
            self.free[row] = 0
            # What weighs nothing would fit all the same.
            self.is_filled[row] = True
            self._changed()

    def turn(self, row: int, reason: str) -> None:
        """Note why somebody has no time from now on; an empty reason: they have. Only for teams of one's own."""
        self.off[row] = REASONS.index(reason) + 1 if reason else 0
        self._kept.clear()
        self._changed()

    def copy(self) -> "Team":
        """Return a team whose loads change by themselves."""
        return replace(
            self,
            free=self.free.copy(),
            last_assigned=self.last_assigned.copy(),
            recent=self.recent.copy(),
            is_filled=self.is_filled.copy(),
            is_practising=self.is_practising.copy(),
            stands_behind=self.stands_behind.copy(),
            held={kind: column.copy() for kind, column in self.held.items()},
            _of_loads={},
        )

    def kept(self, key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return what was made under a key before, or make it; only for what loads do not change."""
        return _kept(self._kept, key, make)

    def kept_of_loads(self, key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return what was made under a key since loads changed, or make it."""
        return _kept(self._of_loads, key, make)


def _kept(
    columns: dict[Hashable, Any], key: Hashable, make: Callable[[], NDArray[Any]]
) -> NDArray[Any]:  # Any: as in the team
    found = columns.get(key)
    if found is None:
        if len(columns) >= MOST_KEPT:
            columns.clear()
        found = columns[key] = make()
    result: NDArray[Any] = found
    return result


def hundredths(amount: Decimal) -> int:
    """Return an amount of capacity as whole hundredths, which add up exactly."""
    return int(amount * 100)


def seconds(instant: datetime | None) -> float:
    """Return the seconds since 1970, 0 for never."""
    return instant.timestamp() if instant else 0.0


def _places(people: Sequence[Person]) -> list[str]:
    return sorted({person.place.casefold() for person in people if person.place})


def _levels(people: Sequence[Person]) -> dict[int, Floats]:
    found: dict[int, Floats] = {}
    for row, person in enumerate(people):
        for skill, level in person.skills.items():
            if skill not in found:
                found[skill] = np.full(len(people), -1.0)
            found[skill][row] = level
    return found


def _fits(people: Sequence[Person], levels: Mapping[int, Floats]) -> dict[int, Shares]:
    """Return the levels that count as shares of the highest."""
    changes: dict[int, Floats] = {}
    for row, person in enumerate(people):
        for skill, evidence in person.evidence.items():
            if skill not in changes:
                changes[skill] = np.zeros(len(people))
            changes[skill][row] = evidence.change
    found = {}
    for skill, column in levels.items():
        counted = np.maximum(column, 0.0)
        if skill in changes:
            changed = np.clip(column + changes[skill], 0.0, TOP_LEVEL)
            counted = np.where(column < 0, 0.0, changed)
        found[skill] = (counted / TOP_LEVEL).astype(np.float32)
    return found


def _training(people: Sequence[Person]) -> dict[str, Any]:  # Any: fields of a team
    skills = {skill for person in people for skill in person.learning}
    return {
        "learning": {skill: _flags(skill in each.learning for each in people) for skill in skills},
        "is_practising": _flags(person.is_practising for person in people),
        "stands_behind": _ints(person.stands_behind for person in people),
    }


def _certified(people: Sequence[Person]) -> dict[int, Floats]:
    found: dict[int, Floats] = {}
    for row, person in enumerate(people):
        for skill, until in person.certified.items():
            if skill not in found:
                found[skill] = np.zeros(len(people))
            found[skill][row] = until
    return found


def _by_kind(
    people: Sequence[Person], read: Callable[[Person], Mapping[str, int]], *, missing: int
) -> dict[str, Ints]:
    """Return a column for each kind of channel for which anybody has a limit."""
    limited = sorted({kind for person in people for kind in person.most})
    return {kind: _ints(read(person).get(kind, missing) for person in people) for kind in limited}


def _languages(people: Sequence[Person]) -> dict[str, Ints]:
    found: dict[str, Ints] = {}
    for row, person in enumerate(people):
        for rank, code in enumerate(person.languages):
            if code not in found:
                found[code] = np.full(len(people), -1)
            found[code][row] = min(rank, 1)
    return found


def _ints(values: Any) -> Ints:  # Any: whatever can be gone through
    return np.array(list(values), dtype=np.int64)


def _floats(values: Any) -> Floats:  # Any: as above
    return np.array(list(values), dtype=np.float64)


def _flags(values: Any) -> Flags:  # Any: as above
    return np.array(list(values), dtype=np.bool_)
