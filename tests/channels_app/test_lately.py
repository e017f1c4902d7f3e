"""What changes between the reading of a list and the connecting of its socket."""

import asyncio
import time

from channels_app.live import hints
from channels_app.live.hub import hub
from channels_app.live.lately import KEPT_SECONDS, MOST_KEPT, MOST_ROWS, Lately
from helpdesk.portal.rows import ListRequest, list_page
from tests.channels_app.loops import run
from tests.channels_app.sockets import Screen, in_thread, signed_in

NOW = 1_800_000_000.0


def ms(seconds: float) -> int:
    return int(seconds * 1000)


async def listening(world):
    """Wait until the process knows what changes from now on."""
    async with asyncio.timeout(10):
        while hub().lately.changed(world.organization.pk, time.time()) is None:
            await asyncio.sleep(0.01)


async def heard(world, conversation_id, since):
    """Wait until the process has heard of the change."""
    async with asyncio.timeout(10):
        while conversation_id not in (hub().lately.changed(world.organization.pk, since) or ()):
            await asyncio.sleep(0.01)


def test_what_changed_before_the_socket_was_there_reaches_the_list_that_may_show_it(
    world, monkeypatch
):
    monkeypatch.setattr("channels_app.live.lately.CLOCKS_APART_SECONDS", 0.0)
    cookies = {name: signed_in(world, name) for name in ("carol", "erin")}

    async def work():
        await listening(world)
        read = ms(time.time()) + 1
        stored = await in_thread(world.message, "怎么退货?")
        await heard(world, stored.conversation_id, read / 1000)
        carol, erin = (Screen(cookies[name]) for name in ("carol", "erin"))
        for screen in (carol, erin):
            assert await screen.connect()
            await screen.rest()
            screen.seen = ""
            await screen.tell(type="list", conversations=[], read=read)
        seen = await carol.see(f'id="conversation-{stored.conversation_id}"')
        rest = await erin.rest()
        for screen in (carol, erin):
            await screen.leave()
        return seen, rest

    seen, rest = run(work())
    assert "怎么退货?" in seen
    assert "conversation-" not in rest


def test_a_list_read_long_ago_is_fetched_anew_and_only_once(world):
    cookie = signed_in(world, "carol")

    async def work():
        screen = Screen(cookie)
        assert await screen.connect()
        await screen.rest()
        await screen.tell(type="list", conversations=[], read=ms(time.time() - 3600))
        await screen.see('data-refresh="list"')
        await screen.tell(type="list", conversations=[], read=ms(time.time() - 3600))
        rest = await screen.rest()
        await screen.leave()
        return rest

    assert 'data-refresh="' not in run(work())


def test_a_list_carries_when_it_was_read(world):
    before = ms(time.time())
    for view in ("mine", "all"):
        with world.transaction():
            page = list_page(world.access("carol"), ListRequest(view=view))
        assert before <= page.read <= ms(time.time())


def test_only_what_changed_since_then_and_in_the_own_organization_is_told():
    lately = Lately(NOW)
    lately.note((1, 10), NOW + 10)
    lately.note((1, 11), NOW + 20)
    lately.note((2, 12), NOW + 30)
    lately.note((1, 13), NOW + 30)
    assert lately.changed(1, NOW + 20) == [13, 11]
    lately.note((1, 10), NOW + 40)
    assert lately.changed(1, NOW + 35) == [10]
    assert lately.changed(2, NOW + 35) == []


def test_what_is_not_known_in_full_is_said_to_be_unknown():
    lately = Lately(NOW)
    assert lately.changed(1, NOW - 1) is None
    lately.note((1, 10), NOW + 10)
    lately.note((1, 11), NOW + 20 + KEPT_SECONDS)
    assert lately.changed(1, NOW + 5) is None
    assert lately.changed(1, NOW + 30) == [11]


def test_a_flood_of_changes_is_bounded():
    lately = Lately(NOW)
    for number in range(MOST_KEPT + 10):
        lately.note((1, number), NOW + 10)
    assert lately.changed(1, NOW + 11) is None
    for number in range(MOST_ROWS + 1):
        lately.note((2, number), NOW + 20)
    assert lately.changed(2, NOW + 20) is None
    assert lately.changed(1, NOW + 20) == []


def test_lists_are_fetched_anew_once_a_deaf_process_hears_again(world, monkeypatch):
    monkeypatch.setattr("channels_app.live.hub.PULSE_SECONDS", 0.05)
    monkeypatch.setattr("channels_app.live.hub.DEAF_AFTER_SECONDS", 0.5)
    cookie = signed_in(world, "carol")

    async def work():
        screen = Screen(cookie)
        assert await screen.connect()
        await listening(world)
        before = await screen.rest()
        with monkeypatch.context() as deaf:
            deaf.setattr(hints, "publish", lambda hint: None)
            during = await asyncio.sleep(1.0, "") + await screen.rest()
        await screen.see('data-refresh="list"')
        await screen.leave()
        return before + during

    assert 'data-refresh="' not in run(work())
