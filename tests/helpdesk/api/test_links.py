"""Merging and splitting conversations through REST, and undoing it."""

import pytest

from helpdesk.services import assignment, replying
from tests.helpdesk.api.conftest import caller
from tests.helpdesk.services.links import open_door


@pytest.fixture
def pair(world):
    """Two threads of one customer; in the first they ask two things."""
    open_door(world)
    first = world.message("one", thread_key="a").conversation_id
    world.message("two", thread_key="a")
    return first, world.message("three", thread_key="b").conversation_id


def test_a_merge_is_made_once_told_and_undone(world, pair):
    carol, (kept, gone) = caller(world, "carol"), pair
    body, key = {"conversation": gone}, {"Idempotency-Key": "one"}
    made = carol.post(f"conversations/{kept}/merges/", body, **key)
    assert made.status_code == 201
    assert carol.post(f"conversations/{kept}/merges/", body, **key).body == made.body
    assert made.body == made.body | {
        "kind": "merge", "source": gone, "target": kept, "messages": [], "by": world.carol.pk,
        "undone_at": None,
    }  # fmt: skip
    assert carol.get(f"conversations/{gone}/").body["state"] == "closed"
    undo = f"conversations/{kept}/merges/{made.body['id']}/"
    assert carol("DELETE", undo).body["undone_at"]
    assert carol("DELETE", undo).status_code == 409
    assert carol.get(f"conversations/{gone}/merges/").body["results"][0]["undone_at"]
    assert carol.get(f"conversations/{gone}/").body["state"] == "queued"


def test_a_split_is_made_once_told_and_undone(world, pair):
    carol, first = caller(world, "carol"), pair[0]
    body, key = {"messages": [2], "keep": True}, {"Idempotency-Key": "one"}
    made = carol.post(f"conversations/{first}/splits/", body, **key)
    assert made.status_code == 201
    assert carol.post(f"conversations/{first}/splits/", body, **key).body == made.body
    assert (made.body["kind"], made.body["messages"]) == ("split", [2])
    target = made.body["target"]
    assert carol.get(f"conversations/{target}/").body["owner"]["id"] == world.carol.pk
    assert carol.get(f"conversations/{target}/splits/").body["results"] == [made.body]
    undo = f"conversations/{first}/splits/{made.body['id']}/"
    assert carol("DELETE", undo).body["undone_at"]
    assert carol("DELETE", undo).status_code == 409
    since = carol.post(f"conversations/{first}/splits/", {"since": 2}).body
    assert since["messages"] == [2]
    assert carol.get(f"conversations/{since['target']}/").body["state"] == "queued"


@pytest.mark.parametrize(
    "body",
    [{}, {"messages": [1, 2]}, {"messages": [99]}, {"messages": ["x"]}, {"since": 0}, {"by": 1}],
)
def test_what_cannot_be_split_is_refused(world, pair, body):
    answer = caller(world, "carol").post(f"conversations/{pair[0]}/splits/", body)
    assert answer.status_code == 400


@pytest.mark.parametrize(("name", "status"), [("erin", 403), ("frank", 404)])
def test_others_may_not(world, pair, name, status):
    carol, person, (kept, gone) = caller(world, "carol"), caller(world, name), pair
    for pk in pair:
        assignment.take(world.access("carol"), pk)
        if name == "erin":
            replying.note(world.access("carol"), pk, text="look", mention_ids=[world.erin.pk])
    split = carol.post(f"conversations/{kept}/splits/", {"messages": [2]}).body["id"]
    calls = [
        ("POST", f"conversations/{kept}/merges/", {"conversation": gone}),
        ("POST", f"conversations/{kept}/splits/", {"since": 2}),
        ("DELETE", f"conversations/{kept}/splits/{split}/", None),
    ]
    for method, path, body in calls:
        assert person(method, path, body).status_code == status, path
    merged = carol.post(f"conversations/{kept}/merges/", {"conversation": gone}).body["id"]
    path = f"conversations/{kept}/merges/{merged}/"
    assert person("DELETE", path).status_code == status


def test_a_token_needs_the_scope(world, pair):
    reader = caller(world, "carol", ["conversations:read", "messages:write"])
    kept, gone = pair
    for path, body in (("merges", {"conversation": gone}), ("splits", {"since": 2})):
        assert reader.post(f"conversations/{kept}/{path}/", body).status_code == 403
        assert reader.get(f"conversations/{kept}/{path}/").status_code == 200


def test_conversations_of_others_are_not_there(world, other_world, pair):
    carol, (kept, gone) = caller(world, "carol"), pair
    theirs = other_world.message("hello").conversation_id
    third = world.message("third", thread_key="c").conversation_id
    made = carol.post(f"conversations/{kept}/merges/", {"conversation": gone}).body["id"]
    for method, path, body in (
        ("POST", f"conversations/{theirs}/merges/", {"conversation": kept}),
        ("POST", f"conversations/{kept}/merges/", {"conversation": theirs}),
        ("POST", f"conversations/{theirs}/splits/", {"since": 1}),
        ("GET", f"conversations/{theirs}/splits/", None),
        # Of another conversation, and of another kind.
        ("DELETE", f"conversations/{third}/merges/{made}/", None),
        ("DELETE", f"conversations/{kept}/splits/{made}/", None),
    ):
        assert carol(method, path, body).status_code == 404, path
