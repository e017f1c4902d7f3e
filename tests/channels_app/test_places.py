"""What waiting visitors are told of their place: now and then anew, never back and forth."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels_app.live import hub as hubs
from channels_app.live import visitor_delivery
from channels_app.services import showing, waiting
from helpdesk.models import Presence, Staff
from routing import queueing
from routing.predicting import outlook
from tests.channels_app.loops import run
from tests.channels_app.sockets import Tab, in_thread
from tests.factories import World


def told(position: int, low: int | None = None, high: int | None = None) -> dict[str, Any]:
    wait = {"low": low, "high": high} if low else {}
    return {"position": position, **wait}


@pytest.mark.parametrize(
    ("before", "now", "shown"),
    [
        (None, told(3, 5, 9), told(3, 5, 9)),
        (told(3, 5, 9), told(3, 6, 8), told(3, 5, 9)),
        (told(3, 20, 40), told(3, 24, 47), told(3, 20, 40)),
        (told(3, 5, 9), told(3, 8, 14), told(3, 8, 14)),
        (told(3, 5, 9), told(2, 4, 8), told(2, 4, 8)),
        (told(3, 5, 9), told(3), told(3)),
        (told(3), told(3, 5, 9), told(3, 5, 9)),
        (told(3, 5, 9), None, None),
    ],
)
def test_a_wait_holds_until_it_has_really_changed(before: Any, now: Any, shown: Any) -> None:
    assert waiting.steady(before, now) == shown


def test_a_visitor_who_waits_is_told_again_while_nothing_happens_in_the_queue(
    world: World, public_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "REMIND_SECONDS", 0.2)
    # That the queue moved when the visitor came is told much later.
    monkeypatch.setattr(visitor_delivery, "PLACES_SECONDS", 60.0)
    monkeypatch.setattr(outlook, "KEPT_SECONDS", 0.1)
    world.online("carol")

    async def visit() -> None:
        tab = Tab(public_id)
        await tab.arrive()
        await tab.say("hello")
        status = await tab.hear("status", state="queued")
        assert status["queue"]["position"] == 1
        assert status["queue"]["low"] >= 1
        await in_thread(leave)
        status = await tab.hear("status", away=True)
        assert "low" not in status["queue"]
        await tab.leave()

    def leave() -> None:
        with world.transaction():
            Presence.objects.update(lease_until=timezone.now() - timedelta(minutes=1))

    run(visit())


def test_when_work_begins_again_is_told(
    world: World, public_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = timezone.now() + timedelta(hours=9)
    monkeypatch.setattr(
        waiting, "place_of", lambda each: queueing.Place(1, 0, reason="hours", opens_at=opens)
    )

    async def visit() -> None:
        tab = Tab(public_id)
        await tab.arrive()
        await tab.say("hello")
        status = await tab.hear("status", state="queued")
        assert status["away"]
        assert status["queue"]["opens"] == opens.isoformat()
        await tab.leave()

    run(visit())


def test_telling_many_visitors_costs_as_many_queries_as_telling_one(world: World) -> None:
    with world.transaction():
        Staff.objects.update(load=3, capacity=3)
    world.online("carol")
    ids = [world.message("hello", f"v{number}").conversation_id for number in range(30)]
    costs = []
    # The first time reads what people may do, too.
    for chosen in (ids[:1], ids[:1], ids):
        outlook.forget()
        asked = [showing.Asked(pk, "x", {"zh", "en"}, wants_status=True) for pk in chosen]
        with CaptureQueriesContext(connection) as queries:
            found = showing.look(world.organization.pk, asked)
        assert {shown.status["zh"]["queue"]["position"] for shown in found.values()} == set(
            range(1, len(chosen) + 1)
        )
        costs.append(len(queries))
    assert costs[1] == costs[2]
    with CaptureQueriesContext(connection) as queries:
        showing.look(world.organization.pk, asked)
    assert len(queries) <= 6
