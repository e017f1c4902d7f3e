"""Coming in: the same answer for everybody who may not, and a limit on trying."""

import re

import pytest
from django.test import Client

from tests.factories import PASSWORD, World


@pytest.fixture
def browser(world: World) -> Client:
    return Client(headers={"Accept-Language": "en"})


def _try(browser: Client, login: str, password: str = PASSWORD, **more: str):
    return browser.post("/sign-in/", {"username": login, "password": password, **more})


def test_right_password_leads_to_the_page_one_wanted(world: World, browser: Client) -> None:
    answer = _try(browser, world.carol.user.email.upper(), next="/profile/")
    assert answer.status_code == 302
    assert answer["Location"] == "/profile/"
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_to_another_site(world: World, browser: Client, target: str) -> None:
    assert _try(browser, world.carol.user.email, next=target)["Location"] == "/"


def test_wrong_password_and_unknown_address_get_the_same_answer(
    world: World, browser: Client
) -> None:
    known = _try(browser, world.carol.user.email, "wrong-wrong")
    unknown = _try(browser, "carol@nowhere.example", "wrong-wrong")
    assert known.status_code == unknown.status_code == 422
    assert (
        known.content.decode().replace(world.carol.user.email, "?").split("csrf")[0]
        == (unknown.content.decode().replace("carol@nowhere.example", "?").split("csrf")[0])
    )
    assert "Mail address or password is not right." in known.content.decode()
    assert world.carol.user.email in known.content.decode()


@pytest.mark.parametrize("login", ["carol@acme.example", "nobody@acme.example"])
def test_trying_is_limited_for_known_and_unknown_alike(
    world: World, browser: Client, login: str
) -> None:
    statuses = [_try(browser, login, f"wrong-{n}").status_code for n in range(12)]
    assert statuses[0] == 422
    assert statuses[-1] == 429
    answer = _try(browser, login)
    assert answer.status_code == 429
    assert answer["Retry-After"]
    assert "15 minutes" in answer.content.decode()


def _try_from(browser: Client, address: str, login: str, password: str = PASSWORD):
    # What a caller claims to have come through stands first; the proxy adds where it came from.
    browser.defaults["HTTP_X_FORWARDED_FOR"] = f"198.51.100.7, {address}"
    return _try(browser, login, password)


@pytest.fixture
def behind_a_proxy(settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.parametrize("login", ["carol@acme.example", "nobody@acme.example"])
def test_many_addresses_share_one_limit_for_an_account(
    world: World, browser: Client, behind_a_proxy: None, login: str
) -> None:
    answers = [_try_from(Client(), f"203.0.113.{n}", login, f"wrong-{n}") for n in range(12)]
    assert [answer.status_code for answer in answers] == [422] * 9 + [429] * 3
    assert _try_from(browser, "203.0.113.77", login).status_code == 429
    assert _try_from(browser, "203.0.113.1", "dave@acme.example").status_code == 302


def test_who_has_signed_in_here_before_is_not_locked_out_by_others(
    world: World, browser: Client, behind_a_proxy: None
) -> None:
    carol = "carol@acme.example"
    assert _try_from(browser, "203.0.113.77", carol).status_code == 302
    browser.post("/sign-out/")
    stranger = Client()
    for number in range(12):
        _try_from(stranger, f"203.0.113.{number}", carol, f"wrong-{number}")
    assert _try_from(stranger, "203.0.113.78", carol).status_code == 429
    assert _try_from(browser, "203.0.113.79", carol).status_code == 302
    # Coming in forgives this browser only, and it has a limit of its own.
    assert _try_from(stranger, "203.0.113.80", carol).status_code == 429
    statuses = [_try_from(browser, "203.0.113.79", carol, "wrong").status_code for _ in range(12)]
    assert statuses[-1] == 429


@pytest.mark.parametrize("of", ["dave@acme.example", "forged"])
def test_a_browser_is_known_for_those_who_signed_in_there(
    world: World, browser: Client, behind_a_proxy: None, of: str
) -> None:
    if of == "forged":
        browser.cookies["everydesk_browser"] = "carol@acme.example:1:forged"
    else:
        _try_from(browser, "203.0.113.77", of)
        browser.post("/sign-out/")
    for number in range(12):
        _try_from(Client(), f"203.0.113.{number}", "carol@acme.example", f"wrong-{number}")
    assert _try_from(browser, "203.0.113.77", "carol@acme.example").status_code == 429


def test_language_is_chosen_before_signing_in_and_kept(world: World, browser: Client) -> None:
    assert "Sign in to Everydesk" in browser.get("/sign-in/").content.decode()
    browser.post("/language/", {"language": "zh-hans", "next": "/sign-in/"})
    assert '<html lang="zh-hans"' in browser.get("/sign-in/").content.decode()


def test_signing_out_ends_the_session(world: World, browser: Client) -> None:
    _try(browser, world.carol.user.email)
    assert browser.post("/sign-out/").status_code == 302
    assert browser.get("/").status_code == 302


def test_deactivated_person_is_out_at_once(world: World, browser: Client) -> None:
    from helpdesk.services import grants  # noqa: PLC0415  (after the world is made)

    _try(browser, world.carol.user.email)
    assert browser.get("/").status_code == 200
    with world.transaction():
        grants.deactivate(world.carol)
    assert browser.get("/").status_code in {302, 403}


def test_invited_colleague_sets_a_password_once(world: World, browser: Client) -> None:
    alice = Client(headers={"Accept-Language": "en"})
    _try(alice, world.alice.user.email)
    body = {
        "name": "Grace",
        "email": "grace@acme.example",
        "department": world.support.pk,
        "role": world.roles["agent"].pk,
    }
    page = alice.post("/start/invite/", body).content.decode()
    link = page.split('id="welcome-link">')[1].split("<")[0]
    path = "/" + link.split("/", 3)[3]
    assert browser.get(path).status_code == 200
    assert browser.post(path, {"password": "short"}).status_code == 422
    assert browser.post(path, {"password": "a-much-longer-one"}).status_code == 302
    assert browser.get("/").status_code == 200
    assert Client().get(path).status_code == 404


def test_inviting_somebody_twice_names_the_field_and_keeps_the_rest(
    world: World, browser: Client
) -> None:
    _try(browser, world.alice.user.email)
    body = {
        "name": "Carol C",
        "email": "carol@acme.example",
        "department": world.support.pk,
        "role": world.roles["agent"].pk,
    }
    answer = browser.post("/start/invite/", body)
    assert answer.status_code == 422
    assert "works here already" in answer.content.decode()
    assert "Carol C" in answer.content.decode()


def test_a_language_chosen_on_the_sign_in_page_is_kept(world: World, browser: Client) -> None:
    world.carol.user.language = "zh-hans"
    world.carol.user.save()
    browser.post("/language/", {"language": "en", "next": "/sign-in/"})
    _try(browser, world.carol.user.email)
    assert '<html lang="en"' in browser.get("/").content.decode()
    world.carol.user.refresh_from_db()
    assert world.carol.user.language == "en"


def test_after_a_wrong_password_only_the_password_is_asked_for(
    world: World, browser: Client
) -> None:
    fields = {"username": world.carol.user.email, "password": "wrong-wrong"}
    for sent, focused in ((None, "username"), (fields, "password")):
        page = (browser.post("/sign-in/", sent) if sent else browser.get("/sign-in/")).content
        tags = re.findall(r'<input id="(\w+)"[^>]*autofocus', page.decode())
        assert tags == [focused]
