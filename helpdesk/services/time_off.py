"""What people enter into their own calendar: leave, and time without new work."""

from datetime import date, time

from django.core.exceptions import ValidationError

from helpdesk import events
from helpdesk.access import Access
from helpdesk.errors import Invalid, NotFound
from helpdesk.models import FocusTime, Leave, Staff
from helpdesk.services import audit
from helpdesk.services.calendars import coming_focus_times, coming_leaves
from helpdesk.tenancy import current_organization_id, organization_transaction

# More at once is a mistake, or somebody who tries out what breaks.
MOST = 60


def enter_leave(
    by: Access,
    *,
    first_day: date,
    last_day: date,
    starts_at: time | None = None,
    ends_at: time | None = None,
    note: str = "",
) -> Leave:
    """Enter leave of one's own; raises Invalid, with the field that is wrong."""
    leave = Leave(
        staff_id=by.staff_id,
        first_day=first_day,
        last_day=last_day,
        starts_at=starts_at,
        ends_at=ends_at,
        note=note,
    )
    with organization_transaction():
        _enter(by, leave)
        audit.record("leave.entered", leave, by, staff=by.staff_id, last_day=last_day.isoformat())
    return leave


def enter_focus_time(
    by: Access,
    *,
    starts_at: time,
    ends_at: time,
    weekday: int | None = None,
    day: date | None = None,
) -> FocusTime:
    """Enter focus time of one's own, on each weekday or on one day; raises Invalid."""
    focus = FocusTime(
        staff_id=by.staff_id, weekday=weekday, day=day, starts_at=starts_at, ends_at=ends_at
    )
    with organization_transaction():
        _enter(by, focus)
        audit.record("focustime.entered", focus, by, staff=by.staff_id)
    return focus


def remove_leave(by: Access, leave_id: int) -> None:
    """Take leave of one's own out of the calendar; raises NotFound for anybody else's."""
    with organization_transaction():
        leave = Leave.objects.filter(pk=leave_id, staff_id=by.staff_id).first()
        _remove(by, leave, "leave.removed")


def remove_focus_time(by: Access, focus_id: int) -> None:
    """Take focus time of one's own out of the calendar; raises NotFound for anybody else's."""
    with organization_transaction():
        focus = FocusTime.objects.filter(pk=focus_id, staff_id=by.staff_id).first()
        _remove(by, focus, "focustime.removed")


def calendar_changed(staff_id: int) -> None:
    """Have the router look, and the person's screens show it."""
    events.publish(events.StaffChanged(current_organization_id(), staff_id))


def _enter(by: Access, row: Leave | FocusTime) -> None:
    # Two tabs at once count one after the other.
    Staff.objects.select_for_update(no_key=True).get(pk=by.staff_id)
    coming = coming_leaves() if isinstance(row, Leave) else coming_focus_times()
    if coming.filter(staff_id=by.staff_id).count() >= MOST:
        raise Invalid(field="")
    try:
        row.full_clean()
    except ValidationError as wrong:
        field, messages = next(iter(wrong.message_dict.items()))
        raise Invalid(messages[0], field=field) from wrong
    row.save()
    calendar_changed(by.staff_id)


def _remove(by: Access, row: Leave | FocusTime | None, action: str) -> None:
    if row is None:
        raise NotFound
    audit.record(action, row, by, staff=by.staff_id)
    row.delete()
    calendar_changed(by.staff_id)
