"""What is known of an organization's queue now, as the simulation takes it; a fixed number of queries."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from helpdesk.models import Assignment, Conversation
from helpdesk.registries import live_kinds
from routing import needs
from routing.candidates import Need
from routing.deciding.team import Team
from routing.facts import Facts
from routing.predicting.holds import Holds
from routing.predicting.presence import There
from routing.predicting.simulation import Running, Situation, Stream
from routing.queued import Kind

# How far back arrivals say something about the next ones: an hour alone swings too much.
ARRIVALS_LOOK_BACK = timedelta(hours=3)
MOST_ARRIVALS = 2000
HOLDS_LOOK_BACK = timedelta(days=7)
MOST_HOLDS = 3000
MOST_RUNNING = 20_000
MOST_KINDS = 200
# As fine as urgency is looked at.
URGENCY_STEP = 5
USUAL_URGENCY = 20

# A topic and a department whose holds are alike; either may be unknown.
_HoldKey = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Waiter:
    """One conversation that waits."""

    conversation_id: int
    kind: Kind
    urgency: int
    since: datetime
    is_live: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """The situation, and where in it everybody is."""

    situation: Situation
    theres: Sequence[There]
    line_of: Mapping[Kind, int]
    # By line: stream and place in it of everybody who waits.
    members: Sequence[Sequence[tuple[int, int]]]


class _Holds:
    """How long conversations are held, by topic, else by department, else by all."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.kinds: list[Holds] = []
        self._numbers: dict[_HoldKey, int] = {}
        self._seconds: dict[_HoldKey, tuple[list[float], list[bool]]] = defaultdict(
            lambda: ([], [])
        )
        self.running = list(_running())
        rows = Assignment.objects.filter(ended_at__gt=now - HOLDS_LOOK_BACK)
        rows = rows.exclude(ending=Assignment.Ending.UNDONE).order_by("-ended_at")
        fields = ("conversation__topic_id", "conversation__department_id", "starts_at", "ended_at")
        for topic, department, start, end in rows.values_list(*fields)[:MOST_HOLDS]:
            self._note(topic, department, (end - start).total_seconds(), is_over=True)
        for _staff, _weight, start, topic, department in self.running:
            self._note(topic, department, (now - start).total_seconds(), is_over=False)

    def number(self, topic_id: int | None, department_id: int | None) -> int:
        """Return the number of the narrowest kind of which enough is known."""
        key = (topic_id, department_id)
        if key not in self._numbers:
            found = Holds.of(*self._seconds[key]) if key in self._seconds else None
            if found is None and department_id is not None:
                wider = None if topic_id is None else department_id
                self._numbers[key] = self.number(None, wider)
            else:
                self._numbers[key] = len(self.kinds)
                self.kinds.append(found or Holds.usual())
        return self._numbers[key]

    def in_hands_of(self, people: Mapping[int, int]) -> list[Running]:
        """Return what the people hold, whose numbers are told by their ids."""
        return [
            Running(
                people[staff],
                (self.now - start).total_seconds(),
                self.number(topic, department),
                weight,
            )
            for staff, weight, start, topic, department in self.running
            if staff in people
        ]

    def _note(self, topic: int | None, department: int, seconds: float, *, is_over: bool) -> None:
        for key in {(topic, department), (None, department), (None, None)}:
            self._seconds[key][0].append(seconds)
            self._seconds[key][1].append(is_over)


def situation_of(
    waiting: Sequence[Waiter],
    team: Team,
    known: Facts,
    now: datetime,
    there_for: Callable[[Need], There],
) -> Asked:
    """Return what is known now of those who wait and of those who lately came; the transaction is open."""
    arrivals, window = _arrivals(now)
    asked = [one.kind for one in waiting]
    lately = list(dict.fromkeys(one.kind for one in arrivals))[:MOST_KINDS]
    theres, line_of = _lines([*asked, *lately], known, there_for)
    holds = _Holds(now)
    streams, members = _streams(waiting, arrivals, window, line_of, len(theres), holds, known, now)
    rows = sorted({row for there in theres for row in there.rows})
    people = {row: number for number, row in enumerate(rows)}
    situation = Situation(
        capacity=[team.capacity[row] / 100 for row in rows],
        running=holds.in_hands_of({int(team.ids[row]): number for row, number in people.items()}),
        lines=[frozenset(people[row] for row in there.rows) for there in theres],
        streams=streams,
        holds=holds.kinds or [Holds.usual()],
        newcomers=_newcomers(line_of, len(theres), known, now),
    )
    return Asked(situation, theres, line_of, members)


def _lines(
    kinds: Sequence[Kind], known: Facts, there_for: Callable[[Need], There]
) -> tuple[list[There], dict[Kind, int]]:
    """Return the lines, and which of them each kind stands in: the same people are one line."""
    theres: list[There] = []
    numbers: dict[tuple[object, ...], int] = {}
    line_of: dict[Kind, int] = {}
    for kind in dict.fromkeys(kinds):
        there = there_for(needs.need_of_kind(kind, known))
        key = (there.rows,) if there.rows else (there, kind[0])
        if key not in numbers:
            numbers[key] = len(theres)
            theres.append(there)
        line_of[kind] = numbers[key]
    return theres, line_of


def _streams(
    waiting: Sequence[Waiter],
    arrivals: Sequence[Waiter],
    window: float,
    line_of: Mapping[Kind, int],
    lines: int,
    holds: _Holds,
    known: Facts,
    now: datetime,
) -> tuple[list[Stream], list[list[tuple[int, int]]]]:
    """Return the streams, and by line who stands where in them."""
    queues: dict[tuple[int, int, float, int], list[float]] = defaultdict(list)
    counts: dict[tuple[int, int, float, int], int] = defaultdict(int)

    def key(one: Waiter) -> tuple[int, int, float, int]:
        urgency = URGENCY_STEP * round(one.urgency / URGENCY_STEP)
        target = known.policy(one.kind[0], now).rules.target(urgency, is_live=one.is_live)
        return line_of[one.kind], urgency, target, holds.number(one.kind[1], one.kind[0])

    for one in waiting:
        queues[key(one)].append(max((now - one.since).total_seconds(), 0.0))
    for one in arrivals:
        if one.kind in line_of:
            counts[key(one)] += 1
    streams: list[Stream] = []
    members: list[list[tuple[int, int]]] = [[] for _ in range(lines)]
    for each in dict.fromkeys([*queues, *counts]):
        waited = sorted(queues.get(each, ()), reverse=True)
        members[each[0]] += [(len(streams), at) for at in range(len(waited))]
        line, urgency, target, hold = each
        streams.append(Stream(line, urgency, target, hold, counts[each] / window, waited))
    return streams, members


def _newcomers(
    line_of: Mapping[Kind, int], lines: int, known: Facts, now: datetime
) -> list[tuple[int, float]]:
    found = [(USUAL_URGENCY, 300.0)] * lines
    for (department_id, *_rest), line in line_of.items():
        target = known.policy(department_id, now).rules.target(USUAL_URGENCY, is_live=True)
        found[line] = (USUAL_URGENCY, target)
    return found


def _arrivals(now: datetime) -> tuple[list[Waiter], float]:
    """Return what lately came, newest first, and the seconds in which it did."""
    live = live_kinds()
    rows = Conversation.objects.filter(opened_at__gt=now - ARRIVALS_LOOK_BACK).order_by(
        "-opened_at"
    )
    fields = (
        *("pk", "department_id", "topic_id", "language", "wanted_skill_id"),
        *("urgency", "opened_at", "channel__kind"),
    )
    found = [
        Waiter(pk, Kind(department, topic, language, skill), urgency, opened_at, kind in live)
        for pk, department, topic, language, skill, urgency, opened_at, kind in rows.values_list(
            *fields
        )[:MOST_ARRIVALS]
    ]
    window = ARRIVALS_LOOK_BACK.total_seconds()
    if len(found) == MOST_ARRIVALS:
        window = max((now - found[-1].since).total_seconds(), 60.0)
    return found, window


def _running() -> Sequence[tuple[int, float, datetime, int | None, int]]:
    rows = Assignment.objects.filter(ended_at__isnull=True, weight__gt=0).order_by("-id")
    fields = ("conversation__topic_id", "conversation__department_id")
    return [
        (staff, float(weight), start, topic, department)
        for staff, weight, start, topic, department in rows.values_list(
            "staff_id", "weight", "starts_at", *fields
        )[:MOST_RUNNING]
    ]
