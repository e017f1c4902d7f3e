"""What one batch of hints brings: one message to each screen, and nothing to who may not see it."""

import asyncio
import threading

from channels_app.live import hub as hubs
from channels_app.live import staff_delivery, staff_look, staff_view
from channels_app.live.staff_look import Question, Watched
from helpdesk.services import assignment
from tests.channels_app.loops import run
from tests.channels_app.sockets import Screen, in_thread, signed_in


def test_what_one_message_changes_comes_in_one_push(world):
    stored = world.message("one")
    assignment.take(world.access("carol"), stored.conversation_id)
    cookie = signed_in(world, "carol")

    async def work():
        screen = Screen(cookie)
        assert await screen.connect()
        await screen.open(stored.conversation_id, after=0)
        await screen.see("one")
        await screen.rest()
        await in_thread(world.message, "two")
        push = await screen.see("two")
        rest = await screen.rest()
        await screen.leave()
        return push, rest

    push, rest = run(work())
    assert f'id="conversation-{stored.conversation_id}"' in push
    assert 'id="message-3"' in push
    assert rest == ""


def test_a_screen_that_fails_keeps_nobody_else_from_theirs(world, caplog):
    cookies = {name: signed_in(world, name) for name in ("bob", "carol", "dave")}
    caplog.set_level("INFO")

    async def work():
        screens = {name: Screen(cookie) for name, cookie in cookies.items()}
        for screen in screens.values():
            assert await screen.connect()
        await in_thread(world.message, "before")
        for screen in screens.values():
            await screen.see("before")
        for socket in hubs.hub().staff[world.organization.pk][world.carol.pk]:
            socket.base_send = fail
        await in_thread(world.message, "after", visitor="visitor-2")
        for name in ("bob", "dave"):
            await screens[name].see("after")
            await screens[name].leave()

    run(work())
    assert "not delivered" not in caplog.text


def test_a_thread_that_is_just_being_opened_gets_no_later_entry_before_the_earlier(
    world, monkeypatch
):
    stored = world.message("one")
    for text in ("two", "three"):
        world.message(text)
    cookies = signed_in(world, "carol"), signed_in(world, "bob")
    looked, missed = Gate(staff_look.look), Gate(staff_view.missing)

    async def work():
        first, second = (Screen(cookie) for cookie in cookies)
        assert await first.connect()
        assert await second.connect()
        await first.open(stored.conversation_id, after=3)
        await first.rest()
        monkeypatch.setattr(staff_delivery, "look", looked)
        monkeypatch.setattr(staff_view, "missing", missed)
        await in_thread(world.message, "four")
        await asyncio.to_thread(looked.reached.wait, 10)
        await second.open(stored.conversation_id, after=1)
        await asyncio.to_thread(missed.reached.wait, 10)
        looked.opened.set()
        early = await second.rest()
        missed.opened.set()
        caught_up = await second.see("two")
        for screen in (first, second):
            await screen.leave()
        return early, caught_up

    early, caught_up = run(work())
    assert 'id="message-4"' not in early
    assert 'id="message-4"' in caught_up


class Gate:
    """A question to the database that waits until it may go on."""

    def __init__(self, ask):
        self.ask, self.__name__ = ask, ask.__name__
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, *arguments):
        self.reached.set()
        assert self.opened.wait(10)
        return self.ask(*arguments)


async def fail(message):
    raise ConnectionError


def test_who_looks_and_types_is_told_to_those_who_may_see_the_conversation(world):
    stored = world.message("ours")
    staff = {world.carol.pk, world.erin.pk}
    asked = Watched(stored.conversation_id, staff, frozenset({0}), {"zh-hans"})
    answer = staff_look.look(world.organization.pk, Question(watched=[asked]))
    assert set(answer.watched[stored.conversation_id]["zh-hans"]) == {world.carol.pk}
