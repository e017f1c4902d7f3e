"""The calendars of people, read for many at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from helpdesk.models import WorkingPeriod
from helpdesk.services.working_hours import Calendar


@dataclass(frozen=True, slots=True)
class Times:
    """What somebody's calendar holds, on the clock of whichever zone they live in."""

    periods: list[WorkingPeriod] = field(default_factory=list)

    def calendar(self, timezone: str, country: str) -> Calendar:
        """Return the calendar they make in a zone and a country."""
        return Calendar(timezone, country, self.periods)


def times(staff_ids: Iterable[int] | None = None) -> Mapping[int, Times]:
    """Return what the calendars of these people hold, of everybody without ids; one query."""
    found: dict[int, Times] = defaultdict(Times)
    periods = WorkingPeriod.objects.all()
    if staff_ids is not None:
        periods = periods.filter(staff_id__in=list(staff_ids))
    for period in periods:
        found[period.staff_id].periods.append(period)
    return found
