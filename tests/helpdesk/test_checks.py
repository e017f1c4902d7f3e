import pytest
from django.core.checks import run_checks
from django.db import connections

from helpdesk import checks


def ids(function) -> list[str]:
    return [message.id for message in function(None)]


def test_settings_as_they_are_raise_no_objection() -> None:
    assert [message.id for message in run_checks() if message.id.startswith("everydesk")] == []


def test_the_wildcard_host_is_refused(settings) -> None:
    settings.ALLOWED_HOSTS = ["desk.example.com", "*"]
    assert ids(checks.check_hosts) == ["everydesk.E001"]


@pytest.mark.parametrize("key", ["short", "django-insecure-" + "x" * 50])
def test_a_weak_secret_key_is_refused(settings, key) -> None:
    settings.SECRET_KEY = key
    assert ids(checks.check_secrets) == ["everydesk.E002"]


@pytest.mark.parametrize("keys", [[], ["not a key"]])
def test_a_field_key_that_is_none_is_refused(settings, keys) -> None:
    settings.FIELD_KEYS = keys
    assert ids(checks.check_secrets) == ["everydesk.E003"]


def test_debug_is_refused(settings) -> None:
    settings.DEBUG = True
    assert ids(checks.check_secrets) == ["everydesk.E004"]


@pytest.mark.parametrize(
    "url", ["desk.example.com", "ftp://x", "https://x/path", "https://x?y=1", ""]
)
def test_an_odd_public_url_is_refused(settings, url) -> None:
    settings.PUBLIC_URL = url
    assert ids(checks.check_public_url) == ["everydesk.E005"]


def test_a_public_url_without_encryption_is_noted(settings) -> None:
    settings.PUBLIC_URL, settings.IS_LOOPBACK = "http://desk.example.com", False
    assert ids(checks.check_public_url) == ["everydesk.W006"]


@pytest.mark.django_db
def test_the_application_role_is_accepted() -> None:
    assert checks.check_application_role(None, databases=["default"]) == []


@pytest.mark.django_db(databases=["default", "owner"])
def test_the_owner_is_refused_as_application_role(monkeypatch) -> None:
    monkeypatch.setattr(checks, "connections", {"default": connections["owner"]})
    errors = checks.check_application_role(None, databases=["default"])
    assert [error.id for error in errors] == ["everydesk.E007"]
