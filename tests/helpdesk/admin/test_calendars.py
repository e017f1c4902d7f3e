"""The week, leave and focus time of colleagues, as administrators enter them."""

from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk.models import FocusTime, Leave, Staff, WorkingPeriod
from tests.factories import World
from tests.helpdesk.admin.forms import inline, staff_form

Browser = Callable[..., Client]

TOMORROW = timezone.now().date() + timedelta(days=1)


def hours(weekday: int, starts_at: str, ends_at: str) -> dict[str, Any]:
    return {"weekday": weekday, "starts_at": starts_at, "ends_at": ends_at}


def save(world: World, client: Client, **rows: list[dict[str, Any]]) -> Any:
    """Send the page of carol with these inline rows; returns the answer."""
    sent = {
        key: value for name, given in rows.items() for key, value in inline(name, given).items()
    }
    form = staff_form(world, name="Carol", **{**inline_of_roles(world), **sent})
    return client.post(f"/admin/helpdesk/staff/{world.carol.pk}/change/", form)


def inline_of_roles(world: World) -> dict[str, Any]:
    with world.transaction():
        grant = world.carol.role_grants.get()
    row = {
        "id": grant.pk,
        "staff": world.carol.pk,
        "role": grant.role_id,
        "department": grant.department_id,
    }
    return inline("role_grants", [row], initial=1)


def errors(answer: Any, model: type) -> list[dict[str, list[str]]]:
    assert answer.status_code == 200
    formsets = [one.formset for one in answer.context["inline_admin_formsets"]]
    return next(formset.errors for formset in formsets if formset.model is model)


def test_a_week_with_leave_and_focus_time_is_kept(world: World, browser: Browser) -> None:
    answer = save(
        world,
        browser(world.alice),
        working_periods=[hours(0, "09:00", "12:00"), hours(0, "13:00", "18:00")],
        leaves=[{"first_day": TOMORROW, "last_day": TOMORROW, "starts_at": "", "ends_at": "12:00"}],
        focus_times=[{"weekday": 3, "day": "", "starts_at": "14:00", "ends_at": "16:00"}],
    )
    assert answer.status_code == 302
    with world.transaction():
        assert WorkingPeriod.objects.filter(staff=world.carol).count() == 2
        assert Leave.objects.get().ends_at == time(12)
        assert FocusTime.objects.get().weekday == 3


@pytest.mark.parametrize(
    "week",
    [
        [hours(0, "09:00", "13:00"), hours(0, "12:00", "18:00")],
        [hours(0, "22:00", "06:00"), hours(1, "05:00", "09:00")],
        [hours(6, "22:00", "06:00"), hours(0, "05:00", "09:00")],
    ],
)
def test_shifts_that_overlap_are_refused_at_their_beginning(
    world: World, browser: Browser, week: list[dict[str, Any]]
) -> None:
    alice = browser(world.alice)
    told = errors(save(world, alice, working_periods=week), WorkingPeriod)
    assert [list(one) for one in told].count(["starts_at"]) == 1
    assert save(world, alice, working_periods=week[:1]).status_code == 302


def test_a_shift_of_no_length_is_refused_at_its_end(world: World, browser: Browser) -> None:
    alice = browser(world.alice)
    week = [hours(0, "09:00", "09:00")]
    [told] = errors(save(world, alice, working_periods=week), WorkingPeriod)
    assert list(told) == ["ends_at"]


def test_leave_that_ends_before_it_starts_is_refused_at_its_end(
    world: World, browser: Browser
) -> None:
    alice = browser(world.alice)
    yesterday = TOMORROW - timedelta(days=2)
    [told] = errors(
        save(world, alice, leaves=[{"first_day": TOMORROW, "last_day": yesterday}]), Leave
    )
    assert list(told) == ["last_day"]
    one_day = {"first_day": TOMORROW, "last_day": TOMORROW, "starts_at": "15:00"}
    [told] = errors(save(world, alice, leaves=[{**one_day, "ends_at": "14:00"}]), Leave)
    assert list(told) == ["ends_at"]
    assert save(world, alice, leaves=[{**one_day, "ends_at": "16:00"}]).status_code == 302


def test_focus_time_on_no_day_is_refused_at_its_weekday(world: World, browser: Browser) -> None:
    alice = browser(world.alice)
    row = {"weekday": "", "day": "", "starts_at": "14:00", "ends_at": "16:00"}
    [told] = errors(save(world, alice, focus_times=[row]), FocusTime)
    assert list(told) == ["weekday"]
    assert save(world, alice, focus_times=[{**row, "weekday": 3}]).status_code == 302


@pytest.mark.parametrize("name", ["bob", "carol", "frank"])
def test_nobody_but_administrators_enters_the_calendars_of_others(
    world: World, browser: Browser, name: str
) -> None:
    leave = [{"first_day": TOMORROW, "last_day": TOMORROW}]
    refused = save(world, browser(world.people[name]), leaves=leave)
    assert refused.status_code in {302, 403, 404}
    with world.transaction():
        assert not Leave.objects.exists()
    assert save(world, browser(world.alice), leaves=leave).status_code == 302
    with world.transaction():
        assert Leave.objects.exists()


@pytest.mark.parametrize("percent", ["0", "101", "-5", "x"])
def test_a_share_of_the_day_is_between_one_and_a_hundred(
    world: World, browser: Browser, percent: str
) -> None:
    form = staff_form(world, name="Carol", **inline_of_roles(world))
    url, alice = f"/admin/helpdesk/staff/{world.carol.pk}/change/", browser(world.alice)
    refused = alice.post(url, {**form, "lent_percent": percent})
    assert list(refused.context["adminform"].form.errors) == ["lent_percent"]
    assert alice.post(url, {**form, "lent_percent": "10"}).status_code == 302
    with world.transaction():
        assert Staff.objects.get(pk=world.carol.pk).lent_percent == 10


def test_leave_that_is_over_is_not_on_the_page(world: World, browser: Browser) -> None:
    with world.transaction():
        for day in (date(2020, 1, 1), TOMORROW):
            Leave.objects.create(staff=world.carol, first_day=day, last_day=day)
    page = browser(world.alice).get(f"/admin/helpdesk/staff/{world.carol.pk}/change/")
    shown = next(
        one.formset for one in page.context["inline_admin_formsets"] if one.formset.model is Leave
    )
    assert [form.instance.first_day for form in shown.initial_forms] == [TOMORROW]
