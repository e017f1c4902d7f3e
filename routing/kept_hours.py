"""Who works now, asked of each calendar only when the answer can have changed."""

from collections.abc import Mapping
from datetime import datetime

from helpdesk.services.calendars import Times
from helpdesk.services.working_hours import Calendar, Spell, spell

_NOTHING = Times()


class KeptHours:
    """Keeps for each person whether they work, up to the moment until which that holds.

    It lives as long as the facts it belongs to, which are read anew when a calendar changes.
    """

    def __init__(self, times: Mapping[int, Times], country: str) -> None:
        self._times = dict(times)
        self._country = country
        self._kept: dict[int, tuple[str, datetime, Spell]] = {}

    def spell(self, staff_id: int, timezone: str, now: datetime) -> Spell:
        """Return whether the person works now."""
        zone, since, kept = self._kept.get(staff_id, ("", now, None))
        if kept is not None and zone == timezone and since <= now < kept.until:
            return kept
        found = spell(self.calendar(staff_id, timezone), now)
        self._kept[staff_id] = (timezone, now, found)
        return found

    def calendar(self, staff_id: int, timezone: str) -> Calendar:
        """Return the calendar of a person who lives in a zone."""
        return self._times.get(staff_id, _NOTHING).calendar(timezone, self._country)
