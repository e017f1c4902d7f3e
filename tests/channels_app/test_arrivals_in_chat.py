"""What a visitor is told of colleagues who come: live, and again after a reload."""

from datetime import timedelta

import time_machine
from django.utils import timezone

from channels_app.services.transcript import person
from helpdesk.services import assignment, replying
from helpdesk.services.assignment import UNDO_FOR, Target
from tests.channels_app.loops import run
from tests.channels_app.sockets import Tab, deliver, in_thread


def arrivals(frames):
    """Return the names of those whose arrival the frames tell."""
    entries = [frame["entry"] for frame in frames if frame["type"] == "entry"]
    return [each["author"]["name"] for each in entries if each["kind"] == "assigned"]


async def told_after_reload(tab, public_id):
    back = Tab(public_id)
    back.token = tab.token
    welcome = await back.arrive()
    await back.leave()
    return arrivals([{"type": "entry", "entry": each} for each in welcome["entries"]])


def handed_over(world, public_id, *, undo):
    """Have Carol take a visitor's conversation, hand it to Dave, and one of them answer."""
    carol, dave = world.access("carol"), world.access("dave")

    async def visit():
        tab = Tab(public_id)
        await tab.arrive()
        number = (await tab.say("怎么退货?"))["conversation"]
        await in_thread(assignment.take, carol, number)
        made = await in_thread(assignment.transfer, carol, number, Target(staff_id=dave.staff_id))
        if undo:
            await in_thread(assignment.undo_transfer, carol, made.pk)
        await in_thread(replying.reply, carol if undo else dave, number, text="七天内都可以")
        await deliver()
        answer = await tab.hear_message("七天内都可以")
        again = await told_after_reload(tab, public_id)
        await tab.leave()
        return answer, arrivals(tab.heard), again

    return run(visit())


def test_a_handover_that_was_undone_is_never_told(world, public_id):
    answer, live, again = handed_over(world, public_id, undo=True)
    carol = world.people["carol"]
    assert live == again == [carol.name]
    assert answer["author"]["name"] == carol.name


def test_whom_a_handover_brought_is_told_by_their_answer(world, public_id):
    answer, live, again = handed_over(world, public_id, undo=False)
    dave = world.people["dave"]
    assert live == again == [world.people["carol"].name]
    assert answer["author"]["name"] == dave.name
    # The same person in another language, and no row's id.
    with world.transaction():
        assert answer["author"]["id"] == person(dave, "en")["id"] != dave.pk


def test_who_comes_when_an_undo_is_over_is_told_at_once(world, public_id):
    carol, dave = world.access("carol"), world.access("dave")

    async def visit():
        tab = Tab(public_id)
        await tab.arrive()
        number = (await tab.say("怎么退货?"))["conversation"]
        to = Target(department_id=world.people["dave"].department_id)
        await in_thread(assignment.transfer, carol, number, to)
        later = timezone.now() + UNDO_FOR + timedelta(seconds=1)
        await in_thread(time_machine.travel(later, tick=False)(assignment.take), dave, number)
        while not arrivals(tab.heard):
            await tab.hear("entry")
        again = await told_after_reload(tab, public_id)
        await tab.leave()
        return arrivals(tab.heard), again

    live, again = run(visit())
    assert live == again == [world.people["dave"].name]
