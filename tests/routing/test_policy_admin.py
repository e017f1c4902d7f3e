"""The policy's page: points by part, own organization only, each change a new version."""

from typing import Any

import pytest
from django.test import Client

from routing.deciding.rules import DEFAULT_WEIGHTS
from routing.models import Policy
from tests.factories import World

WRONG = [
    ("weight_skill", -1),
    ("weight_skill", 101),
    ("weight_scarcity", ""),
    ("offer_seconds", 1),
    ("urgent_seconds", 9),
    ("calm_seconds", 59),
    ("calm_seconds", ""),
    ("calm_chat_seconds", 29),
    ("calm_chat_seconds", -300),
    ("calm_chat_seconds", ""),
    ("slack_percent", 101),
    ("slack_percent", -1),
    ("patience_percent", 0),
    ("sticky_seconds", 601),
    ("sticky_seconds", -1),
    ("return_seconds", 86_401),
    ("return_seconds", ""),
    ("learning_percent", 51),
    ("learning_percent", -1),
    ("learning_percent", ""),
]


@pytest.fixture
def client(world: World, settings: Any) -> Client:
    storage = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": storage}
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(world.alice.user, "django.contrib.auth.backends.ModelBackend")
    return browser


def form(**changes: Any) -> dict[str, Any]:
    points = {f"weight_{name}": most for name, most in DEFAULT_WEIGHTS.items()}
    times = {"offer_seconds": 30, "urgent_seconds": 60, "calm_seconds": 1800}
    times |= {"sticky_seconds": 15, "return_seconds": 900}
    times["calm_chat_seconds"] = 300
    shares = {"slack_percent": 60, "patience_percent": 100, "learning_percent": 0}
    return {"department": "", "mode": "automatic", **times, **shares, **points, **changes}


def test_points_are_edited_part_by_part_and_each_change_is_a_version(
    world: World, client: Client
) -> None:
    made = client.post("/admin/routing/policy/add/", form())
    assert made.status_code == 302
    with world.transaction():
        policy = Policy.objects.get()
        assert policy.weights == {}
    url = f"/admin/routing/policy/{policy.pk}/change/"
    assert client.get(url).status_code == 200
    assert client.post(url, form(weight_skill=50, mode="offer")).status_code == 302
    with world.transaction():
        policy = Policy.objects.get()
        assert (policy.points["skill"], policy.mode, policy.version) == (50, "offer", 2)
    for field, wrong in WRONG:
        answer = client.post(url, form(**{field: wrong}))
        assert answer.status_code == 200
        assert set(answer.context["adminform"].form.errors) == {field}, wrong
    nothing = {f"weight_{name}": 0 for name in DEFAULT_WEIGHTS}
    assert client.post(url, form(**nothing)).status_code == 200


def test_another_organizations_policy_is_not_there(
    world: World, other_world: World, client: Client
) -> None:
    with other_world.transaction():
        theirs = Policy.objects.create()
    for page in ("change", "delete", "history"):
        assert client.get(f"/admin/routing/policy/{theirs.pk}/{page}/").status_code == 404


def test_what_is_not_urgent_is_not_due_before_what_is(world: World, client: Client) -> None:
    for field in ("calm_seconds", "calm_chat_seconds"):
        times = {"calm_seconds": 1800, "calm_chat_seconds": 900, field: 300}
        answer = client.post("/admin/routing/policy/add/", form(urgent_seconds=600, **times))
        assert set(answer.context["adminform"].form.errors) == {field}
    with world.transaction():
        assert not Policy.objects.exists()
