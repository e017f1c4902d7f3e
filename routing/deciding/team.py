"""People at one moment as columns: row i of every array is the same person."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.candidates import REASONS, Person, Reach

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ONLINE = "online"
# Kept masks; what is asked for differs little within one look.
MOST_KEPT = 4_000


@dataclass(slots=True, eq=False)
class Team:
    """The people of an organization, or some of them; loads may change, everything else stands still."""

    people: Sequence[Person]
    ids: Ints
    reaches: Sequence[tuple[Reach, ...]]
    reach_of: Ints
    # skill -> levels 0 to 5, -1 without it
    levels: Mapping[int, Floats]
    # code -> 0 for the first language, 1 for a further one, -1 for none
    languages: Mapping[str, Ints]
    has_languages: Flags
    # place -> its number in `places`; 0 where nothing is known
    place_numbers: Mapping[str, int]
    places: Ints
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
    # conversations given lately
    recent: Floats
    # what an hour of this person is worth elsewhere, in shares of the skill scale; see `prices`
    price: Floats
    # conversations given lately for each one of capacity, where it is not theirs that count
    usual: float | None = None
    _rows: dict[int, int] = field(default_factory=dict)
    _kept: dict[Hashable, Any] = field(default_factory=dict)  # Any: masks of whoever keeps them

    @classmethod
    def of(cls, people: Sequence[Person], *, usual: float | None = None) -> "Team":
        """Return people as columns; `usual` says what counts as the usual share of work, where it is known."""
        places = {name: number for number, name in enumerate(_places(people), 1)}
        reaches: dict[tuple[Reach, ...], int] = {}
        reach_of = [reaches.setdefault(person.reaches, len(reaches)) for person in people]
        return cls(
            people=people,
            ids=_ints(person.id for person in people),
            reaches=list(reaches),
            reach_of=_ints(reach_of),
            levels=_levels(people),
            languages=_languages(people),
            has_languages=_flags(bool(person.languages) for person in people),
            place_numbers=places,
            places=_ints(places.get(person.place.casefold(), 0) for person in people),
            is_active=_flags(person.is_active for person in people),
            is_online=_flags(person.status == ONLINE for person in people),
            off=_ints(REASONS.index(person.off) + 1 if person.off else 0 for person in people),
            has_lent_time=_flags(person.has_lent_time for person in people),
            lease_until=_floats(seconds(person.lease_until) for person in people),
            last_assigned=_floats(seconds(person.last_assigned_at) for person in people),
            capacity=_ints(hundredths(person.capacity) for person in people),
            free=_ints(hundredths(person.free) for person in people),
            recent=_floats(person.recent for person in people),
            price=_floats(person.price for person in people),
            usual=usual,
        )

    def is_there(self, now: float) -> Flags:
        """Tell who is there and has time, with room or without."""
        is_free = (self.off == 0) & self.has_lent_time
        found: Flags = self.is_active & self.is_online & is_free & (self.lease_until > now)
        return found

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

    def person(self, row: int) -> Person:
        """Return one person as they are now, conversations given meanwhile included."""
        person = self.people[row]
        last = float(self.last_assigned[row])
        taken = hundredths(person.free) - int(self.free[row])
        return replace(
            person,
            load=person.load + Decimal(taken) / 100,
            last_assigned_at=datetime.fromtimestamp(last, UTC) if last else None,
            recent=float(self.recent[row]),
            price=float(self.price[row]),
        )

    def give(self, row: int, weight: Decimal, at: datetime) -> None:
        """Note that somebody has one conversation more."""
        self.free[row] -= hundredths(weight)
        self.last_assigned[row] = at.timestamp()
        self.recent[row] += 1

    def fill(self, staff_id: int) -> None:
        """Note that somebody has no room, whatever we thought."""
        row = self.row_of(staff_id)
        if row is not None:
            self.free[row] = 0

    def copy(self) -> "Team":
        """Return a team whose loads change by themselves."""
        return replace(
            self,
            free=self.free.copy(),
            last_assigned=self.last_assigned.copy(),
            recent=self.recent.copy(),
        )

    def kept(self, key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return what was made under a key before, or make it; only for what loads do not change."""
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            found = self._kept[key] = make()
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
