"""What somebody in training learns with a conversation: plain values, which need no database."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Practice:
    """The skill that somebody learns with a conversation, and who could stand behind them, best first."""

    skill_id: int
    staff_ids: tuple[int, ...]
