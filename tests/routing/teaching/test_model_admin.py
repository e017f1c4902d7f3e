"""The page of the models: what each version tells, which one serves, and training now."""

from typing import Any

import pytest
from django.test import Client

from helpdesk.models import Topic
from routing import engine, versions
from routing.models import TopicModel, TopicTraining
from tests.factories import World
from tests.routing.teaching.conftest import Store
from tests.routing.teaching.shop import taught

LIST = "/admin/routing/topicmodel/"
FIGURES = {
    "examples": 412,
    "topics": 12,
    "held_back": 103,
    "accuracy": 0.9312,
    "accuracy_before": 0.92,
    "calibration_error": 0.021,
    "gains": 31,
    "losses": 20,
}


@pytest.fixture
def client(world: World, settings: Any) -> Any:
    storage = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": storage}

    def sign_in(name: str, language: str = "en") -> Client:
        browser = Client(headers={"accept-language": language})
        browser.force_login(world.people[name].user, "django.contrib.auth.backends.ModelBackend")
        return browser

    return sign_in


def test_versions_are_shown_with_what_they_tell(
    world: World, topics: dict[str, Topic], client: Any, store: Store
) -> None:
    row = store(7, b"", figures=FIGURES)
    page = client("alice").get(LIST).content.decode()
    for shown in (
        "Version 7",
        "in use",
        "412 texts about 12 topics",
        "93.1 % of 103 told rightly, confidence off by 2.1 points",
    ):
        assert shown in page, shown
    page = client("alice").get(f"{LIST}{row.pk}/change/").content.decode()
    assert "92.0 % told rightly before; 31 gained, 20 lost" in page
    chinese = client("alice", "zh-hans").get(LIST).content.decode()
    assert "版本 7" in chinese
    assert "told rightly" not in chinese


def test_a_version_is_put_into_use_by_a_button(
    world: World, topics: dict[str, Topic], client: Any, store: Store
) -> None:
    older, newer = store(1, taught(topics), "retired"), store(2, taught(topics))
    alice = client("alice")
    page = alice.get(f"{LIST}{older.pk}/change/").content.decode()
    assert f"{LIST}{older.pk}/use/" in page
    assert f"{LIST}{newer.pk}/use/" not in alice.get(f"{LIST}{newer.pk}/change/").content.decode()
    answer = alice.post(f"{LIST}{older.pk}/use/", follow=True)
    assert "Version 1 is in use." in answer.content.decode()
    assert "newer ones wait" in answer.content.decode()
    with world.transaction():
        assert TopicModel.objects.get(state="in_use").pk == older.pk


def test_what_cannot_be_loaded_has_no_button_and_says_why(
    world: World, client: Any, store: Store
) -> None:
    row = store(1, b"", "rejected", reason="unreadable", details="this is no model")
    alice = client("alice")
    page = alice.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "Cannot be loaded: this is no model" in page
    assert "/use/" not in page
    answer = alice.post(f"{LIST}{row.pk}/use/", follow=True)
    assert "cannot be loaded" in answer.content.decode()


def test_a_training_is_asked_for_by_a_button(world: World, client: Any) -> None:
    alice = client("alice")
    assert "Nothing has been trained yet." in alice.get(LIST).content.decode()
    answer = alice.post(f"{LIST}train/", follow=True)
    assert "begins within a minute" in answer.content.decode()
    with world.transaction():
        assert TopicTraining.objects.get().asked_at is not None
        TopicTraining.objects.update(outcome="too_few")
    assert "at least two topics need 8 texts each" in alice.get(LIST).content.decode()


def test_nobody_else_and_no_other_organization_gets_there(
    world: World, other_world: World, topics: dict[str, Topic], client: Any, store: Store
) -> None:
    row = store(1, taught(topics), "candidate")
    with other_world.transaction():
        theirs = TopicModel.objects.create(
            number=1, content=b"", format=1, trained_at=row.trained_at
        )
    alice = client("alice")
    for page in ("change/", "delete/", "history/", "use/"):
        assert alice.get(f"{LIST}{theirs.pk}/{page}").status_code == 404
    assert alice.post(f"{LIST}{theirs.pk}/use/").status_code == 404
    for name in ("bob", "carol", "frank"):
        assert client(name).get(LIST).status_code == 404
        assert client(name).post(f"{LIST}{row.pk}/use/").status_code == 404
        assert client(name).post(f"{LIST}train/").status_code == 404
    assert alice.get(f"{LIST}train/").status_code == 404
    with world.transaction():
        assert TopicModel.objects.get().state == "candidate"
        assert not TopicTraining.objects.exists()
    assert alice.post(f"{LIST}{row.pk}/use/").status_code == 302


def test_administrators_are_told_of_a_version_that_cannot_be_loaded(
    world: World, topics: dict[str, Topic], client: Any, store: Store
) -> None:
    row = store(3, b"broken")
    world.message("how do I send back the lamp")
    engine.route(world.organization.pk)
    told = "Version 3 of what topics are told by cannot be loaded"
    for place in ("/", "/admin/"):
        page = client("alice").get(place).content.decode()
        assert told in page
        assert f"{LIST}{row.pk}/change/" in page
    assert told not in client("carol").get("/").content.decode()
    newer = store(4, taught(topics), "candidate")
    versions.use(world.access("alice"), newer.pk)
    assert told not in client("alice").get("/").content.decode()


def test_the_list_asks_little_and_never_for_the_models_themselves(
    world: World, client: Any, store: Store, django_assert_max_num_queries: Any
) -> None:
    for number in range(1, 11):
        store(number, b"", "candidate", figures=FIGURES)
    alice = client("alice")
    alice.get(LIST)
    with django_assert_max_num_queries(16) as asked:
        alice.get(LIST)
    assert not any('"content"' in one["sql"] for one in asked.captured_queries)
