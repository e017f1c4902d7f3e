"""The calendars of people, read for many at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from helpdesk.models import FocusTime, Leave, WorkingPeriod
from helpdesk.services.working_hours import Calendar

# What was over before is over in every time zone.
OVER = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Times:
    """What somebody's calendar holds, on the clock of whichever zone they live in."""

    periods: list[WorkingPeriod] = field(default_factory=list)
    leaves: list[Leave] = field(default_factory=list)
    focus_times: list[FocusTime] = field(default_factory=list)

    def calendar(self, timezone: str, country: str) -> Calendar:
        """Return the calendar they make in a zone and a country."""
        return Calendar(timezone, country, self.periods, self.leaves, self.focus_times)


def times(staff_ids: Iterable[int] | None = None) -> Mapping[int, Times]:
    """Return what the calendars of these people hold, of everybody without ids; three queries.

    Leave and dated focus time that is over is left out.
    """
    chosen = Q() if staff_ids is None else Q(staff_id__in=list(staff_ids))
    found: dict[int, Times] = defaultdict(Times)
    for period in WorkingPeriod.objects.filter(chosen):
        found[period.staff_id].periods.append(period)
    for leave in coming_leaves().filter(chosen):
        found[leave.staff_id].leaves.append(leave)
    for focus in coming_focus_times().filter(chosen):
        found[focus.staff_id].focus_times.append(focus)
    return found


def coming_leaves() -> QuerySet[Leave]:
    """Return the leave that is not over, first day first."""
    since = timezone.now().date() - OVER
    rows: QuerySet[Leave] = Leave.objects.filter(last_day__gte=since)
    return rows


def coming_focus_times() -> QuerySet[FocusTime]:
    """Return the focus times of each week, and those of days that are not over."""
    since = timezone.now().date() - OVER
    rows: QuerySet[FocusTime] = FocusTime.objects.filter(Q(day__isnull=True) | Q(day__gte=since))
    return rows
