"""The laboratory's frame: its place in the navigation, its tabs, and who may come in."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import World

TABS = ("routing:lab", "routing:experiments", "routing:decisions")


def client(world: World, name: str, language: str = "en") -> Client:
    browser = Client()
    user = world.people[name].user
    user.language = language
    user.save()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = browser.session
    session["organization_id"] = world.organization.pk
    session.save()
    return browser


@pytest.mark.parametrize("tab", TABS)
def test_administrators_see_each_tab_and_others_find_nothing(world: World, tab: str) -> None:
    shown = client(world, "alice").get(reverse(tab))
    assert shown.status_code == 200
    for name in ("bob", "carol", "frank"):
        assert client(world, name).get(reverse(tab)).status_code == 404
    assert Client().get(reverse(tab)).status_code == 302


def test_the_way_there_is_shown_to_administrators_only(world: World) -> None:
    there = f'href="{reverse("routing:lab")}"'
    assert there in client(world, "alice").get(reverse("portal:workspace")).content.decode()
    assert there not in client(world, "bob").get(reverse("portal:workspace")).content.decode()


def test_the_tab_that_is_open_says_so(world: World) -> None:
    html = client(world, "alice").get(reverse("routing:experiments")).content.decode()
    assert f'href="{reverse("routing:experiments")}" aria-current="page"' in html
    assert "No experiment is running" in html
