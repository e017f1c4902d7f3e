"""Merging customers through REST, and undoing it."""

import pytest

from helpdesk.models import Conversation, Customer, MergeSuggestion
from helpdesk.services import matching
from tests.helpdesk.api.conftest import caller


@pytest.fixture
def pair(world):
    found = [world.message(visitor=f"v{number}").conversation_id for number in (1, 2)]
    with world.transaction():
        rows = Conversation.objects.filter(pk__in=found).order_by("pk")
        return list(rows.values_list("customer_id", flat=True))


def test_a_merge_is_made_once_told_and_undone(world, pair):
    bob, (kept, gone) = caller(world, "bob"), pair
    body, key = {"customer": gone}, {"Idempotency-Key": "one"}
    made = bob.post(f"customers/{kept}/merges/", body, **key)
    assert made.status_code == 201
    assert bob.post(f"customers/{kept}/merges/", body, **key).body == made.body
    assert (made.body["kept"], made.body["gone"], made.body["undone_at"]) == (kept, gone, None)
    assert made.body["by"] == world.bob.pk
    assert bob.get(f"customers/{gone}/").body["merged_into"] == kept
    assert bob.patch(f"customers/{gone}/", {"name": "x"}).status_code == 409
    assert len(bob.get(f"conversations/?customer={kept}").body["results"]) == 2
    undo = f"customers/{kept}/merges/{made.body['id']}/"
    assert bob("DELETE", undo).body["undone_at"]
    assert bob("DELETE", undo).status_code == 409
    assert bob.get(f"customers/{gone}/merges/").body["results"][0]["undone_at"]
    assert bob.get(f"customers/{gone}/").body["merged_into"] is None


def test_suggestions_are_listed_and_decided(world, pair):
    bob = caller(world, "bob")
    with world.transaction():
        matching.suggest(*pair, {"kind": "mail", "value": "a@example.com", "verified": False})
        third = Customer.objects.create(name="Third").pk
        matching.suggest(pair[0], third, {"kind": "phone", "value": "+8613812345678"})
    second, first = bob.get("suggestions/").body["results"]
    assert (first["first"], first["second"]) == tuple(pair)
    assert first["evidence"][0]["value"] == "a@example.com"
    assert bob("DELETE", f"suggestions/{second['id']}/").body["state"] == "dismissed"
    assert bob.post(f"suggestions/{first['id']}/", None).body["kept"] == pair[0]
    assert bob.get("suggestions/").body["results"] == []
    assert bob.post(f"suggestions/{first['id']}/", None).status_code == 409


@pytest.mark.parametrize(("name", "status"), [("carol", 403), ("frank", 404)])
def test_others_may_not(world, pair, name, status):
    bob, person, (kept, gone) = caller(world, "bob"), caller(world, name), pair
    with world.transaction():
        third = Customer.objects.create().pk
        matching.suggest(kept, third, {"kind": "mail", "value": "a@example.com"})
        suggested = MergeSuggestion.objects.get().pk
    made = bob.post(f"customers/{kept}/merges/", {"customer": gone}).body["id"]
    calls = [
        ("POST", f"customers/{kept}/merges/", {"customer": third}),
        ("DELETE", f"customers/{kept}/merges/{made}/", None),
        ("POST", f"suggestions/{suggested}/", None),
        ("DELETE", f"suggestions/{suggested}/", None),
    ]
    for method, path, body in calls:
        assert person(method, path, body).status_code == status, path
    assert person.get("suggestions/").body["results"] == []


def test_a_token_needs_the_scope(world, pair):
    reader = caller(world, "bob", ["customers:read"])
    assert reader.post(f"customers/{pair[0]}/merges/", {"customer": pair[1]}).status_code == 403


def test_customers_of_others_are_not_there(world, other_world, pair):
    bob = caller(world, "bob")
    with other_world.transaction():
        theirs = Customer.objects.create(name="Theirs").pk
    for path, body in (
        (f"customers/{theirs}/merges/", {"customer": pair[0]}),
        (f"customers/{pair[0]}/merges/", {"customer": theirs}),
        ("suggestions/999999/", None),
    ):
        assert bob.post(path, body).status_code == 404, path
    assert bob.get(f"customers/{theirs}/merges/").status_code == 404
