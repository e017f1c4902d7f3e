"""The platform site: organizations are founded and people switched off, and nothing inside is touched."""

from collections.abc import Callable
from typing import Any

from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone

from helpdesk.models import (
    AuditEntry,
    Department,
    DepartmentUserObjectPermission,
    Organization,
    Queue,
    Staff,
    User,
)
from helpdesk.tenancy import organization_transaction, platform_transaction
from tests.factories import World

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
    attempt = AccessAttempt.objects.create(
        username="carol@acme.example",
        ip_address="127.0.0.1",
        failures_since_start=10,
        attempt_time=timezone.now(),
    )
    client = browser(platform_user)
    sent = {"action": "let_try_again", "_selected_action": [str(attempt.pk)]}
    assert client.post("/platform/axes/accessattempt/", sent).status_code == 302
    assert not AccessAttempt.objects.exists()


def test_an_organizations_administrator_may_do_none_of_it(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    for url, sent in [
        ("/platform/helpdesk/organization/add/", organization_form()),
        (f"/platform/helpdesk/user/{world.carol.user_id}/change/", {"name": "x"}),
        ("/platform/helpdesk/user/sessions/", {"user": world.carol.user_id}),
    ]:
        assert client.post(url, sent).status_code == 404
    assert User.objects.get(pk=world.carol.user_id).is_active
