"""Whose lent time is spent, asked of the database only when the answer can have changed."""

from collections.abc import Sequence
from datetime import datetime

from helpdesk.models import Staff
from helpdesk.services.lending import Lender, Lent, lent
from routing.kept_hours import KeptHours

_Kept = tuple[tuple[int, str], datetime, datetime, bool]


class KeptLending:
    """Keeps for each lender whether nothing is left.

    Time runs no faster than the clock: whoever has ten minutes left has some of them for ten minutes. Nothing
    left is nothing left until the day is over.
    """

    def __init__(self, hours: KeptHours) -> None:
        self._hours = hours
        self._kept: dict[int, _Kept] = {}

    def without_time(self, people: Sequence[Staff], now: datetime) -> set[int]:
        """Return who of the people has nothing left; two queries when somebody has to be asked, else none."""
        lending = [staff for staff in people if staff.lent_percent is not None]
        asked = [staff for staff in lending if not self._holds(staff, now)]
        found = lent([self._lender(staff) for staff in asked], now)
        for staff in asked:
            self._kept[staff.pk] = (
                _key(staff),
                now,
                _until(found[staff.pk], now),
                found[staff.pk].is_over,
            )
        return {staff.pk for staff in lending if self._kept[staff.pk][3]}

    def _holds(self, staff: Staff, now: datetime) -> bool:
        kept = self._kept.get(staff.pk)
        return kept is not None and kept[0] == _key(staff) and kept[1] <= now < kept[2]

    def _lender(self, staff: Staff) -> Lender:
        calendar = self._hours.calendar(staff.pk, staff.timezone)
        return Lender(staff.pk, staff.lent_percent or 0, calendar)


def _key(staff: Staff) -> tuple[int, str]:
    return (staff.lent_percent or 0, staff.timezone)


def _until(found: Lent, now: datetime) -> datetime:
    return found.day_ends_at if found.is_over else min(now + found.left, found.day_ends_at)
