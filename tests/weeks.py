"""Calendars written in a few words, for tests that are read line by line.

A week is "Mon-Fri 9-12 13-18; Sat 22-6", leave "2026-03-12" or "2026-03-12 13:00 .. 2026-03-13 12:00", focus
"Thu 14-16; 2026-03-12 9-10". Times are on the person's own clock; with a Z they are UTC.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from helpdesk.services.working_hours import Calendar

DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


@dataclass(frozen=True)
class Shift:
    weekday: int
    starts_at: time
    ends_at: time


@dataclass(frozen=True)
class Off:
    first_day: date
    last_day: date
    starts_at: time | None = None
    ends_at: time | None = None


@dataclass(frozen=True)
class Quiet:
    weekday: int | None
    day: date | None
    starts_at: time
    ends_at: time


def week(text: str) -> list[Shift]:
    return [
        Shift(day, starts_at, ends_at)
        for part in _parts(text)
        for days, *hours in [part.split()]
        for day in _days(days)
        for starts_at, ends_at in map(_hours, hours)
    ]


def leave(text: str) -> list[Off]:
    return [_leave(part) for part in _parts(text)]


def focus(text: str) -> list[Quiet]:
    found = []
    for part in _parts(text):
        name, hours = part.split()
        if name in DAYS:
            found.append(Quiet(DAYS.index(name), None, *_hours(hours)))
        else:
            found.append(Quiet(None, date.fromisoformat(name), *_hours(hours)))
    return found


def calendar(
    zone: str, hours: str = "", country: str = "CN", *, off: str = "", quiet: str = ""
) -> Calendar:
    return Calendar(zone, country, week(hours), leave(off), focus(quiet))


def instant(zone: str, text: str) -> datetime:
    if text.endswith("Z"):
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _days(text: str) -> range:
    first, _dash, last = text.partition("-")
    return range(DAYS.index(first), DAYS.index(last or first) + 1)


def _hours(text: str) -> tuple[time, time]:
    starts, _dash, ends = text.partition("-")
    return _time(starts), _time(ends)


def _time(text: str) -> time:
    hour, _colon, minute = text.partition(":")
    return time(int(hour) % 24, int(minute or 0))


def _leave(text: str) -> Off:
    first, _dots, last = text.partition(" .. ")
    first_day, starts_at = _moment(first)
    last_day, ends_at = _moment(last or re.sub(r" .*", "", first))
    return Off(first_day, last_day, starts_at, ends_at)


def _moment(text: str) -> tuple[date, time | None]:
    day, _space, hour = text.partition(" ")
    return date.fromisoformat(day), _time(hour) if hour else None
