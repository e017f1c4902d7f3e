"""One's own leave and focus time on the profile page, and what the card and colleagues see of them."""

from datetime import date, datetime, time, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.models import FocusTime, Leave, Presence, Staff, WorkingPeriod
from helpdesk.portal.presence import cards
from helpdesk.services import assignment
from helpdesk.services.calendars import with_calendars
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen
from tests.weeks import instant, week

SHANGHAI = "Asia/Shanghai"


def at(text: str) -> datetime:
    return instant(SHANGHAI, text)


def works(world: World, name: str, hours: str) -> None:
    with world.transaction():
        for shift in week(hours):
            WorkingPeriod.objects.create(
                staff=world.people[name],
                weekday=shift.weekday,
                starts_at=shift.starts_at,
                ends_at=shift.ends_at,
            )


def test_own_leave_is_entered_shown_and_removed(world: World, screen: Screen) -> None:
    carol = screen("carol")
    form = {
        "first_day": "2100-03-12",
        "last_day": "2100-03-16",
        "ends_at": "12:00",
        "note": "Milan",
    }
    assert carol.post("/profile/leave/", form)["Location"] == "/profile/"
    with world.transaction():
        leave = Leave.objects.get()
        assert (leave.staff_id, leave.starts_at, leave.ends_at) == (world.carol.pk, None, time(12))
    page = carol.get("/profile/").content.decode()
    assert "Fri 12 March 2100 – Tue 16 March 2100 12:00" in page
    assert "Milan" in page
    carol.post(f"/profile/leave/{leave.pk}/remove/")
    with world.transaction():
        assert not Leave.objects.exists()


def test_leave_without_a_last_day_is_one_day(world: World, screen: Screen) -> None:
    screen("carol").post("/profile/leave/", {"first_day": "2100-03-12"})
    with world.transaction():
        assert Leave.objects.get().last_day == date(2100, 3, 12)


def test_own_focus_time_is_entered_shown_and_removed(world: World, screen: Screen) -> None:
    carol, hours = screen("carol"), {"starts_at": "14:00", "ends_at": "16:00"}
    assert carol.post("/profile/focus/", {"weekday": "3", **hours}).status_code == 302
    assert (
        carol.post("/profile/focus/", {"weekday": "day", "day": "2100-03-12", **hours}).status_code
        == 302
    )
    page = carol.get("/profile/").content.decode()
    assert "Every Thursday 14:00 – 16:00" in page
    assert "Fri 12 March 2100 14:00 – 16:00" in page
    with world.transaction():
        ids = list(FocusTime.objects.values_list("pk", flat=True))
    for pk in ids:
        carol.post(f"/profile/focus/{pk}/remove/")
    with world.transaction():
        assert not FocusTime.objects.exists()


@pytest.mark.parametrize(
    ("path", "form", "field"),
    [
        ("leave", {"first_day": "2100-03-12", "last_day": "2100-03-11"}, "last_day"),
        (
            "leave",
            {"first_day": "2100-03-12", "starts_at": "15:00", "ends_at": "14:00"},
            "ends_at",
        ),
        ("leave", {"first_day": "tomorrow"}, "first_day"),
        ("leave", {"first_day": "9999-12-31"}, "first_day"),
        ("leave", {"first_day": "2100-03-12", "note": "x\x00y"}, "note"),
        ("focus", {"weekday": "3", "starts_at": "14:00", "ends_at": "14:00"}, "ends_at"),
        ("focus", {"weekday": "day", "starts_at": "14:00", "ends_at": "15:00"}, "day"),
        ("focus", {"weekday": "9", "starts_at": "14:00", "ends_at": "15:00"}, "weekday"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    world: World, screen: Screen, path: str, form: dict[str, str], field: str
) -> None:
    answer = screen("carol").post(f"/profile/{path}/", form)
    assert answer.status_code == 422
    assert list(answer.context[f"{path}_form"].errors) == [field]
    with world.transaction():
        assert not Leave.objects.exists()
        assert not FocusTime.objects.exists()


@pytest.mark.parametrize("name", ["dave", "bob", "alice"])
def test_nobody_removes_from_the_calendar_of_somebody_else(
    world: World, screen: Screen, name: str
) -> None:
    carol = screen("carol")
    carol.post("/profile/leave/", {"first_day": "2100-03-12"})
    carol.post("/profile/focus/", {"weekday": "3", "starts_at": "14:00", "ends_at": "16:00"})
    with world.transaction():
        leave, focus = Leave.objects.get().pk, FocusTime.objects.get().pk
    for path in (f"/profile/leave/{leave}/remove/", f"/profile/focus/{focus}/remove/"):
        assert screen(name).post(path).status_code == 404
        assert carol.post(path).status_code == 302


def test_the_note_of_somebody_elses_leave_is_nowhere(world: World, screen: Screen) -> None:
    screen("carol").post("/profile/leave/", {"first_day": "2100-03-12", "note": "private"})
    for path in ("/profile/", "/board/"):
        assert "private" not in screen("bob").get(path).content.decode()


# --- the card -----------------------------------------------------------------------------------

CARDS = [
    ("", {}, "2026-03-12 10:00", None),
    ("Mon-Fri 9-18", {}, "2026-03-12 10:00", None),
    ("Mon-Fri 9-18", {}, "2026-03-12 20:00", "Outside working hours until 13 Mar 09:00"),
    ("Mon-Fri 9-18", {}, "2026-10-01 10:00", "Public holiday: no new work"),
    ("", {"weekday": 3}, "2026-03-12 10:00", "Focus from 14:00: no new work"),
    ("", {"weekday": 3}, "2026-03-12 15:00", "Focus until 16:00: no new work"),
    ("", {"weekday": 3}, "2026-03-11 10:00", None),
    ("", {"first_day": date(2026, 3, 12)}, "2026-03-12 10:00", "On leave until 13 Mar 00:00"),
    ("", {"first_day": date(2026, 3, 1)}, "2026-03-03 10:00", "On leave: no new work"),
]


@pytest.mark.parametrize(("hours", "own", "now", "text"), CARDS)
def test_the_card_tells_what_the_calendar_says(
    world: World, screen: Screen, hours: str, own: dict, now: str, text: str | None
) -> None:
    works(world, "carol", hours)
    with world.transaction(), time_machine.travel(at(now), tick=False):
        if "weekday" in own:
            FocusTime.objects.create(staff=world.carol, starts_at=time(14), ends_at=time(16), **own)
        elif own:
            Leave.objects.create(staff=world.carol, last_day=date(2026, 3, 12), **own)
    with time_machine.travel(at(now), tick=False):
        page = screen("carol", htmx=True).get("/presence/").content.decode()
    assert ('id="spell"' in page) == (text is not None)
    assert text is None or text in page
    assert 'hx-trigger="load delay:' in page


def test_the_card_asks_again_when_it_has_something_else_to_show(world: World) -> None:
    with world.transaction():
        FocusTime.objects.create(staff=world.carol, weekday=3, starts_at=time(14), ends_at=time(16))
        carol = with_calendars(Staff.objects.all()).get(pk=world.carol.pk)
        for now, seconds in (("13:59:30", 31), ("14:00", 3601), ("15:59", 61)):
            with time_machine.travel(at(f"2026-03-12 {now}"), tick=False):
                assert cards([carol])[carol.pk].again_seconds == seconds


def test_the_cards_of_many_are_one_query(world: World) -> None:
    works(world, "carol", "Mon-Fri 9-12 13-18")
    works(world, "dave", "Mon-Fri 9-12 13-18")
    with world.transaction(), CaptureQueriesContext(connection) as captured:
        people = list(with_calendars(Staff.objects.select_related("presence")))
        assert len(cards(people)) == len(people) > 3
    assert len([one for one in captured if "helpdesk_staff" in one["sql"]]) == 1
    assert len([one for one in captured if "helpdesk_workingperiod" in one["sql"]]) == 1


def test_a_look_at_the_card_is_for_screens_only(world: World, screen: Screen) -> None:
    assert screen("carol").get("/presence/")["Location"] == "/"


def test_the_card_tells_what_of_the_day_is_lent(world: World, screen: Screen) -> None:
    with time_machine.travel(at("2026-03-12 10:00"), tick=False) as clock:
        with world.transaction():
            Staff.objects.filter(pk=world.carol.pk).update(lent_percent=10)
        assignment.take(world.access("carol"), world.message().conversation_id)
        clock.shift(timedelta(minutes=24))
        carol = screen("carol", htmx=True).get("/presence/").content.decode()
        dave = screen("dave", htmx=True).get("/presence/").content.decode()
    assert "Lent 10%" in carol
    assert "24 / 48 min" in carol
    assert 'aria-label="24 of 48 min lent"' in carol
    assert '<rect width="50%"/>' in carol
    assert 'hx-trigger="load delay:61s"' in carol
    assert 'id="lent"' not in dave


# --- colleagues ---------------------------------------------------------------------------------


def test_colleagues_see_who_is_in_focus_time(world: World, screen: Screen) -> None:
    world.online("carol", "dave", "erin")
    pk = world.message().conversation_id
    with world.transaction():
        for weekday in range(7):
            FocusTime.objects.create(
                staff=world.carol, weekday=weekday, starts_at=time(0), ends_at=time(12)
            )
            FocusTime.objects.create(
                staff=world.carol, weekday=weekday, starts_at=time(12), ends_at=time(0)
            )
        Presence.objects.filter(staff=world.dave).update(status="busy")
    bob = screen("bob", htmx=True)
    options = bob.get(f"/conversations/{pk}/colleagues/").content.decode()
    dots = {name: options.split(f">{name}<")[0].rsplit('class="pr ')[-1][:6] for name in
            ("Carol", "Dave", "Erin")}  # fmt: skip
    assert {name: dot.rstrip('">') for name, dot in dots.items()} == {
        "Carol": "focus", "Dave": "busy", "Erin": "online"}  # fmt: skip
    people = bob.get("/board/").context["board"].teams
    shown = {one.staff.name: one.status for team in people for one in team.people}
    assert (shown["Carol"], shown["Dave"]) == ("focus", "busy")


def test_lists_of_colleagues_take_the_same_queries_however_many_focus(
    world: World, screen: Screen
) -> None:
    pk = world.message().conversation_id
    bob = screen("bob", htmx=True)
    paths = (f"/conversations/{pk}/colleagues/", f"/conversations/{pk}/transfer/", "/board/parts/")

    def asked() -> list[int]:
        found = []
        for path in paths:
            with CaptureQueriesContext(connection) as captured:
                assert bob.get(path).status_code == 200
            found.append(len(captured))
        return found

    world.online("carol")
    asked()
    few = asked()
    world.online("dave", "erin")
    with world.transaction():
        for staff in Staff.objects.all():
            FocusTime.objects.create(staff=staff, weekday=1, starts_at=time(9), ends_at=time(10))
    assert asked() == few
