"""Every page of both sites opens for who may, and for nobody else."""

from collections.abc import Callable

from django.test import Client

from helpdesk.admin.sites import organization_site, platform_site
from helpdesk.models import Customer, User
from tests.factories import World
from tests.helpdesk.admin.conftest import fill

Browser = Callable[..., Client]
GUARDED = ("department", "role", "escalationpath")


def pages(world: World, ids: dict[str, int]) -> list[str]:
    found = [
        "/admin/",
        "/admin/search/?s=role",
        "/admin/search/?s=a&extended=1",
        "/admin/helpdesk/",
    ]
    found.append("/admin/password_change/")
    for name, pk in ids.items():
        found += [f"/admin/helpdesk/{name}/", f"/admin/helpdesk/{name}/{pk}/change/"]
        found.append(f"/admin/helpdesk/{name}/{pk}/history/")
    for model, admin in organization_site._registry.items():
        name = model._meta.model_name
        if model._meta.app_label != "helpdesk":
            found.append(f"/admin/{model._meta.app_label}/{name}/")
            continue
        if admin.can_add:
            found.append(f"/admin/helpdesk/{name}/add/")
            found.append(f"/admin/helpdesk/{name}/add/?_popup=1")
        if admin.can_delete:
            found.append(f"/admin/helpdesk/{name}/{ids[name]}/delete/")
    for name in GUARDED:
        found.append(f"/admin/helpdesk/{name}/{ids[name]}/permissions/")
        user = world.carol.user_id
        found.append(f"/admin/helpdesk/{name}/{ids[name]}/permissions/user-manage/{user}/")
    staff, conversation = ids["staff"], ids["conversation"]
    found.append("/admin/helpdesk/channel/add/?kind=webchat")
    found.append(f"/admin/helpdesk/staff/{staff}/explain/")
    found.append(f"/admin/helpdesk/staff/{staff}/explain/?conversation=C-{conversation}")
    found.append(
        "/admin/autocomplete/?app_label=helpdesk&model_name=rolegrant&field_name=staff&term=a"
    )
    return found


def platform_pages(user: User, world: World) -> list[str]:
    found = ["/platform/", "/platform/search/?s=user", "/platform/helpdesk/user/sessions/"]
    for model, admin in platform_site._registry.items():
        base = f"/platform/{model._meta.app_label}/{model._meta.model_name}/"
        found.append(base)
        if admin.can_add:
            found.append(f"{base}add/")
    found.append(f"/platform/helpdesk/user/{user.pk}/change/")
    found.append(f"/platform/helpdesk/organization/{world.organization.pk}/change/")
    return found


def test_every_page_opens_for_an_administrator(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    for url in pages(world, fill(world)):
        response = client.get(url, follow=True)
        assert response.status_code == 200, url
        assert "unsafe-inline" not in response["Content-Security-Policy"].split("style-src-attr")[0]
        assert b"<script>" not in response.content, url
        assert b"<style" not in response.content, url
        assert b"/platform/" not in response.content, url


def test_every_platform_page_opens_for_who_runs_the_installation(
    world: World, browser: Browser, platform_user: User
) -> None:
    client = browser(platform_user)
    for url in platform_pages(platform_user, world):
        response = client.get(url)
        assert response.status_code == 200, url
        assert b"/admin/helpdesk" not in response.content, url


def test_who_does_not_administer_finds_nothing(world: World, browser: Browser) -> None:
    found = pages(world, fill(world))
    for name, urls in {"bob": found, "carol": found[::7], "frank": found[::7]}.items():
        client = browser(world.people[name])
        for url in [*urls, "/platform/", "/platform/helpdesk/user/"]:
            assert client.get(url).status_code == 404, url
            assert client.post(url, {}).status_code == 404, url


def test_an_administrator_finds_no_platform(
    world: World, browser: Browser, platform_user: User
) -> None:
    client = browser(world.alice)
    for url in platform_pages(platform_user, world):
        assert client.get(url).status_code == 404, url


def test_a_platform_administrator_without_membership_finds_no_organization(
    world: World, browser: Browser, platform_user: User
) -> None:
    ids = fill(world)
    client = browser(platform_user)
    for url in pages(world, ids):
        assert client.get(url).status_code == 404, url


def test_who_is_signed_out_is_led_to_the_sign_in_page(world: World) -> None:
    for url in ["/admin/", "/admin/helpdesk/staff/", "/platform/", "/admin/login/"]:
        response = Client().get(url)
        assert response.status_code == 302
        assert response["Location"].startswith("/sign-in/?next=/"), url


def test_the_side_bar_names_the_reader_in_their_language(world: World, browser: Browser) -> None:
    with world.transaction():
        world.alice.name, world.alice.name_en = "林艾", "Lin Ai"
        world.alice.save()
    page = browser(world.alice).get("/admin/").content.decode()
    assert "Lin Ai</div>" in page
    assert "林艾</div>" not in page


def test_customers_show_their_language_in_words(world: World, browser: Browser) -> None:
    with world.transaction():
        for name, language in (("张", "zh-Hans"), ("Ann", "en"), ("佐藤", "ja")):
            Customer.objects.create(name=name, language=language)
        assert Customer.objects.get(name="张").language == "zh"
    client = browser(world.alice)
    page = client.get("/admin/helpdesk/customer/").content.decode()
    assert "Chinese" in page
    assert "zh-hans</td>" not in page
    for language, found in (("zh", "张"), ("en", "Ann"), ("other", "佐藤")):
        rows = (
            client.get("/admin/helpdesk/customer/", {"language": language})
            .context["cl"]
            .result_list
        )
        assert [customer.name for customer in rows] == [found]
