"""What a screen costs in queries, whatever it shows."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.models import EscalationLevel, EscalationPath
from helpdesk.services import (
    assignment,
    escalation,
    files,
    lifecycle,
    ratings,
    replying,
)
from routing import engine
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen

MOST = 20


def _queries(screen, path: str) -> list[str]:
    screen.get(path)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert screen.get(path).status_code == 200
    return [one["sql"] for one in captured if one["sql"] not in {"BEGIN", "COMMIT"}]


def _busy(world: World) -> int:
    first = 0
    for number in range(8):
        pk = world.message(visitor=f"v{number}").conversation_id
        first = first or pk
    carol = world.access("carol")
    assignment.take(carol, first)
    for number in range(5):
        replying.reply(carol, first, text=f"answer {number}")
        replying.note(carol, first, text=f"note {number}")
    return first


def _rated(world: World, number: int) -> None:
    """Have the customer's case answered, rated and closed."""
    carol, pk = world.access("carol"), world.message(f"question {number}").conversation_id
    assignment.take(carol, pk)
    lifecycle.resolve(carol, pk)
    ratings.rate(pk, score=5)
    lifecycle.close_due(timezone.now() + timedelta(days=9))


def _rich(world: World) -> int:
    """Return a conversation that the engine gave to carol, with everything that can happen to one."""
    for number in range(3):
        _rated(world, number)
    topic = world.topic("退货", world.support, keywords=["退货"])
    skill = world.skill("售后", carol=4)
    with world.transaction():
        topic.skill = skill
        topic.save()
        path = EscalationPath.objects.create(name="升级", department=world.support)
        for order in (1, 2):
            EscalationLevel.objects.create(
                path=path,
                order=order,
                name="一线",
                department=world.sales,
                timer=timedelta(hours=1),
            )
    world.online("carol")
    pk = world.message("怎么退货?").conversation_id
    engine.route(world.organization.pk)
    carol = world.access("carol")
    for number in range(6):
        with world.transaction():
            kept = files.store(b"%d" % number, "list.txt", staff_id=carol.staff_id)
        replying.reply(carol, pk, text=f"answer {number}", attachment_ids=[str(kept.public_id)])
        world.message(f"and {number}?")
    replying.note(carol, pk, text="@Erin @Frank", mention_ids=[world.erin.pk, world.frank.pk])
    escalation.escalate(carol, pk, reason="stuck")
    lifecycle.set_topic(carol, pk, world.topic("物流", world.support).pk)
    lifecycle.set_priority(carol, pk, "high")
    return pk


@pytest.mark.parametrize("name", ["carol", "frank", "bob"])
def test_a_conversation_with_everything_asks_little(
    world: World, screen: Screen, name: str
) -> None:
    """carol owns it, frank was called in, bob supervises."""
    pk = _rich(world)
    assert world.conversation(pk).owner_id == world.carol.pk
    page = screen(name).get(f"/conversations/{pk}/").content.decode()
    for shown in ('id="guests"', "list.txt", "Escalated to level 1", 'id="why">'):
        assert shown in page, shown
    # Somebody who was called in sees this conversation only.
    assert ('class="hist' in page) == (name != "frank")
    asked = _queries(screen(name), f"/conversations/{pk}/")
    assert len(asked) <= MOST, "\n".join(asked)


def test_workspace_asks_little(world: World, screen: Screen) -> None:
    _busy(world)
    asked = _queries(screen("carol"), "/")
    assert len(asked) <= MOST, "\n".join(asked)


def test_conversation_asks_little(world: World, screen: Screen) -> None:
    pk = _busy(world)
    asked = _queries(screen("carol"), f"/conversations/{pk}/")
    assert len(asked) <= MOST, "\n".join(asked)


def test_list_asks_the_same_however_long_it_is(world: World, screen: Screen) -> None:
    carol = screen("carol")
    world.message(visitor="v1")
    few = len(_queries(carol, "/?view=all"))
    for number in range(12):
        world.message(visitor=f"w{number}")
    assert len(_queries(carol, "/?view=all")) == few


def test_board_asks_little(world: World, screen: Screen) -> None:
    _busy(world)
    asked = _queries(screen("bob"), "/board/parts/")
    assert len(asked) <= MOST, "\n".join(asked)
