"""Whether a person works now: the periods of their week, and the public holidays of the country."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

import holidays


class Period(Protocol):
    """One period of a week: weekday 0 is Monday; it ends on the next day when it ends before it starts."""

    weekday: int
    starts_at: time
    ends_at: time


def is_working(periods: Iterable[Period], timezone: str, country: str, now: datetime) -> bool:
    """Tell whether `now` falls into one of the periods; without any period the person always works."""
    week = list(periods)
    if not week:
        return True
    local = now.astimezone(ZoneInfo(timezone))
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    return any(
        _covers(period, today, local.time(), country)
        or _reaches(period, yesterday, local.time(), country)
        for period in week
    )


def is_holiday(day: date, country: str) -> bool:
    """Tell whether the day is a public holiday; False for a country without a calendar."""
    return day in _calendar(country, day.year)


def _covers(period: Period, day: date, at: time, country: str) -> bool:
    """Tell whether the part of the period that lies on its own day covers the time."""
    if period.weekday != day.weekday() or is_holiday(day, country) or at < period.starts_at:
        return False
    return at < period.ends_at or period.ends_at <= period.starts_at


def _reaches(period: Period, day: date, at: time, country: str) -> bool:
    """Tell whether a period that began on `day` runs past midnight and covers the time."""
    if period.weekday != day.weekday() or is_holiday(day, country):
        return False
    return period.ends_at <= period.starts_at and at < period.ends_at


@lru_cache(maxsize=200)
def _calendar(country: str, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()
