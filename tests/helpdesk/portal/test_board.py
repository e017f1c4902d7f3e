"""What the supervisor's board counts."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone, translation

from helpdesk.models import Conversation, EscalationLevel, EscalationPath, Staff
from helpdesk.portal.board import Board, read_board
from helpdesk.services import assignment
from helpdesk.templatetags.portal import time_in_words
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen


def _board(world: World) -> Board:
    with world.transaction():
        return read_board(world.access("bob"))


def test_share_compares_those_who_are_there_with_themselves(world: World) -> None:
    for number, name in enumerate(["carol", "dave"]):
        pk = world.message(visitor=f"v{number}").conversation_id
        assignment.take(world.access(name), pk)
    world.online("carol")
    with world.transaction():
        capacity = Staff.objects.get(pk=world.carol.pk).capacity
    board = _board(world)
    assert (board.in_hand, board.away, board.capacity) == (Decimal(1), Decimal(1), capacity)
    assert board.share == int(100 / capacity)


def test_work_of_absent_colleagues_stands_apart(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    assignment.take(world.access("dave"), pk)
    assert "1 with absent colleagues" in screen("bob").get("/board/").content.decode()
    world.online("dave")
    assert "absent" not in screen("bob").get("/board/").content.decode()


def test_at_risk_is_who_waits_longer_than_the_first_timer(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    with world.transaction():
        since = timezone.now() - timedelta(minutes=7)
        Conversation.objects.filter(pk=pk).update(waiting_since=since)
    assert _board(world).late == 1
    with world.transaction():
        path = EscalationPath.objects.create(name="升级", department=world.support)
        for order, minutes in ((1, 10), (2, 1)):
            EscalationLevel.objects.create(
                path=path,
                order=order,
                name="一线",
                department=world.support,
                timer=timedelta(minutes=minutes),
            )
        other = EscalationPath.objects.create(name="别处", department=world.sales)
        EscalationLevel.objects.create(
            path=other, order=1, name="销售", department=world.sales, timer=timedelta(minutes=2)
        )
    assert _board(world).late == 0
    assert "unanswered for 10 minutes" in screen("bob").get("/board/").content.decode()


def test_the_time_of_a_level_is_told_in_whole_hours() -> None:
    with translation.override("en"):
        for minutes, told in (
            (240, "4 hours"),
            (60, "1 hour"),
            (90, "90 minutes"),
            (0, "1 minute"),
        ):
            assert time_in_words(timedelta(minutes=minutes)) == told
