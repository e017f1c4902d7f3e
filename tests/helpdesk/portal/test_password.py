"""Choosing another password: who knows the old one, and what ends with it."""

import pytest
from django.test import Client

from helpdesk.services import sessions
from tests.factories import PASSWORD, World

NEW = "a-new-and-longer-one"


def _signed_in(world: World) -> Client:
    browser = Client(headers={"Accept-Language": "en"})
    sent = {"username": world.carol.user.email, "password": PASSWORD}
    assert browser.post("/sign-in/", sent).status_code == 302
    return browser


def _change(browser: Client, old: str = PASSWORD, new: str = NEW):
    return browser.post("/password/", {"old": old, "password": new})


def test_a_new_password_ends_every_other_session(world: World) -> None:
    mine, other = _signed_in(world), _signed_in(world)
    assert '"/password/"' in mine.get("/profile/").content.decode()
    assert _change(mine).status_code == 302
    assert mine.get("/").status_code == 200
    assert other.get("/").status_code == 302
    sent = {"username": world.carol.user.email, "password": PASSWORD}
    assert Client().post("/sign-in/", sent).status_code == 422
    assert Client().post("/sign-in/", {**sent, "password": NEW}).status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("wrong-wrong-wrong", NEW, "This is not your password."),
        (PASSWORD, "short", "too short"),
        (PASSWORD, "", "too short"),
    ],
)
def test_a_refusal_names_the_field_and_changes_nothing(
    world: World, old: str, new: str, words: str
) -> None:
    mine, other = _signed_in(world), _signed_in(world)
    answer = _change(mine, old, new)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert other.get("/").status_code == 200


def test_guessing_the_old_password_is_limited(world: World) -> None:
    browser = _signed_in(world)
    assert [_change(browser, f"wrong-{n}").status_code for n in range(12)][-1] == 429
    assert _change(browser).status_code == 429


def test_the_page_is_for_who_has_signed_in(world: World) -> None:
    assert Client().get("/password/")["Location"].startswith("/sign-in/")
    assert _signed_in(world).get("/password/").status_code == 200


def test_the_administration_leads_here(world: World) -> None:
    alice = Client()
    alice.force_login(world.alice.user)
    assert alice.get("/admin/password_change/")["Location"] == "/password/"


def test_a_session_from_before_a_new_password_runs_no_more(world: World) -> None:
    browser = _signed_in(world)
    key = browser.session.session_key
    assert sessions.running([key]) == {key}
    world.carol.user.set_password(NEW)
    world.carol.user.save()
    assert sessions.running([key]) == set()


def test_a_browser_is_a_strangers_again_after_a_new_password(world: World) -> None:
    browser = _signed_in(world)
    known = browser.cookies["everydesk_browser"].value
    _change(browser)
    login = {"username": world.carol.user.email}
    for number in range(12):
        Client(REMOTE_ADDR=f"203.0.113.{number}").post("/sign-in/", {**login, "password": "no"})
    for cookie, status in ((browser.cookies["everydesk_browser"].value, 302), (known, 429)):
        again = Client(REMOTE_ADDR="203.0.113.99")
        again.cookies["everydesk_browser"] = cookie
        assert again.post("/sign-in/", {**login, "password": NEW}).status_code == status
