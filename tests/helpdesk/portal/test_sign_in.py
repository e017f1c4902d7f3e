"""Coming in: the same answer for everybody who may not, and a limit on trying."""

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


def test_trying_behind_a_proxy_locks_out_nobody_elsewhere(
    world: World, browser: Client, settings
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    login = "carol@acme.example"
    for number in range(12):
        # What a caller claims to have come through stands first; the proxy adds where it came from.
        browser.defaults["HTTP_X_FORWARDED_FOR"] = f"198.51.100.{number}, 203.0.113.5"
        answer = _try(browser, login, f"wrong-{number}")
    assert answer.status_code == 429
    browser.defaults["HTTP_X_FORWARDED_FOR"] = "203.0.113.77"
    assert _try(browser, login).status_code == 302


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
