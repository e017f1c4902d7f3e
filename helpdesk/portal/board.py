"""The supervisor's board: what waits, who is there, what climbs. Read in a fixed number of bounded queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Min, Q
from django.utils import timezone

from helpdesk import permissions
from helpdesk.access import Access
from helpdesk.models import (
    Channel,
    Conversation,
    Department,
    DepartmentUserObjectPermission,
    Escalation,
    EscalationLevel,
    PresenceStatus,
    Queue,
    Staff,
    State,
)
from helpdesk.services import channels
from helpdesk.services.presence import shown_status
from helpdesk.templatetags.portal import WAIT_WARN

STAFF_LIMIT = 300
AT_RISK = 6
ESCALATIONS = 60


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One queue: how many wait, since when, and who could answer now."""

    queue: Queue
    waiting: int
    oldest: datetime | None
    free: int
    can_answer: int


@dataclass(frozen=True, slots=True)
class Person:
    """One colleague and their load."""

    staff: Staff
    status: str

    @property
    def is_there(self) -> bool:
        return self.status != PresenceStatus.AWAY

    @property
    def is_free(self) -> bool:
        return self.status == PresenceStatus.ONLINE and self.staff.load < self.staff.capacity


@dataclass(frozen=True, slots=True)
class Climb:
    """One running escalation."""

    escalation: Escalation
    may_claim: bool

    @property
    def share(self) -> int:
        """Return how much of the level's time is used, in percent."""
        climbing = self.escalation
        if climbing.due_at is None:
            return 100
        whole = max(1.0, (climbing.due_at - climbing.level_at).total_seconds())
        return min(100, int(100 * (timezone.now() - climbing.level_at).total_seconds() / whole))


@dataclass(frozen=True)
class Lane:
    """One level of a path with what stands on it."""

    level: EscalationLevel
    climbs: list[Climb] = field(default_factory=list)


@dataclass(frozen=True)
class PathLanes:
    """One path, its levels side by side."""

    label: str
    lanes: Sequence[Lane]


@dataclass(frozen=True)
class Team:
    """One department and its people."""

    department: Department
    people: Sequence[Person]


@dataclass(frozen=True)
class Board:
    """Everything the board shows."""

    departments: Sequence[Department]
    chosen: int | None
    queues: Sequence[QueueLine]
    at_risk: Sequence[Conversation]
    paths: Sequence[PathLanes]
    teams: Sequence[Team]
    waiting: int
    oldest: datetime | None
    # How long a customer may wait before the first escalation would climb, and how many wait longer.
    patience: timedelta
    late: int
    # What those who are there have in hand, beside their capacity; and what waits with those who are not.
    in_hand: Decimal
    away: Decimal
    capacity: Decimal
    on_duty: int
    staff: int
    # Channels through which nothing leaves, with the reason.
    stopped: Sequence[Channel] = ()

    @property
    def share(self) -> int:
        return int(100 * self.in_hand / self.capacity) if self.capacity else 0

    @property
    def climbing(self) -> int:
        return sum(len(lane.climbs) for path in self.paths for lane in path.lanes)


def read_board(access: Access, department_id: int | None = None) -> Board:
    """Return the board of the departments whose board this person may see, or of one of them."""
    mine = access.allowed(permissions.BOARD_VIEW)
    departments = list(Department.objects.filter(pk__in=mine))
    chosen = department_id if department_id in mine else None
    shown = {chosen} if chosen else set(mine)
    people = _people(shown)
    waiting = _waiting(shown)
    patience = _patience(shown)
    unanswered = Conversation.objects.filter(
        department_id__in=shown, state__in=[State.QUEUED, State.OPEN], waiting_since__isnull=False
    )
    at_risk = list(
        unanswered.select_related("customer", "topic", "owner", "owner__department").order_by(
            "waiting_since"
        )[:AT_RISK]
    )
    answerers = _answerers(shown)
    return Board(
        departments=departments,
        chosen=chosen,
        queues=_queue_lines(shown, waiting, people, answerers),
        at_risk=at_risk,
        paths=_paths(access, shown),
        teams=_teams([each for each in departments if each.pk in shown], people),
        waiting=sum(count for count, _oldest in waiting.values()),
        oldest=min((oldest for _count, oldest in waiting.values() if oldest), default=None),
        patience=patience,
        late=unanswered.filter(waiting_since__lte=timezone.now() - patience).count(),
        in_hand=sum((one.staff.load for one in people if one.is_there), Decimal(0)),
        away=sum((one.staff.load for one in people if not one.is_there), Decimal(0)),
        capacity=sum((one.staff.capacity for one in people if one.is_there), Decimal(0)),
        on_duty=sum(one.is_there for one in people),
        staff=len(people),
        stopped=channels.stopped_channels(),
    )


def _patience(departments: Iterable[int]) -> timedelta:
    """Return the shortest first timer of the paths that these departments climb, five minutes without one."""
    first = EscalationLevel.objects.filter(
        Q(path__department_id__in=departments) | Q(path__department__isnull=True),
        path__is_active=True,
        order=1,
    )
    shortest: timedelta | None = first.aggregate(shortest=Min("timer"))["shortest"]
    return shortest or timedelta(seconds=WAIT_WARN)


def _people(departments: Iterable[int]) -> list[Person]:
    now = timezone.now()
    rows = Staff.objects.filter(department_id__in=departments, is_active=True, capacity__gt=0)
    return [
        Person(staff, shown_status(staff, now))
        for staff in rows.select_related("presence", "department")
        .prefetch_related("focus_times")
        .order_by("-load", "name")[:STAFF_LIMIT]
    ]


def _waiting(departments: Iterable[int]) -> dict[int, tuple[int, datetime | None]]:
    rows = (
        Conversation.objects.filter(state=State.QUEUED, department_id__in=departments)
        .order_by()
        .values_list("queue_id")
        .annotate(count=Count("pk"), oldest=Min("queued_at"))
    )
    return {queue_id: (count, oldest) for queue_id, count, oldest in rows}


def _answerers(departments: Iterable[int]) -> dict[int, set[int]]:
    """Return, per department, the users who may answer in it."""
    rows = DepartmentUserObjectPermission.objects.filter(
        content_object_id__in=departments, permission__codename=permissions.CONVERSATION_REPLY
    ).values_list("content_object_id", "user_id")
    found: dict[int, set[int]] = {}
    for department_id, user_id in rows:
        found.setdefault(department_id, set()).add(user_id)
    return found


def _queue_lines(
    departments: Iterable[int],
    waiting: dict[int, tuple[int, datetime | None]],
    people: Sequence[Person],
    answerers: dict[int, set[int]],
) -> list[QueueLine]:
    lines = []
    queues = Queue.objects.filter(Q(department_id__in=departments) | Q(pk__in=list(waiting)))
    for queue in queues.select_related("department")[:100]:
        able = [
            one for one in people if one.staff.user_id in answerers.get(queue.department_id, ())
        ]
        count, oldest = waiting.get(queue.pk, (0, None))
        lines.append(QueueLine(queue, count, oldest, sum(one.is_free for one in able), len(able)))
    return sorted(
        lines,
        key=lambda line: (line.oldest is None, line.oldest or timezone.now(), line.queue.name),
    )


def _paths(access: Access, departments: Iterable[int]) -> list[PathLanes]:
    running = list(
        Escalation.objects.filter(
            Q(conversation__department_id__in=departments)
            | Q(level__department_id__in=departments),
            ended_at__isnull=True,
        )
        .select_related(
            "conversation__customer", "conversation__topic", "level", "claimed_by__department"
        )
        .order_by("due_at", "id")[:ESCALATIONS]
    )
    levels = (
        EscalationLevel.objects.filter(path__is_active=True)
        .select_related("path")
        .order_by("path__name", "order")
    )
    lanes: dict[int, tuple[str, dict[int, Lane]]] = {}
    for level in levels[:60]:
        lanes.setdefault(level.path_id, (level.path.label, {}))[1][level.pk] = Lane(level)
    for climbing in running:
        lane = lanes.get(climbing.path_id, ("", {}))[1].get(climbing.level_id)
        if lane is not None:
            lane.climbs.append(Climb(climbing, _may_claim(access, climbing)))
    busy = [PathLanes(label, list(by_level.values())) for label, by_level in lanes.values()]
    return sorted(busy, key=lambda path: -sum(len(lane.climbs) for lane in path.lanes))


def _may_claim(access: Access, climbing: Escalation) -> bool:
    """Tell whether to show the button; the service decides."""
    in_department = climbing.level.department_id in access.allowed(permissions.CONVERSATION_REPLY)
    return climbing.state == Escalation.State.WAITING and in_department


def _teams(departments: Sequence[Department], people: Sequence[Person]) -> list[Team]:
    by_department: dict[int, list[Person]] = {}
    for one in people:
        by_department.setdefault(one.staff.department_id, []).append(one)
    return [Team(each, by_department[each.pk]) for each in departments if each.pk in by_department]
