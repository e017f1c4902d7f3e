"""What those who wait in an organization can expect now: reckoned for all together, kept for some seconds.

A process reckons at most once in fifteen seconds for each organization, whoever asks and however many
wait. In between only the order of those who wait is read anew: their places change at once, and with
them where they stand on the curve of their line.
"""

import threading
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from django.db.models.functions import Coalesce
from django.utils import timezone

from helpdesk.models import Conversation
from helpdesk.registries import live_kinds
from helpdesk.tenancy import current_organization_id
from routing import needs
from routing.candidates import Need
from routing.deciding.team import Team
from routing.facts import Facts, facts
from routing.people import people
from routing.predicting.holds import Floats
from routing.predicting.known import Waiter, situation_of
from routing.predicting.presence import There, is_closed, there_for
from routing.predicting.simulation import Waits, forecast
from routing.queued import Kind

KEPT_SECONDS = 15.0
# How soon the order of those who wait is read again.
ORDERED_SECONDS = 2.0
# How soon it is reckoned anew where a line has grown beyond what was reckoned.
GROWN_SECONDS = 5.0
KEPT_ORGANIZATIONS = 200
# Of more, the most urgent and the oldest are looked at.
MOST_WAITING = 2000


@dataclass(frozen=True, slots=True)
class Line:
    """Everybody who asks for the same people: how long each place in it waits, in seconds, first place first."""

    there: There
    middle: Floats
    late: Floats

    def wait(self, position: int) -> tuple[timedelta, timedelta] | None:
        """Return the middle and the late wait of a place from 1 on; None where nobody will come."""
        at = min(position, len(self.middle)) - 1
        if not self.there.rows or not np.isfinite(self.middle[at]):
            return None
        late = min(self.late[at], 24 * 3600.0)
        return timedelta(seconds=float(self.middle[at])), timedelta(seconds=float(late))


@dataclass(slots=True)
class Outlook:
    """What is known of one organization's waits."""

    team: Team
    lines: Sequence[Line]
    line_of: Mapping[Kind, int]
    reckoned_at: float
    # Those who wait and their places, as last read.
    waiting: Sequence[Waiter] = ()
    places: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    ordered_at: float = 0.0
    # How many wait in each department.
    lengths: Counter[int] = field(default_factory=Counter)
    _closed: dict[int, bool] = field(default_factory=dict)

    def line(self, kind: Kind) -> Line | None:
        """Return the line of what is asked for."""
        number = self.line_of.get(kind)
        return None if number is None else self.lines[number]

    def place(self, conversation_id: int) -> tuple[int, Line] | None:
        """Return the place in its line of a conversation that waits."""
        found = self.places.get(conversation_id)
        return None if found is None else (found[1], self.lines[found[0]])

    def is_closed(self, department_id: int) -> bool:
        """Tell whether a department is outside its working hours."""
        if department_id not in self._closed:
            self._closed[department_id] = is_closed(department_id, self.team)
        return self._closed[department_id]


_kept: OrderedDict[int, Outlook] = OrderedDict()
_locks: dict[int, threading.Lock] = defaultdict(threading.Lock)


def outlook(conversation_id: int | None = None) -> Outlook:
    """Return what can be expected now; the transaction is open.

    With a conversation, the order is read again when that one is not in it yet.
    """
    organization_id = current_organization_id()
    # One thread reckons, the others wait for what it finds.
    with _locks[organization_id]:
        kept, now = _kept.get(organization_id), time.monotonic()
        if kept is None or now - kept.reckoned_at >= KEPT_SECONDS:
            kept = _reckon(timezone.now())
        elif now - kept.ordered_at >= ORDERED_SECONDS or _is_unknown(kept, conversation_id):
            kept = _ordered_again(kept, timezone.now())
        _kept[organization_id] = kept
        _kept.move_to_end(organization_id)
        while len(_kept) > KEPT_ORGANIZATIONS:
            _kept.popitem(last=False)
    return kept


def forget() -> None:
    """Forget what was reckoned, of all organizations."""
    _kept.clear()


def _is_unknown(kept: Outlook, conversation_id: int | None) -> bool:
    return (
        conversation_id is not None
        and conversation_id not in kept.places
        and len(kept.waiting) < MOST_WAITING
    )


def _reckon(now: datetime) -> Outlook:
    known = facts()
    team = Team.of(people(known, now))
    waiting = _waiting()
    asked = situation_of(waiting, team, known, now, lambda need: there_for(need, team, known, now))
    waits = forecast(asked.situation)
    newcomers = zip(waits.newcomer_middle, waits.newcomer_late, strict=True)
    lines = [
        Line(there, *_curve(members, waits, newcomer))
        for there, members, newcomer in zip(asked.theres, asked.members, newcomers, strict=True)
    ]
    made = Outlook(team, lines, asked.line_of, time.monotonic())
    return _in_order(made, waiting, known, now)


def _curve(
    members: Sequence[tuple[int, int]], waits: Waits, newcomer: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Return the waits of a line by place, never shorter further behind; the last is a newcomer's."""
    middle = sorted(float(waits.middle[stream][at]) for stream, at in members)
    late = sorted(float(waits.late[stream][at]) for stream, at in members)
    return (
        np.maximum.accumulate(np.array([*middle, newcomer[0]])),
        np.maximum.accumulate(np.array([*late, newcomer[1]])),
    )


def _ordered_again(kept: Outlook, now: datetime) -> Outlook:
    waiting = _waiting()
    if {waiter.kind for waiter in waiting} - set(kept.line_of):
        # Somebody asks for what nobody asked for when it was reckoned.
        return _reckon(now)
    found = _in_order(kept, waiting, facts(), now)
    is_older = time.monotonic() - kept.reckoned_at >= GROWN_SECONDS
    return _reckon(now) if is_older and _has_grown(found) else found


def _has_grown(found: Outlook) -> bool:
    """Tell whether somebody stands behind all whose wait was reckoned, and behind one who came since."""
    return any(position > len(found.lines[line].middle) for line, position in found.places.values())


def _in_order(kept: Outlook, waiting: Sequence[Waiter], known: Facts, now: datetime) -> Outlook:
    """Return the outlook with everybody's place in their line: in the order in which the engine values them."""
    lines: dict[int, list[tuple[float, int]]] = defaultdict(list)
    moment = now.timestamp()
    for number, waiter in enumerate(waiting):
        rules = known.policy(waiter.kind[0], now).rules
        lines[kept.line_of[waiter.kind]].append(
            (-rules.precedence(_need(waiter, known), moment), number)
        )
    places = {
        waiting[number].conversation_id: (line, position)
        for line, members in lines.items()
        for position, (_precedence, number) in enumerate(sorted(members), 1)
    }
    return replace(
        kept,
        waiting=waiting,
        places=places,
        ordered_at=time.monotonic(),
        lengths=Counter(waiter.kind[0] for waiter in waiting),
    )


def _need(waiter: Waiter, known: Facts) -> Need:
    need = needs.need_of_kind(waiter.kind, known)
    return replace(need, urgency=waiter.urgency, waiting_since=waiter.since, is_live=waiter.is_live)


def _waiting() -> list[Waiter]:
    live = live_kinds()
    rows = Conversation.objects.filter(queue__isnull=False).order_by("-urgency", "queued_at", "id")
    fields = (
        *("pk", "department_id", "topic_id", "language", "wanted_skill_id"),
        "urgency",
    )
    since = Coalesce("waiting_since", "queued_at")
    return [
        Waiter(pk, Kind(department, topic, language, skill), urgency, since, kind in live)
        for pk, department, topic, language, skill, urgency, kind, since in rows.values_list(
            *fields, "channel__kind", since
        )[:MOST_WAITING]
    ]
