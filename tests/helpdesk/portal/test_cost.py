"""What a screen costs in queries, whatever it shows."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.services import assignment, replying
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
