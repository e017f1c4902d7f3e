"""REST finds messages by their words, for the token's person and in its scope."""

from urllib.parse import quote

import pytest

from helpdesk.reports import message_search
from helpdesk.services import replying
from tests.helpdesk.api.conftest import caller


@pytest.fixture
def thread(world):
    """A conversation in support: a question and its answer."""
    pk = world.message("退款 <b>refund</b>?").conversation_id
    replying.reply(world.access("carol"), pk, text="退款明天到")
    return pk


def search(call, **asked):
    query = "&".join(f"{name}={quote(str(value))}" for name, value in asked.items())
    return call.get(f"search/?{query}")


def test_hits_say_where_the_message_is_and_what_was_found(world, carol, thread):
    answer = search(carol, q="退款")
    assert answer.status_code == 200
    assert answer.body["next"] is None
    assert answer.body["is_near"] is False
    customer_id = world.conversation(thread).customer_id
    newest, oldest = answer.body["results"]
    assert newest["conversation"] == oldest["conversation"] == thread
    assert newest["author"] == {"id": world.carol.pk, "name": "Carol"}
    assert (oldest["author"], oldest["direction"], oldest["number"]) == (None, "in", 1)
    assert oldest["customer"] == {"id": customer_id, "name": f"访客 {customer_id}"}
    assert oldest["channel"]["kind"] == "webchat"
    assert oldest["snippet"] == [
        {"text": "退款", "is_hit": True},
        {"text": " <b>refund</b>?", "is_hit": False},
    ]


def test_pages_follow_the_cursor(world, carol, thread):
    for number in range(4):
        world.message(f"退款 {number}", visitor="v-2")
    answer = search(carol, q="退款", limit=4)
    assert len(answer.body["results"]) == 4
    path = answer.body["next"].partition("/api/v1/")[2]
    rest = carol.get(path).body
    assert (len(rest["results"]), rest["next"]) == (2, None)


@pytest.mark.parametrize(
    ("narrowed", "count"),
    [
        ({}, 2),
        ({"direction": "in"}, 1),
        ({"state": "waiting"}, 2),
        ({"state": "closed"}, 0),
        ({"owner": 10**9}, 0),
        ({"customer": 10**9}, 0),
        ({"channel": 10**9}, 0),
        ({"department": 10**9}, 0),
        ({"author": 10**9}, 0),
        ({"since": "2999-01-01T00:00:00Z"}, 0),
        ({"until": "2999-01-01T00:00:00Z"}, 2),
    ],
)
def test_what_is_looked_for_is_narrowed(carol, thread, narrowed, count):
    assert len(search(carol, q="退款", **narrowed).body["results"]) == count


def test_a_wrong_letter_is_forgiven_and_said(carol, thread):
    answer = search(carol, q="refnud").body
    assert answer["is_near"] is True
    assert len(answer["results"]) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "q"),
        ("q=", "q"),
        (f"q={'x' * 201}", "q"),
        ("q=a&state=x", "state"),
        ("q=a&owner=x", "owner"),
        ("q=a&since=x", "since"),
        ("q=a&limit=101", "limit"),
        ("q=a&cursor=x", "cursor"),
        ("q=a&sort=x", "sort"),
    ],
)
def test_what_is_wrong_is_named(carol, thread, query, field):
    answer = carol.get(f"search/?{query}")
    assert answer.status_code == 400
    assert [each["field"] for each in answer.body["errors"]] == [field]


@pytest.mark.parametrize("who", ["erin", "frank"])
def test_who_may_not_see_the_conversation_finds_nothing(world, carol, thread, who):
    assert search(carol, q="退款").body["results"]
    assert search(caller(world, who), q="退款").body["results"] == []


def test_another_organization_finds_nothing(world, other_world, carol, thread):
    theirs = caller(other_world, "alice")
    assert search(theirs, q="退款").body["results"] == []
    assert (
        search(theirs, q="退款", customer=world.conversation(thread).customer_id).body["results"]
        == []
    )


def test_a_token_without_the_scope_is_refused(world, thread):
    refused = search(caller(world, "carol", ["conversations:read"]), q="退款")
    assert refused.status_code == 403
    assert search(caller(world, "carol", ["messages:read"]), q="退款").status_code == 200


def test_who_left_finds_nothing(world, carol, thread):
    with world.transaction():
        world.carol.is_active = False
        world.carol.save(update_fields=["is_active"])
    assert search(carol, q="退款").status_code == 401


def test_a_search_that_takes_too_long_says_so(carol, thread, monkeypatch):
    slow = "SELECT 1, pg_sleep(3) WHERE %s IS NOT NULL" + " OR %s IS NULL" * 17
    monkeypatch.setattr(message_search, "_FOUND", slow)
    monkeypatch.setattr(message_search, "LIMIT_MS", 50)
    answer = search(carol, q="退款")
    assert (answer.status_code, answer.body["code"]) == (422, "search_too_broad")
