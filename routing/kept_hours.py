"""Who works now, asked of each calendar only when the answer can have changed."""

from collections.abc import Hashable, Mapping
from datetime import datetime

from helpdesk.services.calendars import Times
from helpdesk.services.working_hours import Calendar, Spell, spell

_NOTHING = Times()


class KeptHours:
    """Keeps whether people work, up to the moment until which that holds; equal calendars share the answer.

    It lives as long as the facts it belongs to, which are read anew when a calendar changes.
    """

    def __init__(self, times: Mapping[int, Times], country: str) -> None:
        self._times = dict(times)
        self._country = country
        numbers: dict[Hashable, int] = {}
        self._alike = {
            staff_id: numbers.setdefault(_contents(one), len(numbers))
            for staff_id, one in self._times.items()
        }
        self._kept: dict[tuple[int, str], tuple[datetime, Spell]] = {}

    def spell(self, staff_id: int, timezone: str, now: datetime) -> Spell:
        """Return whether the person works now."""
        key = self.alike(staff_id, timezone)
        kept = self._kept.get(key)
        if kept is not None and kept[0] <= now < kept[1].until:
            return kept[1]
        found = spell(self.calendar(staff_id, timezone), now)
        self._kept[key] = (now, found)
        return found

    def alike(self, staff_id: int, timezone: str) -> tuple[int, str]:
        """Return what is the same for people whose calendars are."""
        return self._alike.get(staff_id, -1), timezone

    def calendar(self, staff_id: int, timezone: str) -> Calendar:
        """Return the calendar of a person who lives in a zone."""
        return self._times.get(staff_id, _NOTHING).calendar(timezone, self._country)


def _contents(times: Times) -> Hashable:
    """Return a value that is the same for calendars with the same contents."""
    return (
        tuple((one.weekday, one.starts_at, one.ends_at) for one in times.periods),
        tuple((one.first_day, one.starts_at, one.last_day, one.ends_at) for one in times.leaves),
        tuple((one.weekday, one.day, one.starts_at, one.ends_at) for one in times.focus_times),
    )
