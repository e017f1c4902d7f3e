"""One line of the result: what was measured, and whether it reaches its limit."""

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """A measured value beside its limit; without a limit it is told for information."""

    what: str
    measured: float
    unit: str
    limit: float | None = None
    # A floor instead of a ceiling.
    is_at_least: bool = False

    @property
    def ratio(self) -> float | None:
        return self.measured / self.limit if self.limit else None

    @property
    def is_reached(self) -> bool:
        if self.limit is None:
            return True
        return self.measured >= self.limit if self.is_at_least else self.measured <= self.limit

    def line(self) -> str:
        sign = ">=" if self.is_at_least else "<="
        limit = f"{sign} {self.limit:g} {self.unit}" if self.limit is not None else ""
        ratio = f"{self.ratio:.2f}" if self.ratio is not None else ""
        verdict = "" if self.limit is None else "yes" if self.is_reached else "NO"
        measured = f"{self.measured:,.4g} {self.unit}"
        return f"{self.what:<66} {measured:>16} {limit:>16} {ratio:>6}  {verdict}"


def heading() -> str:
    return f"{'what':<66} {'measured':>16} {'limit':>16} {'ratio':>6}  reached"


def middle(values: list[float]) -> float:
    return float(median(values))
