"""What a batch of hints says, gathered by organization and conversation."""

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(slots=True)
class Change:
    """What is known to have changed of one conversation."""

    number: int = 0
    # Entries that look different now, such as after a receipt.
    again: set[int] = field(default_factory=set)
    is_moved: bool = False
    is_seen: bool = False
    called: set[int] = field(default_factory=set)
    # Who stands behind a learner from now on.
    behind: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Work:
    """What is known to have changed in one organization."""

    organization_id: int
    conversations: dict[int, Change] = field(default_factory=lambda: defaultdict(Change))
    staff: set[int] = field(default_factory=set)
    access: set[int] = field(default_factory=set)
    is_board_changed: bool = False
    viewers: set[int] = field(default_factory=set)
    # conversation -> who writes to the customer
    writing: dict[int, dict[int, bool]] = field(default_factory=lambda: defaultdict(dict))
    # Conversations that a visitor of this process has just entered.
    arrived: set[int] = field(default_factory=set)
    # visitor -> the conversation they are in now
    joined: dict[str, int] = field(default_factory=dict)
    left: set[int] = field(default_factory=set)
    signed_out: set[str] = field(default_factory=set)
