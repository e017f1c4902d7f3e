"""The rules of a decision: what each part is worth, how soon answers are due, and when waiting pays."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from routing.candidates import Need

DEFAULT_WEIGHTS: dict[str, int] = {
    "skill": 32,
    "history": 10,
    "language": 6,
    "place": 5,
    "load": 3,
    "fairness": 21,
    "scarcity": 23,
}
URGENT = 70
# Points by which the most urgent goes before the least, and by which waiting adds, per square of the target.
URGENCY_POINTS = 125.0
WAIT_POINTS = 12.0


@dataclass(frozen=True, slots=True)
class Rules:
    """One policy as numbers; times are seconds."""

    weights: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    # Within which an urgent message should be with somebody, and one without any urgency.
    urgent_seconds: float = 60.0
    calm_seconds: float = 1800.0
    # The same where the customer stays and watches, as in a chat.
    calm_chat_seconds: float = 300.0
    # With so much of the capacity free everything is given at once.
    slack_percent: int = 60
    # After this part of the time somebody is given it who is not the best for it.
    patience_percent: int = 100
    # Percent of what is easy that is asked of people in training first.
    learning_percent: int = 0

    def target(self, urgency: int, *, is_live: bool = False) -> float:
        """Return the seconds within which somebody should have it: fewer, faster, the more urgent."""
        share = min(max(urgency, 0) / URGENT, 1.0)
        calm = self.calm_chat_seconds if is_live else self.calm_seconds
        return float(calm * (self.urgent_seconds / calm) ** share)

    def lateness(self, need: Need, now: float) -> float:
        """Return how long it has waited, in shares of its target; 0 for what waits for nobody yet."""
        if need.waiting_since is None:
            return 0.0
        target = self.target(need.urgency, is_live=need.is_live)
        return max(0.0, now - need.waiting_since.timestamp()) / target

    def precedence(self, need: Need, now: float) -> float:
        """Return the points by which this one goes before others: convex in urgency and in waiting, without end.

        So whatever keeps coming, nothing waits for ever.
        """
        urgent = (min(need.urgency, 100) / URGENT) ** 3
        return URGENCY_POINTS * urgent + WAIT_POINTS * self.lateness(need, now) ** 2

    def tolerance(self, need: Need, now: float) -> float:
        """Return by how many points somebody may be worse than the best: ever more while it waits."""
        scale = self.weights.get("skill", 0) / 0.65
        urgent = (min(need.urgency, 100) / URGENT) ** 3
        waited = self.lateness(need, now) / (self.patience_percent / 100)
        return scale * (0.02 + 0.3 * urgent + waited)
