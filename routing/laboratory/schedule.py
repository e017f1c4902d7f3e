"""When which rules act in an experiment: reckoned alike by every process, from the plan alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Plan:
    """Slices of time, one after another; each two of them are a pair in which each arm acts once.

    A pair is short, so its halves are alike in hour, staff and season; which half comes first is a coin
    of its own, so no rhythm of the day can side with one arm. `seed` makes the coins.
    """

    starts_at: datetime
    slice_minutes: int
    # At the start of each slice: what opens then still feels the slice before it, and is not counted.
    washout_minutes: int
    slices: int
    seed: int

    @property
    def length(self) -> timedelta:
        """Return how long a slice is."""
        return timedelta(minutes=self.slice_minutes)

    @property
    def ends_at(self) -> datetime:
        """Return when the last slice is over."""
        return self.begins(self.slices)

    def begins(self, number: int) -> datetime:
        """Return when a slice begins; the first has the number 0."""
        return self.starts_at + number * self.length

    def counts_from(self, number: int) -> datetime:
        """Return when the wash-out of a slice is over."""
        return self.begins(number) + timedelta(minutes=self.washout_minutes)

    def slice_at(self, at: datetime) -> int | None:
        """Return the number of the slice that runs at a moment; None before the first and after the last."""
        number = (at - self.starts_at) // self.length
        return number if 0 <= number < self.slices else None

    def is_draft(self, number: int) -> bool:
        """Tell whether the draft acts in a slice."""
        coin = sha256(f"{self.seed} {number // 2}".encode()).digest()[0] & 1
        return (number + coin) % 2 == 1
