"""One reckoning serves everybody who waits, and says why nobody is there."""

from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.models import Assignment, Conversation, Presence, Staff, Topic, WorkingPeriod
from routing import queueing
from routing.predicting import outlook
from tests.factories import World
from tests.routing.conftest import route


def waiting(world: World, *texts: str) -> list[int]:
    found = [world.message(text, f"w{number}").conversation_id for number, text in enumerate(texts)]
    route(world)
    return found


def place(world: World, conversation_id: int) -> queueing.Place:
    with world.transaction():
        found = queueing.place_of(Conversation.objects.get(pk=conversation_id))
    assert found is not None
    return found


def fill(world: World) -> None:
    """Leave nobody any room."""
    with world.transaction():
        Staff.objects.update(load=Decimal(3), capacity=Decimal(3))


def test_the_reason_is_told_where_nobody_can_answer_at_once(world: World) -> None:
    fill(world)
    (pk,) = waiting(world, "怎么退货")
    assert place(world, pk).reason == "full"
    outlook.forget()
    with world.transaction():
        Presence.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    assert place(world, pk).reason == "away"
    outlook.forget()
    skill = world.skill("耳机", carol=2)
    with world.transaction():
        Topic.objects.filter(name="退货").update(skill=skill, minimum_level=4)
    assert place(world, pk).reason == "skill"
    outlook.forget()
    with world.transaction():
        Staff.objects.update(is_active=False)
    found = place(world, pk)
    assert (found.reason, found.people, found.middle) == ("permission", 0, None)


def test_outside_working_hours_the_next_working_time_is_told(world: World) -> None:
    (pk,) = waiting(world, "怎么退货") if not fill(world) else []
    now = timezone.now()
    with world.transaction():
        Presence.objects.update(lease_until=now - timedelta(minutes=1))
        Staff.objects.update(timezone="UTC")
        later = now + timedelta(hours=3)
        for person in ("carol", "dave", "bob"):
            WorkingPeriod.objects.create(
                staff=world.people[person],
                weekday=later.weekday(),
                starts_at=time(later.hour),
                ends_at=time((later.hour + 1) % 24, 30),
            )
        Staff.objects.exclude(pk__in=[world.people[n].pk for n in ("carol", "dave", "bob")]).update(
            is_active=False
        )
        world.organization.country = ""
        world.organization.save()
    found = place(world, pk)
    assert found.reason == "hours"
    assert found.opens_at == later.replace(minute=0, second=0, microsecond=0)
    with world.transaction():
        assert outlook.outlook().is_closed(world.support.pk)


def test_many_who_wait_cost_one_reckoning_and_a_fixed_number_of_queries(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(world)
    few = waiting(world, *["怎么退货"] * 3)
    with (
        world.transaction(),
        CaptureQueriesContext(
            connection,
        ) as first,
    ):
        for pk in few:
            queueing.place_of(Conversation(pk=pk, queue_id=1))
    outlook.forget()
    many = waiting(world, *[f"怎么退货 {number}" for number in range(40)])
    reckoned: list[Any] = []
    forecast = outlook.forecast
    monkeypatch.setattr(outlook, "forecast", lambda one: reckoned.append(1) or forecast(one))
    with world.transaction(), CaptureQueriesContext(connection) as second:
        places = [queueing.place_of(Conversation(pk=pk, queue_id=1)) for pk in many]
    assert len(reckoned) == 1
    assert len(second) <= len(first)
    assert len(second) < 25
    positions = [found.position for found in places if found]
    assert len(set(positions)) == 40


def test_a_newcomer_is_placed_at_once_without_another_reckoning(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(world)
    first = waiting(world, "怎么退货")[0]
    assert place(world, first).position == 1
    second = world.message("怎么退货", "another").conversation_id
    with world.transaction():
        conversation = Conversation.objects.get(pk=second)
        Conversation.objects.filter(pk=second).update(
            topic=Topic.objects.get(name="退货"), language="zh", route_at=None
        )
    monkeypatch.setattr(outlook, "forecast", lambda one: pytest.fail("reckoned again"))
    assert conversation.queue_id
    assert place(world, second).position == 2


def test_what_is_known_is_reckoned_anew_after_fifteen_seconds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(world)
    (pk,) = waiting(world, "怎么退货")
    assert place(world, pk).people > 0
    with world.transaction():
        Presence.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    assert place(world, pk).people > 0
    now = outlook.time.monotonic()
    monkeypatch.setattr(outlook.time, "monotonic", lambda: now + 15.1)
    assert place(world, pk).people == 0


def test_recent_holds_say_how_long_it_takes(world: World) -> None:
    fill(world)
    (pk,) = waiting(world, "怎么退货")
    short = place(world, pk)
    assert short.middle is not None
    with world.transaction():
        conversation, now = Conversation.objects.get(pk=pk), timezone.now()
        for number in range(1, 40):
            end = now - timedelta(hours=number)
            Assignment.objects.create(
                conversation=conversation,
                staff=world.carol,
                mode="taken",
                starts_at=end - timedelta(hours=1),
                ended_at=end,
                ending="resolved",
            )
        for person in ("carol", "dave"):
            for _place in range(3):
                taken = Conversation.objects.create(
                    customer=conversation.customer,
                    identity=conversation.identity,
                    channel=conversation.channel,
                    thread_key=f"{person} {_place}",
                    department=world.support,
                    owner=world.people[person],
                    state="open",
                    opened_at=now,
                )
                Assignment.objects.create(
                    conversation=taken, staff=world.people[person], mode="taken", starts_at=now
                )
    outlook.forget()
    found = place(world, pk)
    assert found.middle is not None
    assert found.middle >= timedelta(minutes=30)
    assert found.late is not None
    assert found.late >= found.middle


def test_a_line_that_has_grown_is_reckoned_again_sooner(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(world)
    (first,) = waiting(world, "怎么退货")
    assert place(world, first).position == 1
    more = [world.message("怎么退货", f"m{number}").conversation_id for number in range(3)]
    with world.transaction():
        topic = Topic.objects.get(name="退货")
        Conversation.objects.filter(pk__in=more).update(topic=topic, language="zh", route_at=None)
    reckoned: list[int] = []
    forecast = outlook.forecast
    monkeypatch.setattr(outlook, "forecast", lambda one: reckoned.append(1) or forecast(one))
    assert place(world, more[-1]).position == 4
    assert reckoned == []
    now = outlook.time.monotonic()
    monkeypatch.setattr(outlook.time, "monotonic", lambda: now + 5.1)
    assert place(world, more[-1]).position == 4
    assert reckoned == [1]
