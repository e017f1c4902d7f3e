"""How much of the day occasional helpers lend to conversations, and how much of it is spent.

A minute is spent while a conversation that the person holds is open: the customer waits for them. However
many are open, it is one minute, which they share. What waits for the customer or is snoozed takes no time,
one answer takes half an hour at most, however long it is waited for, and nothing is spent outside the
working hours of the day.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import F, Q

from helpdesk.models import Assignment, Direction, Entry, Staff, State
from helpdesk.services.calendars import calendar_of, with_calendars
from helpdesk.services.working_hours import Calendar, Span, Workday, time_within, workday

# Nobody sits in front of one answer for longer.
ATTENTION = timedelta(minutes=30)
# Less than this is nothing left.
LEAST = timedelta(minutes=1)
# An assignment that began before and ended today is too old to look for; so are entries before the newest.
LOOK_BACK = timedelta(days=30)
MOST_ENTRIES = 200


@dataclass(frozen=True, slots=True)
class Lender:
    """Somebody who lends a share of the working day."""

    staff_id: int
    percent: int
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Lent:
    """What somebody lends today, what of it is spent, and when the day is over."""

    total: timedelta
    spent: timedelta
    day_ends_at: datetime

    @property
    def left(self) -> timedelta:
        """Return what may still be spent."""
        return max(self.total - self.spent, timedelta())

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left."""
        return self.left < LEAST

    @property
    def total_minutes(self) -> int:
        return round(self.total / timedelta(minutes=1))

    @property
    def spent_minutes(self) -> int:
        """Return the minutes spent of those lent; what was spent above them was given, not lent."""
        return min(int(self.spent / timedelta(minutes=1)), self.total_minutes)

    @property
    def percent(self) -> int:
        """Return how much of it is spent."""
        return round(100 * self.spent_minutes / self.total_minutes) if self.total_minutes else 100


class _Held(NamedTuple):
    staff_id: int
    conversation_id: int
    starts_at: datetime
    ended_at: datetime | None
    state: str
    waiting_since: datetime | None


def lent(lenders: Sequence[Lender], now: datetime) -> dict[int, Lent]:
    """Return what each of them lends today and has spent; two queries, none without lenders."""
    days = {one.staff_id: workday(one.calendar, now) for one in lenders}
    spans = _spans(_held(days, now), now) if days else {}
    return {one.staff_id: _lent(one, days[one.staff_id], spans) for one in lenders}


def lenders(people: Iterable[Staff]) -> list[Lender]:
    """Return those of the people who lend a share, fetched with their calendars."""
    return [
        Lender(staff.pk, staff.lent_percent, calendar_of(staff))
        for staff in people
        if staff.lent_percent is not None
    ]


def without_time(people: Iterable[Staff], now: datetime) -> set[int]:
    """Return who of the people lends a share of the day and has nothing left of it."""
    ids = [staff.pk for staff in people if staff.lent_percent is not None]
    if not ids:
        return set()
    rows = with_calendars(Staff.objects.filter(pk__in=ids))
    return {staff_id for staff_id, one in lent(lenders(rows), now).items() if one.is_over}


def _lent(lender: Lender, day: Workday, spans: Mapping[int, Sequence[Span]]) -> Lent:
    total = day.length * lender.percent / 100
    spent = time_within(spans.get(lender.staff_id, ()), day.spans)
    return Lent(total, spent, day.span.end)


def _held(days: Mapping[int, Workday], now: datetime) -> list[_Held]:
    """Return what these people have held today."""
    since = min(day.span.start for day in days.values())
    rows = Assignment.objects.filter(
        Q(ended_at__isnull=True) | Q(starts_at__gt=now - LOOK_BACK, ended_at__gt=since),
        staff_id__in=list(days),
    ).order_by()
    facts = ("staff_id", "conversation_id", "starts_at", "ended_at")
    found = rows.values_list(*facts, "conversation__state", "conversation__waiting_since")
    return [_Held(*row) for row in found]


def _spans(held: Sequence[_Held], now: datetime) -> dict[int, list[Span]]:
    """Return when each person had a customer waiting for them."""
    waits = _waits({one.conversation_id for one in held})
    found: dict[int, list[Span]] = defaultdict(list)
    for one in held:
        over = one.ended_at or now
        for start, end in _waits_of(one, waits[one.conversation_id]):
            began = max(start, one.starts_at)
            ended = min(end or now, over, began + ATTENTION)
            if began < ended:
                found[one.staff_id].append(Span(began, ended))
    return found


Wait = tuple[datetime, datetime | None]


def _waits_of(held: _Held, waits: Sequence[Wait]) -> Iterator[Wait]:
    """Yield when the customer waited; what is still held knows best whether they do now."""
    if held.ended_at is not None:
        yield from waits
        return
    yield from (wait for wait in waits if wait[1] is not None)
    if held.state == State.OPEN:
        running = waits[-1][0] if waits and waits[-1][1] is None else held.starts_at
        yield max(running, held.waiting_since or running), None


def _waits(conversation_ids: Iterable[int]) -> Mapping[int, list[Wait]]:
    """Return when the customer of each conversation waited, in order; the last wait may have no end."""
    newest = F("conversation__last_number") - MOST_ENTRIES
    rows = (
        Entry.objects.filter(conversation_id__in=list(conversation_ids), number__gt=newest)
        .filter(
            Q(message__direction__in=[Direction.IN, Direction.OUT])
            | Q(kind__in=[Entry.Kind.SNOOZED, Entry.Kind.WOKEN])
        )
        .order_by("conversation_id", "number")
    )
    happened: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
    for conversation_id, at, kind, direction in rows.values_list(
        "conversation_id", "at", "kind", "message__direction"
    ):
        happened[conversation_id].append((at, direction or kind))
    found: dict[int, list[Wait]] = defaultdict(list)
    found.update({one: list(_waits_in(events)) for one, events in happened.items()})
    return found


def _waits_in(happened: Iterable[tuple[datetime, str]]) -> Iterator[Wait]:
    """Yield the waits among what happened in a conversation."""
    since: datetime | None = None
    is_asleep = False
    for at, what in happened:
        if what == Direction.IN:
            since, is_asleep = since or at, False
        elif what == Entry.Kind.WOKEN:
            since, is_asleep = at if is_asleep else since, False
        else:
            if since is not None:
                yield since, at
            # Set aside while the customer waits, it is waited for again when it comes back.
            is_asleep = what == Entry.Kind.SNOOZED and (since is not None or is_asleep)
            since = None
    if since is not None:
        yield since, None
