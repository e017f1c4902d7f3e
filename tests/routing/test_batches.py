"""Many conversations placed in one transaction: each as if it had been alone."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.models import Assignment, AuditEntry, Conversation, Entry, Message, Staff
from helpdesk.registries import invariant_checks
from routing import engine, judging, recording
from routing.models import Decision
from routing.urgency import Urgency, judge_urgency
from tests.factories import World
from tests.routing.conftest import decisions, route


def room(world: World, **people: int) -> None:
    with world.transaction():
        for name, slots in people.items():
            Staff.objects.filter(pk=world.people[name].pk).update(capacity=Decimal(slots))


def waiting(world: World, count: int, text: str = "怎么退货") -> list[int]:
    """Have conversations wait that are already judged."""
    room(world, carol=0, dave=0)
    found = [world.message(text, f"v{text}{number}").conversation_id for number in range(count)]
    while route(world).judged:
        pass
    return found


def violations(world: World) -> list[str]:
    with world.transaction():
        return [line for _name, check in invariant_checks.items() for line in check.violations()]


def lose_room_before_the_commit(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave somebody no room between looking and committing."""
    before = engine.people

    def then_gone(*args: object, **facts: object) -> object:
        found = before(*args, **facts)  # type: ignore[arg-type]  # passed through
        Staff.objects.filter(pk=world.people[name].pk).update(capacity=0)
        return found

    monkeypatch.setattr(engine, "people", then_gone)


def test_each_of_many_has_its_own_reasons(world: World) -> None:
    waiting(world, 6)
    room(world, carol=5, dave=5)
    assert route(world).placed == 6
    with world.transaction():
        kept = list(Decision.objects.filter(outcome="assigned").order_by("id"))
        told = dict(Entry.objects.filter(kind="assigned").values_list("conversation_id", "data"))
        owners = dict(Conversation.objects.values_list("pk", "owner_id"))
        assert AuditEntry.objects.filter(action="conversation.assigned").count() == 6
    assert len(kept) == len({one.conversation_id for one in kept}) == 6
    for one in kept:
        ranked = recording.read(one).ranked
        [best] = [each for each in ranked if each.person.id == one.staff_id]
        assert [part.name for part in best.parts] == [name for name, _most in one.data["weights"]]
        assert told[one.conversation_id]["decision"] == one.pk
        assert told[one.conversation_id]["score"] == float(one.score) == best.total
        assert one.staff_id == best.person.id == owners[one.conversation_id]
        by_id = {each.person.id: each for each in recording.replay(one)}
        assert by_id == {each.person.id: each for each in ranked}
    assert violations(world) == []


def test_each_decision_counts_what_those_before_it_took(world: World) -> None:
    waiting(world, 3)
    room(world, carol=3)
    route(world)
    with world.transaction():
        kept = list(Decision.objects.filter(outcome="assigned").order_by("id"))
    assert [recording.read(one).ranked[0].person.load for one in kept] == [0, 1, 2]


def test_many_take_as_many_statements_as_one(world: World) -> None:
    def statements(count: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert route(world).placed == count
        return len(captured)

    waiting(world, 1)
    room(world, carol=1)
    route(world)  # what is kept in the process is read
    waiting(world, 1, "退货")
    room(world, carol=2)
    one = statements(1)
    waiting(world, 12, "要退款")
    room(world, carol=20, dave=20)
    assert statements(12) <= one


def test_after_a_refusal_the_more_urgent_comes_first_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, urgent = waiting(world, 1)[0], waiting(world, 1, "退货！！！充电器冒烟了")[0]
    room(world, carol=9, dave=1)
    lose_room_before_the_commit(world, "carol", monkeypatch)
    assert route(world).placed == 1
    assert world.conversation(urgent).owner == world.dave
    assert world.conversation(calm).state == "queued"
    # The decision that could not be carried out is not kept.
    assert [one.staff_id for one in decisions(world, urgent) if one.staff_id] == [world.dave.pk]
    assert violations(world) == []


def test_one_that_cannot_be_written_keeps_back_nobody(world: World) -> None:
    broken, *sound = waiting(world, 4)
    room(world, carol=9)
    with world.transaction():
        # A running assignment of a conversation that waits: the constraint refuses a second one.
        Assignment.objects.create(
            conversation_id=broken, staff=world.bob, mode="manual", starts_at=timezone.now()
        )
    assert route(world).placed == 3
    assert world.conversation(broken).state == "queued"
    assert {world.conversation(pk).owner for pk in sound} == {world.carol}


def test_what_others_are_at_is_left_to_them(world: World) -> None:
    held, free = waiting(world, 2)
    room(world, carol=9)

    def elsewhere() -> int:
        try:
            return route(world).placed
        finally:
            connection.close()

    with world.transaction(), ThreadPoolExecutor(1) as pool:
        Conversation.objects.select_for_update().get(pk=held)
        assert pool.submit(elsewhere).result(timeout=30) == 1
    assert world.conversation(held).state == "queued"
    assert world.conversation(free).owner == world.carol
    assert route(world).placed == 1


def test_many_are_judged_each_by_its_own_words(world: World) -> None:
    room(world, carol=0, dave=0, erin=0)
    returned = world.message("怎么退货", "v1").conversation_id
    sold = world.message("Does the H2 hub support Matter?", "v2").conversation_id
    unknown = world.message("你好", "v3").conversation_id
    burning = world.message("退货！！！充电器冒烟了", "v4").conversation_id
    assert route(world).judged == 4
    found = {pk: world.conversation(pk) for pk in (returned, sold, unknown, burning)}
    assert [found[pk].language for pk in found] == ["zh", "en", "zh", "zh"]
    assert [found[pk].department for pk in found] == [
        world.support,
        world.sales,
        world.support,
        world.support,
    ]
    assert found[sold].queue != found[returned].queue
    assert found[unknown].topic_id is None
    assert found[returned].topic_id == found[burning].topic_id != found[sold].topic_id
    assert found[burning].urgency > found[returned].urgency
    with world.transaction():
        judged = dict(Message.objects.values_list("conversation_id", "topic_id"))
        assert judged == {pk: one.topic_id for pk, one in found.items()}
    assert violations(world) == []


def test_one_that_cannot_be_judged_keeps_back_nobody_and_is_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(text: str, **facts: object) -> Urgency:
        if "unreadable" in text:
            raise ZeroDivisionError
        return judge_urgency(text, **facts)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(judging, "judge_urgency", failing)
    room(world, carol=9)
    broken = world.message("unreadable", "v1").conversation_id
    sound = world.message("怎么退货", "v2").conversation_id
    assert (route(world).judged, route(world).judged) == (1, 0)
    assert world.conversation(sound).topic_id is not None
    assert world.conversation(sound).owner is not None
    assert world.conversation(broken).topic_id is None
    assert world.conversation(broken).owner is not None
