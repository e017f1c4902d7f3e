"""How long people hold conversations, from those that have ended and those that have not yet."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# As long as an answer takes where nothing is known yet.
USUAL_SECONDS = 480.0
# Fewer than these say too little about a kind.
FEWEST_ENDED = 12


@dataclass(frozen=True, slots=True)
class Holds:
    """Which share of conversations is held longer than each of some times, and how fast the rest ends.

    The share is Kaplan and Meier's (1958): what still runs counts up to its age, so that a busy hour
    whose long conversations have not ended yet does not look like one of short ones.
    """

    seconds: Floats
    longer: Floats
    # What lasts longer than all that was seen ends at this pace.
    tail_seconds: float

    @classmethod
    def usual(cls) -> "Holds":
        """Return what is taken for usual where nothing is known."""
        return cls(np.empty(0), np.empty(0), USUAL_SECONDS)

    @classmethod
    def of(cls, seconds: Sequence[float], ended: Sequence[bool]) -> "Holds | None":
        """Return the holds of some conversations; None where too few of them have ended."""
        lasted = np.maximum(np.asarray(seconds, dtype=np.float64), 1.0)
        is_over = np.asarray(ended, dtype=np.bool_)
        count = int(is_over.sum())
        if count < FEWEST_ENDED:
            return None
        times, endings = np.unique(lasted[is_over], return_counts=True)
        at_risk = len(lasted) - np.searchsorted(np.sort(lasted), times, side="left")
        longer = np.cumprod(1.0 - endings / at_risk).astype(np.float64)
        return cls(times, longer, float(lasted.sum()) / count)

    def left(self, ages: Floats, luck: Floats) -> Floats:
        """Return how many seconds are left of conversations of these ages; `luck` lies between 0 and 1."""
        luck = np.maximum(luck, 1e-9)
        if not len(self.seconds):
            return np.asarray(-self.tail_seconds * np.log(luck))
        share = luck * self._longer_than(ages)
        at = np.searchsorted(-self.longer, -share, side="left")
        ends = self.seconds[np.minimum(at, len(self.seconds) - 1)]
        # Beyond what was seen only the pace is known.
        last = np.maximum(self.seconds[-1], ages)
        known = np.where(ages < self.seconds[-1], self.longer[-1], 1.0)
        tail = last - self.tail_seconds * np.log(np.clip(share / np.maximum(known, 1e-9), 1e-9, 1))
        is_seen = (at < len(self.seconds)) & (ages < self.seconds[-1])
        return np.asarray(np.maximum(np.where(is_seen, ends, tail) - ages, 1.0))

    def _longer_than(self, ages: Floats) -> Floats:
        steps = np.concatenate(([1.0], self.longer))
        found = steps[np.searchsorted(self.seconds, ages, side="right")]
        # Of those older than all that was seen nobody knows the share.
        return np.asarray(np.where(ages < self.seconds[-1], found, 1.0))
