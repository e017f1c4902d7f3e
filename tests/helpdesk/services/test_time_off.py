"""Leave and focus time: who enters them, what is refused, and what becomes of work."""

from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import IntegrityError, connections
from django.db.migrations.state import ProjectState

from helpdesk import events
from helpdesk.errors import Invalid, NotFound
from helpdesk.models import AuditEntry, FocusTime, Leave, WorkingPeriod
from helpdesk.services import time_off
from helpdesk.services.calendars import times
from helpdesk.services.working_hours import spell
from tests.factories import World

DAY = date(2100, 3, 11)  # a Thursday
LEAVE = {"first_day": DAY, "last_day": DAY}
FOCUS = {"weekday": 3, "starts_at": time(14), "ends_at": time(16)}


def off(world: World, name: str, at: datetime) -> str:
    with world.transaction():
        staff = world.people[name]
        return spell(times([staff.pk])[staff.pk].calendar("Asia/Shanghai", "CN"), at).reason


def test_own_leave_and_focus_time_stand_in_the_calendar(world: World) -> None:
    carol, noon = world.access("carol"), datetime(2100, 3, 11, 7, 0, tzinfo=UTC)
    assert off(world, "carol", noon) == ""
    focus = time_off.enter_focus_time(carol, **FOCUS)
    assert off(world, "carol", noon) == "focus"
    leave = time_off.enter_leave(carol, **LEAVE, note="体检")
    assert off(world, "carol", noon) == "leave"
    assert off(world, "dave", noon) == ""
    time_off.remove_leave(carol, leave.pk)
    time_off.remove_focus_time(carol, focus.pk)
    assert off(world, "carol", noon) == ""
    with world.transaction():
        trail = AuditEntry.objects.filter(staff=world.carol).order_by("id")
        assert list(trail.values_list("action", flat=True)) == [
            *("focustime.entered", "leave.entered", "leave.removed", "focustime.removed"),
        ]


def test_nobody_removes_what_is_in_another_calendar(world: World, other_world: World) -> None:
    carol = world.access("carol")
    leave = time_off.enter_leave(carol, **LEAVE)
    focus = time_off.enter_focus_time(carol, **FOCUS)
    for by in (world.access("dave"), world.access("bob"), world.access("alice")):
        with pytest.raises(NotFound):
            time_off.remove_leave(by, leave.pk)
        with pytest.raises(NotFound):
            time_off.remove_focus_time(by, focus.pk)
    time_off.remove_leave(carol, leave.pk)
    time_off.remove_focus_time(carol, focus.pk)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"last_day": DAY - timedelta(days=1)}, "last_day"),
        ({"starts_at": time(15), "ends_at": time(14)}, "ends_at"),
        ({"starts_at": time(15), "ends_at": time(15)}, "ends_at"),
        ({"ends_at": time(0)}, "ends_at"),
        ({"first_day": date(1, 1, 1)}, "first_day"),
        ({"last_day": date(9999, 12, 31)}, "last_day"),
        ({"note": "x" * 81}, "note"),
    ],
)
def test_impossible_leave_is_refused_with_its_field(
    world: World, change: dict[str, object], field: str
) -> None:
    carol = world.access("carol")
    with pytest.raises(Invalid) as refused:
        time_off.enter_leave(carol, **{**LEAVE, **change})
    assert refused.value.details["field"] == field
    time_off.enter_leave(carol, **LEAVE)
    with world.transaction():
        assert Leave.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ends_at": time(14)}, "ends_at"),
        ({"weekday": None}, "weekday"),
        ({"day": DAY}, "day"),
        ({"weekday": 7}, "weekday"),
        ({"weekday": None, "day": date(9999, 12, 31)}, "day"),
    ],
)
def test_impossible_focus_time_is_refused_with_its_field(
    world: World, change: dict[str, object], field: str
) -> None:
    carol = world.access("carol")
    with pytest.raises(Invalid) as refused:
        time_off.enter_focus_time(carol, **{**FOCUS, **change})
    assert refused.value.details["field"] == field
    time_off.enter_focus_time(carol, **FOCUS)
    with world.transaction():
        assert FocusTime.objects.count() == 1


def test_the_same_leave_twice_is_refused(world: World) -> None:
    carol = world.access("carol")
    time_off.enter_leave(carol, **LEAVE)
    with pytest.raises(Invalid):
        time_off.enter_leave(carol, **LEAVE)
    time_off.enter_leave(world.access("dave"), **LEAVE)


def test_a_calendar_holds_so_much_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_off, "MOST", 2)
    carol = world.access("carol")
    for number in range(2):
        time_off.enter_leave(carol, first_day=DAY, last_day=DAY, starts_at=time(number))
    with pytest.raises(Invalid):
        time_off.enter_leave(carol, first_day=DAY, last_day=DAY, starts_at=time(3))
    time_off.enter_focus_time(carol, **FOCUS)


def test_the_person_is_told_of_after_each_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    monkeypatch.setattr(events, "publish", lambda *those: told.extend(those))
    carol = world.access("carol")
    leave = time_off.enter_leave(carol, **LEAVE)
    time_off.remove_leave(carol, leave.pk)
    assert [event.staff_id for event in told] == [world.carol.pk] * 2


@pytest.mark.parametrize(
    "row",
    [
        Leave(first_day=DAY, last_day=DAY - timedelta(days=1)),
        Leave(first_day=DAY, last_day=DAY, starts_at=time(15), ends_at=time(14)),
        Leave(first_day=DAY, last_day=DAY, ends_at=time(0)),
        Leave(first_day=DAY, last_day=date(9999, 12, 31)),
        FocusTime(starts_at=time(9), ends_at=time(10)),
        FocusTime(weekday=1, day=DAY, starts_at=time(9), ends_at=time(10)),
        FocusTime(weekday=1, starts_at=time(9), ends_at=time(9)),
        WorkingPeriod(weekday=1, starts_at=time(9), ends_at=time(9)),
    ],
)
def test_the_database_refuses_it_too(world: World, row: Leave) -> None:
    row.staff = world.carol
    with pytest.raises(IntegrityError), world.transaction():
        row.save()


def test_what_is_over_is_read_no_more(world: World) -> None:
    with world.transaction():
        Leave.objects.create(
            staff=world.carol, first_day=date(2020, 1, 1), last_day=date(2020, 1, 2)
        )
        FocusTime.objects.create(
            staff=world.carol, day=date(2020, 1, 1), starts_at=time(9), ends_at=time(10)
        )
        assert not times([world.carol.pk])[world.carol.pk].leaves
        assert not times([world.carol.pk])[world.carol.pk].focus_times


# --- an installation that is filled already -----------------------------------------------------


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_period_of_a_whole_day_becomes_two_halves(world: World) -> None:
    split = import_module("helpdesk.migrations.0010_split_whole_day_periods").Migration
    state = ProjectState.from_apps(apps)
    drop = "ALTER TABLE helpdesk_workingperiod DROP CONSTRAINT working_period_length"
    insert = (
        "INSERT INTO helpdesk_workingperiod (organization_id, staff_id, weekday, starts_at, ends_at) "
        "VALUES (%s, %s, %s, %s, %s)"
    )
    scope = "SELECT set_config('everydesk.organization_id', %s, true)"
    owner = connections["owner"]
    owner.set_autocommit(False)
    try:
        with owner.cursor() as cursor:
            cursor.execute(drop)
            cursor.execute(scope, [str(world.organization.pk)])
            whole = [(0, "00:00"), (6, "18:00")]
            for weekday, at in whole:
                cursor.execute(insert, [world.organization.pk, world.carol.pk, weekday, at, at])
            for operation in split.operations:
                for statement in operation.statements("helpdesk", state):
                    cursor.execute(statement)
            cursor.execute(scope, [str(world.organization.pk)])
            cursor.execute(
                "SELECT weekday, starts_at, ends_at FROM helpdesk_workingperiod ORDER BY 1, 2"
            )
            assert cursor.fetchall() == [
                (0, time(0), time(12)),
                (0, time(6), time(18)),
                (0, time(12), time(0)),
                (6, time(18), time(6)),
            ]
    finally:
        owner.rollback()
        owner.set_autocommit(True)
