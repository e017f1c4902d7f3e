import pytest

from channels_app.live import boards
from helpdesk.models import RoleGrant
from helpdesk.services import assignment, grants, presence
from tests.channels_app.loops import run
from tests.channels_app.sockets import Screen, in_thread, signed_in
from tests.factories import World

CHANGED = 'data-refresh="board"'


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "APART_SECONDS", 0.05)


async def board_of(cookie: str) -> Screen:
    screen = Screen(cookie)
    assert await screen.connect()
    await screen.tell(type="board", shown=True)
    await screen.rest()
    return screen


def test_what_moves_in_the_company_is_told_to_the_boards_on_screen(world: World) -> None:
    world.online("carol")
    cookie, carol = signed_in(world, "bob"), world.access("carol")

    async def work() -> None:
        screen = await board_of(cookie)
        stored = await in_thread(world.message, "怎么退货")
        await screen.see(CHANGED)
        await screen.rest()
        await in_thread(assignment.take, carol, stored.conversation_id)
        await screen.see(CHANGED)
        await screen.rest()
        await in_thread(presence.set_status, carol, "busy")
        await screen.see(CHANGED)
        await screen.leave()

    run(work())


def test_only_who_may_see_a_board_is_told(world: World) -> None:
    cookies = {name: signed_in(world, name) for name in ("bob", "carol", "frank")}

    async def work() -> dict[str, str]:
        screens = {name: await board_of(cookie) for name, cookie in cookies.items()}
        await in_thread(world.message, "怎么退货")
        await screens["bob"].see(CHANGED)
        rest = {name: await screens[name].rest() for name in ("carol", "frank")}
        for screen in screens.values():
            rest[""] = rest.get("", "") + screen.seen
            await screen.leave()
        return rest

    rest = run(work())
    assert CHANGED in rest[""]
    assert CHANGED not in rest["carol"] + rest["frank"]


def test_a_lost_right_ends_it(world: World) -> None:
    cookie = signed_in(world, "bob")

    def revoke() -> None:
        with world.transaction():
            RoleGrant.objects.filter(staff=world.bob).delete()
            grants.refresh([world.bob.pk])

    async def work() -> str:
        screen = await board_of(cookie)
        await in_thread(world.message, "怎么退货")
        await screen.see(CHANGED)
        await in_thread(revoke)
        await screen.closing_code()
        back = await board_of(cookie)
        await in_thread(world.message, "another", "second")
        rest = await back.rest()
        await back.leave()
        return rest

    assert CHANGED not in run(work())


def test_a_burst_is_told_once_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = signed_in(world, "bob")

    async def work() -> int:
        screen = await board_of(cookie)
        await in_thread(world.message, "first", "v0")
        await screen.see(CHANGED)
        monkeypatch.setattr(boards, "APART_SECONDS", 3600.0)
        for number in range(1, 4):
            await in_thread(world.message, "more", f"v{number}")
        rest = await screen.rest()
        await screen.leave()
        return rest.count(CHANGED)

    assert run(work()) == 0


def test_other_pages_are_not_told(world: World) -> None:
    cookie = signed_in(world, "bob")

    async def work() -> str:
        screen = Screen(cookie)
        assert await screen.connect()
        await in_thread(world.message, "怎么退货")
        await screen.see("conversation-")
        await screen.rest()
        await screen.leave()
        return screen.seen

    assert CHANGED not in run(work())
