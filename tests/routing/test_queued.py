"""The head of the queue is what a plain sort of all that waits begins with, whatever is asked for."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.models import Conversation, Customer, Identity, Queue
from helpdesk.tenancy import organization_transaction
from routing import queued
from routing.models import Decision, Offer
from tests.factories import World, make_world

NOW = timezone.now()


@pytest.fixture
def line(world: World) -> list[Conversation]:
    """Sixty conversations of some kinds; some are not judged yet, and some are before somebody."""
    luck = random.Random(11)
    topics = [None, world.topic("保养", world.support), world.topic("发票", world.support)]
    skill = world.skill("耳机", carol=3)
    with world.transaction():
        queue = Queue.objects.get(is_default=True)
        for number in range(60):
            customer = Customer.objects.create(name=f"{number}")
            identity = Identity.objects.create(
                channel=world.channel, customer=customer, external_id=f"q{number}"
            )
            Conversation.objects.create(
                customer=customer,
                identity=identity,
                channel=world.channel,
                department=world.support,
                queue=queue,
                topic=luck.choice(topics),
                wanted_skill=luck.choice([None, None, skill]),
                language=luck.choice(["zh", "en", ""]),
                urgency=luck.choice([20, 40, 80]),
                opened_at=NOW,
                queued_at=NOW - timedelta(seconds=luck.randrange(20)),
                waiting_since=luck.choice([NOW, None]),
                route_at=luck.choice([None, None, None, NOW]),
            )
        every = list(Conversation.objects.order_by("pk"))
        for one in every[::7]:
            decision = Decision.objects.create(
                conversation=one,
                outcome=Decision.Outcome.OFFERED,
                staff=world.people["carol"],
                at=NOW,
                data={},
            )
            Offer.objects.create(
                conversation=one,
                decision=decision,
                staff=world.people["carol"],
                weight=1,
                made_at=NOW,
                due_at=NOW + timedelta(minutes=1),
            )
    return every


def free(line: Sequence[Conversation]) -> list[Conversation]:
    """Return those that may be given."""
    return [one for number, one in enumerate(line) if number % 7 and one.route_at is None]


def queued_at(one: Conversation) -> datetime:
    assert one.queued_at
    return one.queued_at


def urgency(one: Conversation) -> tuple[int, datetime, int]:
    return (-one.urgency, queued_at(one), one.pk)


def age(one: Conversation) -> tuple[datetime, int]:
    return (queued_at(one), one.pk)


def test_every_thing_that_is_asked_for_is_found_longest_waiting_first(
    world: World, line: list[Conversation]
) -> None:
    judged = [one for one in line if one.route_at is None]
    with world.transaction():
        found = queued.keys()
    assert sorted(found) == sorted({one.need_key for one in judged})
    oldest = {key: min(queued_at(one) for one in judged if one.need_key == key) for key in found}
    assert [oldest[key] for key in found] == sorted(oldest.values())


@pytest.mark.parametrize("most", [1, 5, 100])
def test_the_heads_are_those_of_a_plain_sort(
    world: World, line: list[Conversation], most: int
) -> None:
    with world.transaction():
        keys = queued.keys()
        for wanted in (keys, keys[:1], keys[2:5], []):
            asking = [one for one in free(line) if one.need_key in wanted]
            urgent = [one.pk for one in sorted(asking, key=urgency)[:most]]
            oldest = [one.pk for one in sorted(asking, key=age)[:most]]
            assert queued.urgent_first(wanted, most) == urgent
            assert queued.oldest_first(wanted, most) == oldest


def test_a_key_says_what_is_asked_for(world: World, line: list[Conversation]) -> None:
    for one in line:
        assert queued.channel_of(one.need_key) == one.channel_id
        assert queued.kind(one.need_key, {one.channel_id: "webchat"}) == queued.Kind(
            one.department_id,
            one.topic_id,
            one.language,
            one.wanted_skill_id,
            "webchat",
            one.waiting_since is None,
        )


def test_a_key_follows_what_changes(world: World, line: list[Conversation]) -> None:
    one = next(one for one in line if one.topic_id is None and one.waiting_since)
    with world.transaction():
        topic = world.topic("保修", world.support)
        Conversation.objects.filter(pk=one.pk).update(topic=topic, waiting_since=None)
        key = Conversation.objects.values_list("need_key", flat=True).get(pk=one.pk)
    kind = queued.kind(key, {})
    assert (kind.topic_id, kind.is_answered, kind.channel_kind) == (topic.pk, True, "")


def test_another_organization_has_a_queue_of_its_own(
    world: World, line: list[Conversation]
) -> None:
    other = make_world("other")
    with organization_transaction(other.organization.pk):
        assert queued.keys() == []
        assert queued.urgent_first([one.need_key for one in line], 10) == []


def test_the_heads_are_read_from_their_indexes(world: World, line: list[Conversation]) -> None:
    with world.transaction(), connection.cursor() as cursor:
        with CaptureQueriesContext(connection) as asked:
            keys = queued.keys()
            queued.urgent_first(keys, 5)
            queued.oldest_first(keys, 5)
        queries = [query["sql"] for query in asked.captured_queries]
        # So few rows would be gone through one by one.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        names = ("oldest_first", "urgent_first", "oldest_first")
        for query, name in zip(queries, names, strict=True):
            cursor.execute(f"EXPLAIN {query}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert f"conversation_{name}" in plan
            assert "need_key = " in plan or "need_key > " in plan
