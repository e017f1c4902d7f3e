"""What conversations weigh by kind of channel, and who has room for one more of a kind.

The people's rows are locked by the caller, so that nobody counts the same room twice.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Count, Q, QuerySet

from helpdesk.models import WEIGHTS, Assignment, Channel, KindLimit, KindLoad, State


@dataclass(frozen=True, slots=True)
class Weights:
    """What one conversation weighs, by who waits for whom."""

    open: Decimal = WEIGHTS[State.OPEN]
    waiting: Decimal = WEIGHTS[State.WAITING]

    def of(self, state: State) -> Decimal:
        """Return the weight in a state in which somebody holds it."""
        return self.open if state == State.OPEN else self.waiting


AS_DELIVERED = Weights()


@dataclass(slots=True)
class Loads:
    """The rules of an organization, and what people have in hand of each kind."""

    kinds: Mapping[str, KindLoad] = field(default_factory=dict)
    limits: Mapping[tuple[int, str], int] = field(default_factory=dict)
    held: Counter[tuple[int, str]] = field(default_factory=Counter)
    # Who has something that leaves no room for anything else.
    filled: set[int] = field(default_factory=set)

    @property
    def is_plain(self) -> bool:
        """Tell whether every kind weighs as delivered and nobody has a limit."""
        return not self.kinds and not self.limits

    def weights(self, kind: str) -> Weights:
        """Return what a conversation of a kind weighs."""
        rule = self.kinds.get(kind)
        return Weights(rule.open_weight, rule.waiting_weight) if rule else AS_DELIVERED

    def most(self, staff_id: int, kind: str) -> int | None:
        """Return how many of a kind somebody may have at once; None without a limit."""
        rule = self.kinds.get(kind)
        return self.limits.get((staff_id, kind), rule.most_each if rule else None)

    def has_room(self, staff_id: int, kind: str) -> bool:
        """Tell whether somebody may have one more of a kind, capacity aside."""
        most = self.most(staff_id, kind)
        is_within = most is None or self.held[staff_id, kind] < most
        return is_within and staff_id not in self.filled

    def give(self, staff_id: int, kind: str, state: State) -> None:
        """Note one more."""
        self.held[staff_id, kind] += 1
        rule = self.kinds.get(kind)
        if rule and rule.fills and state == State.OPEN:
            self.filled.add(staff_id)


def rules() -> Loads:
    """Return the rules, without what people have in hand."""
    limits = KindLimit.objects.values_list("staff_id", "kind", "most")
    return Loads(
        {rule.kind: rule for rule in KindLoad.objects.all()},
        {(staff_id, kind): most for staff_id, kind, most in limits},
    )


def count(loads: Loads, staff_ids: Iterable[int]) -> None:
    """Write onto the rules what these people have in hand of each kind."""
    filling = [kind for kind, rule in loads.kinds.items() if rule.fills]
    rows: QuerySet[Assignment] = Assignment.objects.filter(
        ended_at__isnull=True, staff_id__in=list(staff_ids)
    )
    open_ones = Count("pk", filter=Q(conversation__state=State.OPEN))
    for staff_id, kind, number, open_number in (
        rows.order_by()
        .values_list("staff_id", "conversation__channel__kind")
        .annotate(number=Count("pk"), open=open_ones)
    ):
        loads.held[staff_id, kind] = number
        if open_number and kind in filling:
            loads.filled.add(staff_id)


def kinds_of(channel_ids: Iterable[int]) -> dict[int, str]:
    """Return the kind of each channel."""
    return dict(Channel.objects.filter(pk__in=set(channel_ids)).values_list("pk", "kind"))
