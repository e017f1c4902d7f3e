"""Names and texts made to break out of the page are shown as text, on every page."""

import re

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connections, models
from django.test.utils import override_settings

from helpdesk.models import OrganizationModel, User
from helpdesk.services import assignment
from tests.security.addresses import addresses
from tests.security.conftest import PLAIN_FILES
from tests.security.test_foreign_ids import call, methods_of
from tests.security.worlds import bearer, browser_of, furnish, value_of

pytestmark = pytest.mark.xdist_group("hostile text")

HOSTILE = "\"'><img src=x onerror=a()>{{7*7}}"
# Our own words, not somebody's text: codes, keys, hashes, zones, languages.
CODES = re.compile(
    r"(_id|_key|_ref|hash|^kind|mime|^public_id|language|timezone|^place_|color|icon|^permission"
    r"|^action|^subject$|secret|error_code|^holder|^actor|country|^slug|^mode|direction|^state)"
)
# Live fragments, pages that change something by being looked at, and the way out.
NOT_LOOKED_AT = re.compile(r"sign-out|logout|/platform/|widget|^/channels/|jsi18n|/files/")


def is_text(field: models.Field) -> bool:
    if CODES.search(field.name) or field.choices or field.primary_key:
        return False
    if isinstance(field, models.CharField | models.TextField):
        return field.max_length is None or field.max_length > len(HOSTILE) + 8
    return False


def poison(world) -> int:
    """Put the hostile text into every text of every row; returns how many."""
    count = 0
    with world.transaction():
        for model in apps.get_models():
            if not issubclass(model, OrganizationModel) or "Audit" in model.__name__:
                continue
            fields = [field for field in model._meta.local_concrete_fields if is_text(field)]
            tags = [f.name for f in model._meta.local_concrete_fields if isinstance(f, ArrayField)]
            for row in model.objects.all():
                texts = {field.name: f"{HOSTILE}{row.pk}" for field in fields}
                if "tags" in tags:
                    texts["tags"] = [HOSTILE[:30]]
                if texts:
                    model.objects.filter(pk=row.pk).update(**texts)
                    count += len(texts)
        organization = type(world.organization)
        organization.objects.filter(pk=world.organization.pk).update(name=HOSTILE, name_en=HOSTILE)
    User.objects.update(name=HOSTILE)
    return count


@pytest.fixture(scope="module")
def poisoned(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), override_settings(STORAGES=PLAIN_FILES):
        django_db_setup.cleaner.empty()
        place = furnish("hostile")
        carol = place.world.access("carol")
        with place.world.transaction():
            target = assignment.Target(skill_id=place.world.skill("x", carol=3).pk)
            assignment.transfer(carol, place.conversation_id, target, note=HOSTILE)
        assert poison(place.world) > 60
        yield place
        connections.close_all()
        django_db_setup.cleaner.empty()


def unescaped(body: str) -> list[str]:
    return re.findall(r".{0,30}<img src=x.{0,30}", body)


def test_an_unescaped_text_is_found():
    assert unescaped(f"<p >{HOSTILE}</p>")
    escaped = HOSTILE.replace('"', "&quot;").replace("'", "&#x27;").replace(">", "&gt;")
    assert not unescaped(f"<p>{escaped.replace('<', '&lt;')}</p>")


@pytest.mark.parametrize(
    ("person", "language"), [("alice", "en"), ("bob", "zh-hans"), ("carol", "en")]
)
def test_every_page_shows_hostile_text_as_text(poisoned, person, language):
    client = browser_of(poisoned.world, person)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    broken, shown = [], 0
    for address in addresses():
        if NOT_LOOKED_AT.search(address.path) or address.path.startswith("/api/v1/"):
            continue
        path = address.filled(
            {name: value_of(address, name, poisoned) for name in address.arguments}
        )
        for method in methods_of(path)[:-1]:
            response = call(client, method, path)
            body = response.content.decode()
            shown += "&lt;img src=x" in body
            if response.status_code >= 500 or unescaped(body):
                broken.append(f"{method} {path}: {response.status_code} {unescaped(body)[:1]}")
    assert not broken
    assert shown >= {"alice": 40, "bob": 15, "carol": 10}[person]


def test_rest_gives_text_as_it_is_and_calls_it_json(poisoned):
    client = bearer(poisoned.api_token)
    for path in ("conversations/", "customers/", "staff/", "topics/"):
        response = call(client, "GET", f"/api/v1/{path}")
        assert response["Content-Type"] == "application/json"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "<img src=x" in response.json()["results"][0].__str__()


def test_every_page_comes_under_the_strict_policy(poisoned):
    client = browser_of(poisoned.world, "alice")
    loose = []
    for address in addresses():
        if not address.arguments and not NOT_LOOKED_AT.search(address.path):
            response = call(client, "GET", address.path)
            policy = response.headers.get("Content-Security-Policy", "")
            is_page = response.headers.get("Content-Type", "").startswith("text/html")
            if is_page and (not policy or "script-src 'self'" not in policy):
                loose.append(f"{address.path}: {policy}")
    assert not loose
