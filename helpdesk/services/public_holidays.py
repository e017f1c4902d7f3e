"""Public holidays of a country, and the weekends on which it works to make up for a day off."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import holidays


@dataclass(frozen=True, slots=True)
class _Year:
    """The public holidays of a year, and its make-up working days with the weekday each stands for."""

    days_off: frozenset[date] = frozenset()
    made_up: tuple[tuple[date, int], ...] = ()


def is_holiday(day: date, country: str) -> bool:
    """Tell whether the day is a public holiday; False for a country without a calendar."""
    return day in _calendar(country, day.year).days_off


def weekday_of(day: date, country: str) -> int | None:
    """Return the weekday, 0 for Monday, whose working periods count on a day; None on a public holiday.

    A make-up working day counts as the weekday that it replaces, and as nothing else.
    """
    year = _calendar(country, day.year)
    if day in year.days_off:
        return None
    return dict(year.made_up).get(day, day.weekday())


@lru_cache(maxsize=400)
def _calendar(country: str, year: int) -> _Year:
    # A day off around New Year may be made up for in the year before or after it.
    near = (year - 1, year, year + 1)
    try:
        found = holidays.country_holidays(country, years=near)
    except NotImplementedError:
        return _Year()
    days_off = frozenset(day for day in found if day.year == year)
    made_up = {
        day: replaced.weekday()
        for replaced, day in _exchanges(found, near)
        if day.year == year and day in found.weekend_workdays and day not in days_off
    }
    return _Year(days_off, tuple(made_up.items()))


def _exchanges(found: holidays.HolidayBase, years: tuple[int, ...]) -> Iterator[tuple[date, date]]:
    """Yield which day off was moved from which weekend day, as the library keeps it in its tables."""
    tables = getattr(found, "special_public_holidays", {})
    for year in years:
        rows = tables.get(year, ())
        for row in rows if rows and isinstance(rows[0], tuple) else [rows]:
            # A holiday of that year alone is (month, day, name); an exchange is four numbers or five.
            if len(row) >= 4:
                month, day, from_month, from_day, *other_year = row
                worked = date(other_year[0] if other_year else year, from_month, from_day)
                yield date(year, month, day), worked
