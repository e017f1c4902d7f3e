"""Whether somebody works at an instant and until when that holds: a pure function of their calendar.

The rules, all by the clock on the person's own wall:
- A period belongs to the day on which it begins. One that ends before it starts runs past midnight, also
  into a public holiday; on a public holiday none begins.
- A make-up working day has the periods of the weekday that it replaces, not its own.
- A time that the clock skips is the moment of the change; a time that it shows twice is the first one.
- Whoever has no periods works at all hours and on all days.
- Leave goes before everything; focus time lies within the work and takes nothing from the working day.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from helpdesk.services.public_holidays import is_holiday, weekday_of

HOURS = "hours"
HOLIDAY = "holiday"
LEAVE = "leave"
FOCUS = "focus"

# An answer is told for this time ahead at most.
HORIZON = timedelta(days=7)
FAR_AHEAD = timedelta(days=21)
# What counts as the working day of somebody without periods.
PLAIN_DAY = timedelta(hours=8)

_DAY = timedelta(days=1)
_WEEK_MINUTES = 7 * 24 * 60


class Period(Protocol):
    """One period of a week: weekday 0 is Monday; it ends on the next day when it ends before it starts."""

    weekday: int
    starts_at: time
    ends_at: time


class Absence(Protocol):
    """Days off, first and last included; on these from and to a time where there is one."""

    first_day: date
    last_day: date
    starts_at: time | None
    ends_at: time | None


class Focus(Protocol):
    """Time without new work: on a weekday of each week, or on one day."""

    weekday: int | None
    day: date | None
    starts_at: time
    ends_at: time


@dataclass(frozen=True, slots=True)
class Calendar:
    """All that decides when somebody works."""

    timezone: str
    country: str = ""
    periods: Sequence[Period] = ()
    leaves: Sequence[Absence] = ()
    focus_times: Sequence[Focus] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """From an instant up to another, which is outside."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Spell:
    """Whether somebody works, until when that holds at least, and why they do not."""

    is_on: bool
    until: datetime
    # HOURS, HOLIDAY, LEAVE or FOCUS; empty at work.
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Workday:
    """The day around an instant, from midnight to midnight: what of it is work, and what is left of that."""

    span: Span
    spans: tuple[Span, ...]
    length: timedelta
    left: timedelta


def spell(calendar: Calendar, at: datetime) -> Spell:
    """Return whether the person works at an instant; `until` is the next change, seven days later at most."""
    now = at.astimezone(UTC)
    end = now + HORIZON
    today = _local_day(calendar, now)
    # The next change is nearly always near: the whole week is laid out only when it is not.
    for days in (1, HORIZON.days + 1):
        ahead = _Ahead(calendar, today, days)
        reason = ahead.reason(now)
        for change in ahead.changes(now, end):
            if ahead.reason(change) != reason:
                return Spell(not reason, change, reason)
    return Spell(not reason, end, reason)


def next_work(calendar: Calendar, at: datetime) -> datetime | None:
    """Return when the person next begins to work, the instant itself at work; None within the weeks ahead."""
    end = at + FAR_AHEAD
    while at < end:
        found = spell(calendar, at)
        if found.is_on:
            return at
        at = found.until
    return None


def workday(calendar: Calendar, at: datetime) -> Workday:
    """Return the working day around an instant; leave shortens it, focus time does not.

    Somebody without periods has a working day of eight hours, at whatever hours.
    """
    now = at.astimezone(UTC)
    today = _local_day(calendar, now)
    day = Span(_midnight(calendar, today), _midnight(calendar, today + _DAY))
    spans = tuple(_within(_work(calendar, today), day))
    most = day.end - day.start if calendar.periods else PLAIN_DAY
    left = _within(spans, Span(now, day.end))
    return Workday(day, spans, min(_length(spans), most), min(_length(left), most))


def is_focused(calendar: Calendar, at: datetime) -> bool:
    """Tell whether a focus time of the person covers the instant, at work or not."""
    now = at.astimezone(UTC)
    today = _local_day(calendar, now)
    return any(
        span.start <= now < span.end
        for day in (today - _DAY, today)
        for span in _focus_of(calendar, day)
    )


def overlapping(periods: Iterable[Period]) -> list[tuple[Period, Period]]:
    """Return the pairs of periods of one week that share a minute, the earlier one first."""
    sides = sorted(
        ((*side, period) for period in periods for side in _minutes(period)),
        key=lambda side: side[:2],
    )
    found, last = [], 0
    for number, (_start, end, period) in enumerate(sides):
        if number and sides[number][0] < sides[last][1]:
            found.append((sides[last][2], period))
        if end > sides[last][1]:
            last = number
    return found


def _minutes(period: Period) -> Iterator[tuple[float, float]]:
    """Yield where in the week a period lies, in minutes; the night to Monday has two sides."""
    start = period.weekday * 24 * 60 + _minute(period.starts_at)
    end = period.weekday * 24 * 60 + _minute(period.ends_at)
    if end <= start:
        end += 24 * 60
    yield start, min(end, _WEEK_MINUTES)
    if end > _WEEK_MINUTES:
        yield 0, end - _WEEK_MINUTES


def _minute(at: time) -> float:
    return at.hour * 60 + at.minute + at.second / 60


class _Ahead:
    """A calendar laid out in instants, from the evening before a day to the end of the last day ahead."""

    def __init__(self, calendar: Calendar, today: date, days: int) -> None:
        dates = [today + _DAY * number for number in range(-1, days + 1)]
        self.end = _midnight(calendar, dates[-1] + _DAY)
        self.leaves = _leaves(calendar, dates[0], dates[-1])
        self.shifts = [span for day in dates for span in _shifts_of(calendar, day)]
        self.holidays = [
            Span(_midnight(calendar, day), _midnight(calendar, day + _DAY))
            for day in dates
            if is_holiday(day, calendar.country)
        ]
        self.focus_times = [span for day in dates for span in _focus_of(calendar, day)]

    def reason(self, at: datetime) -> str:
        """Return why the person does not work at an instant; empty when they do."""
        if _covers(self.leaves, at):
            return LEAVE
        if not _covers(self.shifts, at):
            return HOLIDAY if _covers(self.holidays, at) else HOURS
        return FOCUS if _covers(self.focus_times, at) else ""

    def changes(self, after: datetime, end: datetime) -> list[datetime]:
        """Return the instants after one, up to the end, at which something begins or ends."""
        spans = (*self.leaves, *self.shifts, *self.holidays, *self.focus_times)
        edges = {edge for span in spans for edge in (span.start, span.end)}
        # Of what lies behind the last day only a part is laid out.
        return sorted(edge for edge in edges if after < edge < min(end, self.end))


def _covers(spans: Iterable[Span], at: datetime) -> bool:
    return any(span.start <= at < span.end for span in spans)


def _work(calendar: Calendar, day: date) -> list[Span]:
    """Return the work that reaches into a day, in order, without what leave takes of it."""
    shifts = [span for each in (day - _DAY, day) for span in _shifts_of(calendar, each)]
    work = _merged(shifts)
    for leave in _leaves(calendar, day - _DAY, day + _DAY):
        work = [part for span in work for part in _without(span, leave)]
    return work


def _shifts_of(calendar: Calendar, day: date) -> Iterator[Span]:
    """Yield the periods that begin on a day."""
    if not calendar.periods:
        yield Span(_midnight(calendar, day), _midnight(calendar, day + _DAY))
        return
    weekday = weekday_of(day, calendar.country)
    for period in calendar.periods:
        if period.weekday == weekday:
            yield from _of_day(calendar, day, period.starts_at, period.ends_at)


def _focus_of(calendar: Calendar, day: date) -> Iterator[Span]:
    """Yield the focus times that begin on a day; those of each week follow it as the periods do."""
    for focus in calendar.focus_times:
        if focus.day == day or (
            focus.weekday is not None and focus.weekday == weekday_of(day, calendar.country)
        ):
            yield from _of_day(calendar, day, focus.starts_at, focus.ends_at)


def _of_day(calendar: Calendar, day: date, starts_at: time, ends_at: time) -> Iterator[Span]:
    last = day if ends_at > starts_at else day + _DAY
    span = Span(_instant(calendar, day, starts_at), _instant(calendar, last, ends_at))
    # Nothing is left of a period that the clock skips.
    if span.start < span.end:
        yield span


def _leaves(calendar: Calendar, first: date, last: date) -> list[Span]:
    """Return the leaves that touch one of the days."""
    return [
        Span(
            _instant(calendar, leave.first_day, leave.starts_at or time.min),
            _midnight(calendar, leave.last_day + _DAY)
            if leave.ends_at is None
            else _instant(calendar, leave.last_day, leave.ends_at),
        )
        for leave in calendar.leaves
        if leave.last_day >= first and leave.first_day <= last
    ]


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda one: one.start):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _without(span: Span, taken: Span) -> Iterator[Span]:
    if span.start < taken.start:
        yield Span(span.start, min(span.end, taken.start))
    if taken.end < span.end:
        yield Span(max(span.start, taken.end), span.end)


def _within(spans: Iterable[Span], frame: Span) -> Iterator[Span]:
    for span in spans:
        start, end = max(span.start, frame.start), min(span.end, frame.end)
        if start < end:
            yield Span(start, end)


def _length(spans: Iterable[Span]) -> timedelta:
    return sum((span.end - span.start for span in spans), timedelta())


def time_within(spans: Iterable[Span], frames: Iterable[Span]) -> timedelta:
    """Return how much of the frames, which do not overlap, lies in one or more of the spans."""
    merged = _merged(spans)
    return sum((_length(_within(merged, frame)) for frame in frames), timedelta())


# --- instants -----------------------------------------------------------------------------------


def _local_day(calendar: Calendar, at: datetime) -> date:
    return at.astimezone(_zone(calendar.timezone)).date()


def _midnight(calendar: Calendar, day: date) -> datetime:
    return _instant(calendar, day, time.min)


def _instant(calendar: Calendar, day: date, at: time) -> datetime:
    return _instant_of(_zone(calendar.timezone), datetime.combine(day, at))


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=20_000)
def _instant_of(zone: ZoneInfo, wall: datetime) -> datetime:
    """Return when the clock shows it: the first time of two, the moment of the change when it never does."""
    early = wall.replace(tzinfo=zone).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None) == wall:
        return early
    # Skipped: `fold` chooses the offset behind the change, which leads to before it.
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), early
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
