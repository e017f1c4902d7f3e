"""The platform site: organizations are founded and people switched off, and nothing inside is touched."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone, translation
from django.utils.formats import date_format
from django_celery_beat.models import IntervalSchedule

from helpdesk.models import (
    AuditEntry,
    Department,
    DepartmentUserObjectPermission,
    Organization,
    PlatformAuditEntry,
    Queue,
    Staff,
    User,
)
from helpdesk.tenancy import organization_transaction, platform_transaction
from tests.factories import PASSWORD, World

Browser = Callable[..., Client]


def organization_form(**changes: Any) -> dict[str, Any]:
    return {
        "name": "新公司",
        "name_en": "New company",
        "slug": "new-company",
        "language": "zh-hans",
        "timezone": "Asia/Shanghai",
        "administrator_email": "first@new.example",
        "administrator_name": "第一人",
        **changes,
    }


def test_an_organization_is_founded_with_what_it_needs_from_the_first_day(
    world: World, browser: Browser, platform_user: User, mailoutbox: list[Any]
) -> None:
    client = browser(platform_user)
    made = client.post("/platform/helpdesk/organization/add/", organization_form())
    assert made.status_code == 302
    with platform_transaction():
        organization = Organization.objects.get(slug="new-company")
    with organization_transaction(organization.pk):
        staff = Staff.objects.get()
        assert Department.objects.count() == Queue.objects.filter(is_default=True).count() == 1
        assert DepartmentUserObjectPermission.objects.filter(
            user=staff.user, permission__codename="organization_administer"
        ).exists()
        assert not staff.user.has_usable_password()
    assert mailoutbox[0].to == ["first@new.example"]
    taken = client.post("/platform/helpdesk/organization/add/", organization_form(name="又一个"))
    assert taken.context["adminform"].form.errors["slug"]


@pytest.mark.parametrize("field", ["name", "name_en"])
def test_an_organizations_name_is_one_line(
    world: World, browser: Browser, platform_user: User, field: str
) -> None:
    sent = organization_form(**{field: "New\nBcc: x@y.example"}, is_active="on")
    for url in ("add/", f"{world.organization.pk}/change/"):
        answer = browser(platform_user).post(f"/platform/helpdesk/organization/{url}", sent)
        assert answer.context["adminform"].form.errors.keys() == {field}
    with platform_transaction():
        assert Organization.objects.get().name == "Acme"


def test_a_change_of_an_organization_stands_in_its_own_trail(
    world: World, browser: Browser, platform_user: User
) -> None:
    client = browser(platform_user)
    url = f"/platform/helpdesk/organization/{world.organization.pk}/change/"
    sent = {"name": "改名", "name_en": "", "language": "en", "timezone": "UTC", "is_active": "on"}
    assert client.post(url, {**sent, "slug": "stolen"}).status_code == 302
    with world.transaction():
        entry = AuditEntry.objects.get(action="organization.changed")
        organization = Organization.objects.get()
    assert entry.actor == AuditEntry.Actor.PLATFORM
    assert (organization.name, organization.slug) == ("改名", "acme")
    assert client.get(url.replace("change", "delete")).status_code == 404


def test_who_is_switched_off_is_signed_out_everywhere(
    world: World, browser: Browser, platform_user: User
) -> None:
    screens = [browser(world.carol), browser(world.carol)]
    other = browser(world.bob)
    client = browser(platform_user)
    assert [screen.get("/").status_code for screen in screens] == [200, 200]
    url = f"/platform/helpdesk/user/{world.carol.user_id}/change/"
    sent = {"name": "Carol", "email": "evil@else.example", "password": "x"}
    assert client.post(url, sent).status_code == 302
    assert [screen.get("/").status_code for screen in screens] == [302, 302]
    assert other.get("/").status_code == 200
    carol = User.objects.get(pk=world.carol.user_id)
    assert not carol.is_active
    assert carol.email == world.carol.user.email
    assert carol.password == world.carol.user.password


def test_sessions_are_listed_without_keys_and_ended_for_one_person(
    world: World, browser: Browser, platform_user: User
) -> None:
    screen = browser(world.carol)
    client = browser(platform_user)
    before = world.access("carol").epoch
    url = "/platform/helpdesk/user/sessions/"
    page = client.get(url).content.decode()
    assert world.carol.user.email in page
    assert screen.session.session_key not in page
    assert client.post(url, {"user": world.carol.user_id}).status_code == 302
    assert screen.get("/").status_code == 302
    # Open screens are closed by it.
    assert world.access("carol").epoch > before
    assert client.post(url, {"user": "999999"}).status_code == 404


def test_nobody_locks_themselves_out(world: World, browser: Browser, platform_user: User) -> None:
    client = browser(platform_user)
    url = f"/platform/helpdesk/user/{platform_user.pk}/change/"
    response = client.post(url, {"name": "R", "is_active": "on"}, follow=True)
    assert "You would lock yourself out." in response.content.decode()
    assert User.objects.get(pk=platform_user.pk).is_superuser


def test_failed_sign_ins_are_forgiven(world: World, browser: Browser, platform_user: User) -> None:
    attempts = [
        AccessAttempt.objects.create(
            username="carol@acme.example",
            ip_address=f"203.0.113.{number}",
            failures_since_start=1,
            attempt_time=timezone.now(),
        )
        for number in range(11)
    ]
    sent = {"username": "carol@acme.example", "password": PASSWORD}
    assert Client().post("/sign-in/", sent).status_code == 429
    chosen = {"action": "let_try_again", "_selected_action": [str(attempts[0].pk)]}
    answer = browser(platform_user).post("/platform/axes/accessattempt/", chosen)
    assert answer.status_code == 302
    assert Client().post("/sign-in/", sent).status_code == 302


def platform_trail() -> list[tuple[str, int, int]]:
    rows = PlatformAuditEntry.objects.order_by("id")
    return list(rows.values_list("action", "subject_id", "user_id"))


def test_what_the_platform_does_stands_in_its_trail_and_in_the_organizations(
    world: World, browser: Browser, platform_user: User
) -> None:
    client = browser(platform_user)
    client.post("/platform/helpdesk/organization/add/", organization_form())
    with platform_transaction():
        made = Organization.objects.get(slug="new-company").pk
    url = f"/platform/helpdesk/organization/{made}/change/"
    sent = {"name": "新公司", "name_en": "", "language": "en", "timezone": "UTC"}
    client.post(url, sent)
    client.post(url, {**sent, "is_active": "on"})
    client.post(url, {**sent, "is_active": "on", "name": "改名"})
    client.post("/platform/helpdesk/user/sessions/", {"user": world.carol.user_id})
    user = f"/platform/helpdesk/user/{world.carol.user_id}/change/"
    client.post(user, {"name": "Carol"})
    by = platform_user.pk
    assert platform_trail() == [
        ("organization.founded", made, by),
        ("organization.suspended", made, by),
        ("organization.resumed", made, by),
        ("organization.changed", made, by),
        ("user.signed_out", world.carol.user_id, by),
        ("user.changed", world.carol.user_id, by),
    ]
    assert PlatformAuditEntry.objects.order_by("id")[5].data["fields"] == ["is_active"]
    with organization_transaction(made):
        told = AuditEntry.objects.filter(subject="organization").order_by("id")
        assert list(told.values_list("action", flat=True)) == [
            "organization.founded",
            "organization.suspended",
            "organization.resumed",
            "organization.changed",
        ]
    page = client.get("/platform/helpdesk/platformauditentry/").content.decode()
    assert "organization.suspended" in page
    assert platform_user.email in page or platform_user.name in page


def test_the_platforms_trail_is_nobody_elses_and_never_changed(
    world: World, browser: Browser, platform_user: User
) -> None:
    entry = PlatformAuditEntry.objects.create(
        user=platform_user, action="user.changed", subject="user", subject_id=1
    )
    base = "/platform/helpdesk/platformauditentry/"
    pages = [base, f"{base}{entry.pk}/change/"]
    assert [browser(platform_user).get(url).status_code for url in pages] == [200, 200]
    for person in (world.alice, world.carol):
        assert [browser(person).get(url).status_code for url in pages] == [404, 404]
    for url in (f"{base}{entry.pk}/delete/", f"{base}{entry.pk}/change/", f"{base}add/"):
        assert browser(platform_user).post(url, {"post": "yes"}).status_code in {403, 404}
    assert PlatformAuditEntry.objects.get().action == "user.changed"


def test_an_organizations_administrator_may_do_none_of_it(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    for url, sent in [
        ("/platform/helpdesk/organization/add/", organization_form()),
        (f"/platform/helpdesk/user/{world.carol.user_id}/change/", {"name": "x"}),
        ("/platform/helpdesk/user/sessions/", {"user": world.carol.user_id}),
    ]:
        assert client.post(url, sent).status_code == 404
    assert User.objects.get(pk=world.carol.user_id).is_active


@pytest.mark.parametrize(
    ("every", "period", "fits"),
    [
        (1, "seconds", True),
        (366, "days", True),
        (367, "days", False),
        (2**31 - 1, "days", False),
        (999_999, "microseconds", False),
    ],
)
def test_an_interval_is_one_that_a_scheduler_can_keep(
    world: World, browser: Browser, platform_user: User, every: int, period: str, fits: bool
) -> None:
    answer = browser(platform_user).post(
        "/platform/django_celery_beat/intervalschedule/add/", {"every": every, "period": period}
    )
    assert answer.status_code == (302 if fits else 200)
    assert IntervalSchedule.objects.filter(every=every, period=period).exists() == fits
    if not fits:
        assert answer.context["adminform"].form.errors["every"]


def test_the_overview_counts_and_leads_to_the_lists(
    world: World, browser: Browser, platform_user: User
) -> None:
    AccessAttempt.objects.create(username="x", ip_address="10.0.0.1", failures_since_start=50)
    client = browser(platform_user)
    url = f"/platform/helpdesk/user/{world.carol.user_id}/change/"
    assert client.post(url, {"name": "Carola"}).status_code == 302
    page = client.get("/platform/").content.decode()
    assert 'href="/platform/axes/accessattempt/"' in page
    assert "accounts had too many failed sign-ins" in page
    assert "User: changed" in page
    assert client.get("/platform/axes/accessattempt/").content.decode().count("Axes") == 0


def test_the_page_of_sessions_marks_its_own_entry_only(
    browser: Browser, platform_user: User
) -> None:
    client = browser(platform_user)

    def marked(url: str) -> list[str]:
        bar = client.get(url).context["sidebar_navigation"]
        return [str(item["link"]) for group in bar for item in group["items"] if item["active"]]

    assert marked("/platform/helpdesk/user/sessions/") == ["/platform/helpdesk/user/sessions/"]
    assert marked("/platform/helpdesk/user/") == ["/platform/helpdesk/user/"]
    assert marked(f"/platform/helpdesk/user/{platform_user.pk}/change/") == [
        "/platform/helpdesk/user/"
    ]


def test_the_platform_is_in_chinese(browser: Browser, platform_user: User) -> None:
    AccessAttempt.objects.create(username="x", ip_address="10.0.0.1", failures_since_start=1)
    client = browser(platform_user)
    chinese = {"accept-language": "zh-CN"}
    page = client.get("/platform/axes/accessattempt/", headers=chinese).content.decode()
    for english in ("Axes", "ccess attempt", "IP Address", "Failed Logins", "Attempt Time"):
        assert english not in page
    page = client.get("/platform/django_celery_beat/periodictask/", headers=chinese)
    assert "Task Name" not in page.content.decode()
    assert "周期性任务" not in page.content.decode()


def test_english_times_have_24_hours() -> None:
    at = datetime(2026, 11, 26, 19, 5, tzinfo=UTC)
    with translation.override("en"):
        assert date_format(at, "DATETIME_FORMAT") == "26 Nov 2026, 19:05"
        assert date_format(at, "SHORT_DATETIME_FORMAT") == "26 Nov 2026, 19:05"
