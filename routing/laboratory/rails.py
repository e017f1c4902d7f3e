"""Guard rails: what an experiment's draft may not do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rail:
    """The draft may not be worse by more than `limit`, or, with a bound, not on the wrong side of it."""

    measure: str
    higher_is_better: bool
    is_bound: bool
    limit: float
