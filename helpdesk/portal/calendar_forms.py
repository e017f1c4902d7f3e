"""What people enter into their own calendar on their profile page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from helpdesk.access import Access
from helpdesk.errors import Invalid
from helpdesk.models import FocusTime, Leave, Staff
from helpdesk.models.calendars import WEEKDAYS
from helpdesk.services import time_off
from helpdesk.services.calendars import coming_focus_times, coming_leaves
from helpdesk.templatetags.portal import day_name

ON_A_DAY = "day"


class CalendarForm(forms.Form):
    """A form whose service has the last word."""

    def entered(self, enter: Callable[..., object], access: Access, **values: Any) -> bool:
        """Enter it, and tell whether that was possible; a refusal stands at its field."""
        try:
            enter(access, **values)
        except Invalid as refused:
            field = str(refused.details.get("field") or "")
            self.add_error(field if field in self.fields else None, str(refused.message))
        return self.is_valid()


class LeaveForm(CalendarForm):
    """Days off; the last day is the first one when it is left empty."""

    first_day = forms.DateField()
    starts_at = forms.TimeField(required=False)
    last_day = forms.DateField(required=False)
    ends_at = forms.TimeField(required=False)
    note = forms.CharField(required=False, max_length=80)

    def save(self, access: Access) -> bool:
        """Enter it, and tell whether that was possible."""
        if not self.is_valid():
            return False
        values = self.cleaned_data
        last_day = values["last_day"] or values["first_day"]
        return self.entered(time_off.enter_leave, access, **{**values, "last_day": last_day})


class FocusForm(CalendarForm):
    """Time without new work, every week or on one day."""

    weekday = forms.ChoiceField(
        choices=[*((str(number), name) for number, name in WEEKDAYS), (ON_A_DAY, _("On one day"))]
    )
    day = forms.DateField(required=False)
    starts_at = forms.TimeField()
    ends_at = forms.TimeField()

    def save(self, access: Access) -> bool:
        """Enter it, and tell whether that was possible."""
        if not self.is_valid():
            return False
        values = self.cleaned_data
        is_weekly = values["weekday"] != ON_A_DAY
        if not is_weekly and values["day"] is None:
            self.add_error("day", _("Please choose the day."))
            return False
        return self.entered(
            time_off.enter_focus_time,
            access,
            starts_at=values["starts_at"],
            ends_at=values["ends_at"],
            weekday=int(values["weekday"]) if is_weekly else None,
            day=None if is_weekly else values["day"],
        )


@dataclass(frozen=True)
class Line:
    """One leave or focus time, as its owner reads it."""

    pk: int
    text: str
    note: str = ""


def own_calendar(staff: Staff) -> dict[str, Any]:  # Any: a template context
    """Return what the person has entered and is not over."""
    yesterday = timezone.localdate() - timedelta(days=1)
    leaves = coming_leaves().filter(staff=staff, last_day__gt=yesterday)
    focus_times = coming_focus_times().filter(staff=staff).exclude(day__lte=yesterday)
    return {
        "leaves": [Line(leave.pk, _days(leave), leave.note) for leave in leaves],
        "focus_times": [Line(focus.pk, _hours(focus)) for focus in focus_times],
    }


def _days(leave: Leave) -> str:
    first, last = day_name(leave.first_day), day_name(leave.last_day)
    starts_at = f"{leave.starts_at:%H:%M}" if leave.starts_at else ""
    ends_at = f"{leave.ends_at:%H:%M}" if leave.ends_at else ""
    from_ = f"{first} {starts_at}".strip()
    to = f"{last} {ends_at}".strip() if last != first else ends_at
    return f"{from_} – {to}".strip(" –") if to or starts_at else from_


def _hours(focus: FocusTime) -> str:
    weekday = focus.get_weekday_display()
    day = day_name(focus.day) if focus.day else gettext("Every %(weekday)s") % {"weekday": weekday}
    return f"{day} {focus.starts_at:%H:%M} – {focus.ends_at:%H:%M}"
