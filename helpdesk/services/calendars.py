"""The calendars of people, read for many at once."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject
from django.utils import timezone

from helpdesk.models import FocusTime, Leave, Staff, WorkingPeriod
from helpdesk.prepared import Argument
from helpdesk.services.working_hours import Calendar

# What was over before is over in every time zone.
OVER = timedelta(days=2)
# How a calendar's fields are read out of JSON.
READING: Mapping[str, Callable[[str], object]] = {
    "starts_at": time.fromisoformat,
    "ends_at": time.fromisoformat,
    "day": date.fromisoformat,
    "first_day": date.fromisoformat,
    "last_day": date.fromisoformat,
}


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


def with_calendars(
    people: QuerySet[Staff], since: date | Argument | None = None
) -> QuerySet[Staff]:
    """Return the same people, each with what their calendar holds and with their organization; no query more.

    `since` is what `recent` returns, and can be named where the query is prepared.
    """
    leaves, focus_times = coming_leaves(since), coming_focus_times(since)
    rows: QuerySet[Staff] = people.select_related("organization").annotate(
        own_periods=_own(WorkingPeriod.objects.all(), "weekday", "starts_at", "ends_at"),
        own_leaves=_own(leaves, "first_day", "starts_at", "last_day", "ends_at"),
        own_focus_times=_own(focus_times, "weekday", "day", "starts_at", "ends_at"),
    )
    return rows


def calendar_of(staff: Staff) -> Calendar:
    """Return the calendar of somebody who was fetched with it."""
    kept = staff.__dict__
    own = Times(
        [WorkingPeriod(**_read(row)) for row in kept["own_periods"]],
        [Leave(**_read(row)) for row in kept["own_leaves"]],
        [FocusTime(**_read(row)) for row in kept["own_focus_times"]],
    )
    return own.calendar(staff.timezone, staff.organization.country)


def _own(rows: QuerySet[Any], *fields: str) -> ArraySubquery:  # Any: one of three models
    facts = JSONObject(**{field: field for field in fields})
    return ArraySubquery(rows.filter(staff_id=OuterRef("pk")).order_by().values(facts=facts))


def _read(row: Mapping[str, Any]) -> dict[str, Any]:  # Any: the fields of one of three models
    return {
        name: READING[name](value) if value is not None and name in READING else value
        for name, value in row.items()
    }


def recent() -> date:
    """Return the day before which everything is over."""
    return timezone.now().date() - OVER


def coming_leaves(since: date | Argument | None = None) -> QuerySet[Leave]:
    """Return the leave that is not over, first day first."""
    rows: QuerySet[Leave] = Leave.objects.filter(last_day__gte=since or recent())
    return rows


def coming_focus_times(since: date | Argument | None = None) -> QuerySet[FocusTime]:
    """Return the focus times of each week, and those of days that are not over."""
    days = Q(day__isnull=True) | Q(day__gte=since or recent())
    rows: QuerySet[FocusTime] = FocusTime.objects.filter(days)
    return rows
