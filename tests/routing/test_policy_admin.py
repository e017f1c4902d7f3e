"""The policy's page: points by part, own organization only, each change a new version."""

from typing import Any

import pytest
from django.test import Client

from routing.models import Policy
from routing.scoring import DEFAULT_WEIGHTS
from tests.factories import World


@pytest.fixture
def client(world: World, settings: Any) -> Client:
    storage = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": storage}
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(world.alice.user, "django.contrib.auth.backends.ModelBackend")
    return browser


def form(**changes: Any) -> dict[str, Any]:
    points = {f"weight_{name}": most for name, most in DEFAULT_WEIGHTS.items()}
    return {"department": "", "mode": "automatic", "offer_seconds": 30, **points, **changes}


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
    for wrong in [{"weight_skill": -1}, {"weight_skill": 101}, {"offer_seconds": 1}]:
        assert client.post(url, form(**wrong)).status_code == 200, wrong
    nothing = {f"weight_{name}": 0 for name in DEFAULT_WEIGHTS}
    assert client.post(url, form(**nothing)).status_code == 200


def test_another_organizations_policy_is_not_there(
    world: World, other_world: World, client: Client
) -> None:
    with other_world.transaction():
        theirs = Policy.objects.create()
    for page in ("change", "delete", "history"):
        assert client.get(f"/admin/routing/policy/{theirs.pk}/{page}/").status_code == 404
