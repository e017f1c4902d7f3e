"""What REST reads and writes."""

import json

import pytest

from helpdesk.models import Customer, Message, Outbox
from helpdesk.services import lifecycle
from tests.helpdesk.api.conftest import caller


@pytest.fixture
def thread(world):
    """A conversation in support with two messages of the customer."""
    received = world.message("怎么退货?", visitor="v-1")
    world.message("在吗", visitor="v-1")
    return received.conversation_id


def test_conversations_come_newest_first_and_by_state(world, carol, thread):
    second = world.message(visitor="v-2").conversation_id
    rows = carol.get("conversations/").body["results"]
    assert [row["id"] for row in rows] == [second, thread]
    assert rows[1]["state"] == "queued"
    assert rows[1]["department"] == {"id": world.support.pk, "name": "客服部"}
    assert rows[1]["last_number"] >= 2
    assert rows[1]["updated_at"]
    assert carol.get("conversations/?state=queued").body["results"] == rows
    assert carol.get("conversations/?state=open&state=waiting").body["results"] == []


def test_names_come_in_the_language_asked_for(carol, thread):
    path = f"conversations/{thread}/"
    english = carol.get(path, **{"Accept-Language": "en"})
    chinese = carol.get(path, **{"Accept-Language": "zh-CN"})
    assert english.body["department"]["name"] == "Support"
    assert chinese.body["department"]["name"] == "客服部"
    assert "Accept-Language" in english["Vary"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("owner={carol}", 1),
        ("owner={dave}", 0),
        ("department={support}", 1),
        ("department={sales}", 0),
        ("owner=999999999", 0),
        ("owner=9223372036854775807", 0),
        ("updated_since=2020-01-01T00:00:00Z", 1),
        ("updated_since=2999-01-01T00:00:00Z", 0),
    ],
)
def test_conversations_are_filtered(world, carol, thread, query, count):
    carol.post(f"conversations/{thread}/messages/", {"direction": "out", "text": "您好"})
    ids = {"carol": world.carol.pk, "dave": world.dave.pk}
    query = query.format(**ids, support=world.support.pk, sales=world.sales.pk)
    assert len(carol.get(f"conversations/?{query}").body["results"]) == count


@pytest.mark.parametrize(
    "query",
    [
        "ordering=owner__user__password",
        "owner__user__password__startswith=a",
        "owner=1e999999",
        "owner=0x1",
        "owner=99999999999999999999999",
        "state=nonsense",
        "updated_since=yesterday",
        "updated_since=9999-12-31T23:59:59-23:59",
        "updated_since=0001-01-01T00:00:00%2B10:00",
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=" + "9" * 5000,
        "limit=001000000",
        "cursor=%00",
        "cursor=bz0tMQ==",
        "cursor=cD1hYmM=",
        "cursor=" + "A" * 5000,
        "format=html",
    ],
)
def test_parameters_are_an_allow_list(carol, thread, query):
    answer = carol.get(f"conversations/?{query}")
    assert answer.status_code == 400
    assert answer.body["errors"][0]["field"]


def test_pages_follow_their_links_without_gap_or_repeat(world, carol):
    made = [world.message(visitor=f"v-{number}").conversation_id for number in range(5)]
    seen, path = [], "conversations/?limit=2"
    while path:
        page = carol.get(path).body
        seen += [row["id"] for row in page["results"]]
        path = page["next"] and page["next"].split("/api/v1/")[1]
        if len(seen) == 2:  # a newcomer does not shift what follows
            world.message(visitor="late")
    assert seen == made[::-1]


def test_messages_come_by_number(carol, thread):
    carol.post(f"conversations/{thread}/messages/", {"direction": "out", "text": "您好"})
    rows = carol.get(f"conversations/{thread}/messages/").body["results"]
    numbers = [row["number"] for row in rows]
    assert numbers == sorted(numbers)
    assert [row["direction"] for row in rows] == ["in", "in", "out"]
    assert rows[2]["author"]["name"] == "Carol"
    assert rows[2]["delivery"] == "queued"
    assert rows[0]["author"] is None
    assert rows[0]["delivery"] is None
    later = carol.get(f"conversations/{thread}/messages/?after={numbers[0]}").body["results"]
    assert later == rows[1:]


def test_a_reply_goes_to_the_outbox(world, carol, thread):
    answer = carol.post(
        f"conversations/{thread}/messages/", {"direction": "out", "text": "<b>您好</b>"}
    )
    assert answer.status_code == 201
    assert answer.body["text"] == "<b>您好</b>"
    with world.transaction():
        message = Message.objects.get(direction="out")
        assert Outbox.objects.get().message == message
    assert world.conversation(thread).owner_id == world.carol.pk


def test_a_note_stays_inside(world, carol, thread):
    answer = carol.post(f"conversations/{thread}/messages/", {"direction": "note", "text": "内部"})
    assert answer.status_code == 201
    with world.transaction():
        assert not Outbox.objects.exists()


def test_a_resolved_conversation_refuses_a_reply_with_its_reason(world, carol, thread):
    world_call = {"direction": "out", "text": "您好"}
    carol.post(f"conversations/{thread}/messages/", world_call)
    with world.transaction():
        lifecycle.resolve(world.access("carol"), thread)
    answer = carol.post(f"conversations/{thread}/messages/", world_call)
    assert answer.status_code == 409
    assert answer.body["code"] == "wrong_state"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"direction": "out"}, "text"),
        ({"direction": "out", "text": ""}, "text"),
        ({"direction": "out", "text": "x" * 20_001}, "text"),
        ({"direction": "in", "text": "x"}, "direction"),
        ({"direction": "out", "text": "a\x00b"}, "text"),
        ({"direction": "out", "text": ["x"]}, "text"),
        ({"direction": "out", "text": "x", "author": 1}, "author"),
        ({"direction": "out", "text": "x", "number": 1}, "number"),
        ([], ""),
        ("text", ""),
        (7, ""),
    ],
)
def test_a_wrong_body_names_the_field(carol, thread, body, field):
    answer = carol.post(f"conversations/{thread}/messages/", body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.body["errors"]] == [field]


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"text": NaN}', b'{"text": "\\ud800"}', b"null"]
)
def test_what_is_not_json_is_refused(carol, thread, body):
    assert carol.post(f"conversations/{thread}/messages/", body).status_code == 400


def test_a_large_body_is_refused(carol, thread):
    answer = carol.post(
        f"conversations/{thread}/messages/", {"direction": "out", "text": "x" * 300_000}
    )
    assert answer.status_code == 413
    assert answer.body["code"] == "too_large"


def test_customers_are_added_and_changed(world):
    bob = caller(world, "bob")
    facts = {"name": "Ada", "email": "ada@example.org", "external_id": "crm-1", "tags": ["vip"]}
    added = bob.post("customers/", facts)
    assert added.status_code == 201
    assert facts.items() <= added.body.items()
    path = f"customers/{added.body['id']}/"
    changed = bob.patch(path, {"company": "Engines"})
    assert changed.status_code == 200
    assert bob.get(path).body["company"] == "Engines"
    assert bob.get("customers/?external_id=crm-1").body["results"][0]["id"] == added.body["id"]


def test_a_crm_id_belongs_to_one_customer(world):
    bob = caller(world, "bob")
    assert bob.post("customers/", {"external_id": "crm-1"}).status_code == 201
    again = bob.post("customers/", {"external_id": "crm-1"})
    assert again.status_code == 400
    assert again.body["errors"][0]["field"] == "external_id"


def test_who_may_not_change_customers_is_refused(world, carol):
    added = caller(world, "bob").post("customers/", {"name": "Ada"}).body
    assert carol.get(f"customers/{added['id']}/").status_code == 200
    assert carol.patch(f"customers/{added['id']}/", {"name": "Eve"}).status_code == 403
    assert carol.post("customers/", {"name": "Eve"}).status_code == 403
    frank = caller(world, "frank")
    assert frank.patch(f"customers/{added['id']}/", {"name": "Eve"}).status_code == 404


@pytest.mark.parametrize(
    "name", [f.name for f in Customer._meta.get_fields()] + ["is_staff", "organization_id", "pk"]
)
def test_no_field_is_assigned_that_is_not_offered(world, name):
    bob = caller(world, "bob")
    added = bob.post("customers/", {"name": "Ada"}).body
    before = {**added}
    answer = bob.patch(f"customers/{added['id']}/", {name: 1})
    after = bob.get(f"customers/{added['id']}/").body
    offered = {"name", "company", "phone", "place", "remark", "external_id", "language"}
    if name in offered:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 400
        assert json.dumps(before) == json.dumps(after)


def test_staff_are_colleagues_without_their_accounts(world, carol):
    rows = carol.get("staff/").body["results"]
    assert len(rows) == len(world.people)
    assert not {"email", "user", "password"} & set(rows[0])
    one = carol.get(f"staff/{world.erin.pk}/")
    assert one.body["department"]["id"] == world.sales.pk
    only_sales = carol.get(f"staff/?department={world.sales.pk}").body["results"]
    assert {row["id"] for row in only_sales} == {world.erin.pk, world.frank.pk}


def test_topics_are_a_tree(world, carol):
    world.topic("退货", world.support)
    assert carol.get("topics/").body["results"][0]["name"] == "退货"


@pytest.mark.parametrize("path", ["conversations/", "staff/", "customers/"])
def test_the_number_of_queries_does_not_grow(world, carol, path, django_assert_max_num_queries):
    carol.get(path)
    for number in range(12):
        world.message(visitor=f"v-{number}")
    with django_assert_max_num_queries(9):
        assert len(carol.get(path).body["results"]) >= 6


def test_the_number_of_queries_for_messages_does_not_grow(
    world, carol, thread, django_assert_max_num_queries
):
    for number in range(12):
        world.message(f"message {number}", visitor="v-1")
    carol.get("staff/")
    with django_assert_max_num_queries(10):
        assert len(carol.get(f"conversations/{thread}/messages/").body["results"]) >= 14
