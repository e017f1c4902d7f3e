"""Sockets of a real web process: how they close, and what a missing database does to them."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from channels_app.live import groups
from helpdesk.models import Message
from helpdesk.services import assignment
from tests.channels_app.loops import run
from tests.channels_app.sockets import in_thread, signed_in
from tests.web_process import Line, WebProcess, database_away, web_process

TOO_LARGE_BYTES = 64 * 1024 + 1
FLOOD = 300


@pytest.fixture(scope="module")
def web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    with web_process(tmp_path_factory.mktemp("web")) as started:
        yield started


async def arrive(web: WebProcess, public_id: str) -> Line:
    line = await web.visitor(public_id)
    await line.tell(type="hello")
    await line.hear('"welcome"')
    return line


async def say(line: Line, text: str, reference: str = "") -> dict[str, Any]:
    await line.tell(type="message", client_ref=reference or str(uuid.uuid4()), text=text)
    return dict(json.loads(await line.hear('"stored"', '"error"')))


async def watch(web: WebProcess, cookie: str) -> Line:
    """Open a screen and wait until it is known."""
    line = await web.staff(cookie)
    await line.tell(type="open", conversation=10**9, after=0)
    await line.hear('id="thread"')
    return line


def flood(line: Line) -> Any:
    return asyncio.gather(*(line.tell(type="ping") for _ in range(FLOOD)), return_exceptions=True)


def test_each_misdeed_closes_its_own_socket_and_no_other(world, public_id, web):
    carol, bob = signed_in(world, "carol"), signed_in(world, "bob")

    async def work():
        screen, tab = await watch(web, bob), await arrive(web, public_id)
        codes = {}
        for name, misdeed in (
            ("large", lambda line: line.socket.send("x" * TOO_LARGE_BYTES)),
            ("flood", flood),
        ):
            for door, line in (
                ("staff", await watch(web, carol)),
                ("visitor", await arrive(web, public_id)),
            ):
                await misdeed(line)
                codes[name, door] = await line.closing_code()
        await say(tab, "still served")
        await screen.hear("still served")
        await screen.leave()
        await tab.leave()
        return codes

    assert run(work()) == {
        ("large", "staff"): groups.TOO_LARGE,
        ("large", "visitor"): groups.TOO_LARGE,
        ("flood", "staff"): groups.TOO_FAST,
        ("flood", "visitor"): groups.TOO_FAST,
    }


def test_pages_of_others_get_no_socket(world, public_id, web):
    cookie = signed_in(world, "carol")

    async def work():
        for opening in (
            web.staff(cookie, origin="https://evil.example"),
            web.visitor(public_id, origin="https://evil.example"),
        ):
            with pytest.raises(InvalidStatus) as refused:
                await opening
            assert refused.value.response.status_code == 403
        await (await watch(web, cookie)).leave()

    run(work())


def test_without_a_session_the_socket_closes_for_good(world, web):
    async def work():
        return [await (await web.staff(cookie)).closing_code() for cookie in ("", "x" * 32)]

    assert run(work()) == [groups.SIGNED_OUT] * 2


def test_without_the_database_nothing_is_said_to_be_stored_and_it_can_be_said_again(
    world, public_id, web
):
    cookie = signed_in(world, "carol")
    reference = str(uuid.uuid4())

    async def work():
        screen, tab = await watch(web, cookie), await arrive(web, public_id)
        away = database_away()
        await in_thread(away.__enter__)
        try:
            refused = await say(tab, "kept", reference)
            newcomer = await web.visitor(public_id)
            newcomer_code = await newcomer.closing_code()
            late = await web.staff(cookie)
            late_code = await late.closing_code()
        finally:
            await in_thread(away.__exit__, None, None, None)
        stored = await say(tab, "kept", reference)
        again = await say(tab, "kept", reference)
        await screen.hear("kept")
        await screen.leave()
        await tab.leave()
        return refused, newcomer.heard, newcomer_code, late_code, stored, again

    refused, told, newcomer_code, late_code, stored, again = run(work())
    assert (refused["type"], refused["code"]) == ("error", "unavailable")
    assert refused["client_ref"] == reference
    assert refused["retry_after"] > 0
    assert '"unavailable"' in "".join(told)
    assert [newcomer_code, late_code] == [groups.COME_BACK] * 2
    assert (stored["type"], stored["number"]) == ("stored", again["number"])
    with world.transaction():
        assert Message.objects.filter(text="kept").count() == 1


def test_a_screen_that_lacks_more_than_a_frame_may_bring_gets_it(world, web):
    stored = world.message("the first of many")
    for number in range(60):
        world.message(f"{number} " + "好" * 900)
    cookie = signed_in(world, "carol")

    async def work():
        line = await web.staff(cookie)
        await line.tell(type="open", conversation=stored.conversation_id, after=0)
        caught_up = await line.hear('id="message-1"')
        await line.leave()
        return caught_up

    caught_up = run(work())
    assert len(caught_up.encode()) > TOO_LARGE_BYTES
    assert 'id="message-61"' in caught_up


def test_a_restart_sends_everybody_away_with_the_code_that_brings_them_back(world, public_id, web):
    carol = world.access("carol")
    cookie = signed_in(world, "carol")

    async def work():
        screen, tab = await watch(web, cookie), await arrive(web, public_id)
        stored = await say(tab, "before")
        await in_thread(assignment.take, carol, stored["conversation"])
        web.ask_to_stop()
        codes = await screen.closing_code(), await tab.closing_code()
        await in_thread(web.stop)
        await in_thread(web.start)
        back = await watch(web, cookie)
        await back.leave()
        return codes

    assert run(work()) == (groups.RESTARTING, groups.VISITOR_RESTARTING)
