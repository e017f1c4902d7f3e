import pytest
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory

from channels_app.live import groups
from channels_app.live.hints import Hint
from channels_app.live.hub import hub
from helpdesk.models import Conversation, Presence, RoleGrant, Staff
from helpdesk.services import assignment, customers, grants, lifecycle, mentions, replying
from tests.channels_app.loops import run
from tests.channels_app.sockets import Screen, Tab, deliver, in_thread, signed_in


def test_a_new_message_reaches_the_screens_that_may_see_it_and_no_other(world):
    cookies = {name: signed_in(world, name) for name in ("carol", "bob", "erin")}

    async def work():
        screens = {name: Screen(cookie) for name, cookie in cookies.items()}
        for screen in screens.values():
            assert await screen.connect()
        stored = await in_thread(world.message, "怎么退货?")
        for name in ("carol", "bob"):
            assert "怎么退货?" in await screens[name].see(
                f'id="conversation-{stored.conversation_id}"'
            )
        rest = await screens["erin"].rest()
        for screen in screens.values():
            await screen.leave()
        return rest

    assert "conversation-" not in run(work())


def test_an_open_thread_gets_what_follows_its_last_number(world):
    stored = world.message("one")
    world.message("two")
    world.message("three")
    cookie = signed_in(world, "carol")

    async def work():
        screen = Screen(cookie)
        assert await screen.connect()
        await screen.open(stored.conversation_id, after=1)
        caught_up = await screen.see('id="message-3"')
        await in_thread(world.message, "four")
        fresh = await screen.see('id="message-4"')
        await screen.leave()
        return caught_up, fresh

    caught_up, fresh = run(work())
    assert 'id="message-1"' not in caught_up
    assert "two" in caught_up
    assert "four" in fresh


def test_what_stands_beside_a_thread_is_asked_for_anew_when_it_changed(world):
    stored = world.message("one")
    bob, carol = world.access("bob"), world.access("carol")
    cookie = signed_in(world, "carol")

    async def work():
        screen = Screen(cookie)
        assert await screen.connect()
        await screen.open(stored.conversation_id, after=1)
        await screen.rest()
        await in_thread(lifecycle.set_priority, carol, stored.conversation_id, "high")
        await screen.see('data-refresh="context"')
        await screen.rest()
        await in_thread(lambda: customers.edit_customer(bob, customer_id, name="李雷"))
        await screen.see('data-refresh="context"')
        await screen.leave()

    with world.transaction():
        customer_id = Conversation.objects.get(pk=stored.conversation_id).customer_id
    run(work())


def test_a_thread_of_others_reads_like_one_that_does_not_exist(world, other_world):
    mine = world.message("ours")
    with other_world.transaction():
        pass
    theirs = other_world.message("theirs")
    cookie = signed_in(world, "erin")

    async def look(conversation_id):
        screen = Screen(cookie)
        assert await screen.connect()
        await screen.open(conversation_id)
        seen = await screen.see('id="thread"')
        await screen.leave()
        return seen.replace(f'"{conversation_id}"', "N").replace(f"-{conversation_id}", "-N")

    answers = [run(look(each)) for each in (mine.conversation_id, theirs.conversation_id, 10**9)]
    assert answers[0] == answers[1] == answers[2]
    assert "ours" not in answers[0]


def test_a_role_taken_away_takes_the_conversation_off_the_screen(world):
    stored = world.message("secret of support")
    cookie = signed_in(world, "carol")

    async def work():
        screen = Screen(cookie)
        assert await screen.connect()
        await screen.open(stored.conversation_id)
        await screen.see("secret of support")
        await in_thread(revoke)
        code = await screen.closing_code()
        assert 'id="thread"' in screen.seen
        back = Screen(cookie)
        assert await back.connect()
        await back.open(stored.conversation_id)
        seen = await back.see('id="thread"')
        await in_thread(world.message, "another secret")
        rest = await back.rest()
        await back.leave()
        return code, seen, rest

    def revoke():
        with world.transaction():
            RoleGrant.objects.filter(staff=world.carol).delete()
            grants.refresh([world.carol.pk])

    code, seen, rest = run(work())
    assert code == groups.COME_BACK
    assert "secret" not in seen + rest


def test_a_call_into_a_conversation_ends_on_the_screen_too(world):
    stored = world.message("for the expert")
    carol = world.access("carol")
    assignment.take(carol, stored.conversation_id)
    cookie = signed_in(world, "erin")

    async def work():
        screen = Screen(cookie)
        assert await screen.connect()
        await in_thread(
            replying.note, carol, stored.conversation_id, text="@Erin", mention_ids=[world.erin.pk]
        )
        await screen.see(f'id="conversation-{stored.conversation_id}"')
        await screen.open(stored.conversation_id)
        await screen.see("for the expert")
        await in_thread(lifecycle.resolve, carol, stored.conversation_id)
        gone = await screen.see('id="thread"')
        await screen.leave()
        return gone

    assert "for the expert" not in run(work())
    assert mentions.ACCESS_FOR


def test_typing_is_seen_on_both_sides(world):
    carol = world.access("carol")
    cookie = signed_in(world, "carol")

    async def work():
        tab = Tab(world.channel.public_id)
        await tab.arrive()
        stored = await tab.say("hello")
        await in_thread(assignment.take, carol, stored["conversation"])
        screen = Screen(cookie)
        assert await screen.connect()
        await screen.open(stored["conversation"])
        await screen.see("hello")
        await tab.tell(type="typing", on=True)
        await screen.see('id="customer-typing"[^>]*>[^<]+<')
        await screen.tell(type="typing", conversation=stored["conversation"], kind="note")
        await screen.tell(type="here", active=True)
        await screen.leave()
        again = Screen(cookie)
        assert await again.connect()
        await again.open(stored["conversation"])
        await again.tell(type="typing", conversation=stored["conversation"], kind="reply")
        typing = await tab.hear("typing")
        await again.leave()
        await tab.leave()
        return typing, [frame for frame in tab.heard if frame["type"] == "typing"]

    typing, heard = run(work())
    assert typing["name"] == "Carol"
    assert heard == [typing]


def test_what_the_owner_has_read_is_told_to_the_visitor(world):
    carol = world.access("carol")
    cookie = signed_in(world, "carol")

    async def work():
        tab = Tab(world.channel.public_id)
        await tab.arrive()
        stored = await tab.say("read me")
        await in_thread(assignment.take, carol, stored["conversation"])
        screen = Screen(cookie)
        assert await screen.connect()
        await screen.open(stored["conversation"])
        await screen.see("read me")
        await screen.tell(type="seen", conversation=stored["conversation"], number=stored["number"])
        read = await tab.hear("read")
        await screen.leave()
        await tab.leave()
        return read["number"], stored["number"]

    seen, number = run(work())
    assert seen == number


def test_receipts_change_the_message_on_the_screen(world):
    carol = world.access("carol")
    cookie = signed_in(world, "carol")

    async def work():
        tab = Tab(world.channel.public_id)
        await tab.arrive()
        stored = await tab.say("hello")
        screen = Screen(cookie)
        assert await screen.connect()
        await screen.open(stored["conversation"])
        written = await in_thread(replying.reply, carol, stored["conversation"], text="hi")
        await screen.see(f'id="message-{written.number}"')
        await deliver()
        await tab.hear_message("hi")
        await tab.tell(type="seen", number=written.number)
        await screen.see("checks|check2|Read|已读")
        await screen.leave()
        await tab.leave()

    run(work())


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.example",
        f"{settings.PUBLIC_URL}.evil.example",
        "https://127.0.0.1:1",
    ],
)
def test_other_pages_get_no_staff_socket(world, origin):
    cookie = signed_in(world, "carol")

    async def work(where):
        screen = Screen(cookie, origin=where)
        connected = await screen.connect()
        await screen.leave()
        return connected

    assert not run(work(origin))
    assert run(work("own"))


def test_without_a_session_the_socket_closes_for_good(world):
    async def work(cookie):
        screen = Screen(cookie)
        await screen.connect()
        return await screen.closing_code()

    assert run(work("x" * 32)) == groups.SIGNED_OUT


def test_a_session_from_before_a_new_password_opens_no_socket(world):
    cookie = signed_in(world, "carol")

    async def work():
        screen = Screen(cookie)
        await screen.connect()
        return await screen.closing_code()

    world.carol.user.set_password("another-long-password")
    world.carol.user.save()
    assert run(work()) == groups.SIGNED_OUT


def test_signing_out_closes_the_sockets_of_that_session_only(world):
    first, second = signed_in(world, "carol"), signed_in(world, "carol")

    def sign_out():
        request = RequestFactory().get("/")
        request.session = SessionStore(first)
        user_logged_out.send(Staff, request=request, user=world.carol.user)

    async def work():
        leaving, staying = Screen(first), Screen(second)
        assert await leaving.connect()
        assert await staying.connect()
        await in_thread(sign_out)
        code = await leaving.closing_code()
        await in_thread(world.message, "still here")
        await staying.see("still here")
        await staying.leave()
        return code

    assert run(work()) == groups.SIGNED_OUT


def test_a_screen_whose_session_is_over_is_shown_out_even_when_nobody_said_so(world):
    over, other = signed_in(world, "carol"), signed_in(world, "carol")

    async def work():
        leaving, staying = Screen(over), Screen(other)
        assert await leaving.connect()
        assert await staying.connect()
        await in_thread(lambda: SessionStore(over).delete())
        hub().hear(Hint("recheck"))
        code = await leaving.closing_code()
        await in_thread(world.message, "still here")
        await staying.see("still here")
        await staying.leave()
        return code

    assert run(work()) == groups.SIGNED_OUT


def test_somebody_who_was_deactivated_is_shown_out(world):
    cookie = signed_in(world, "carol")

    async def work():
        screen = Screen(cookie)
        assert await screen.connect()
        await in_thread(leave)
        return await screen.closing_code()

    def leave():
        with world.transaction():
            grants.deactivate(Staff.objects.get(pk=world.carol.pk))

    assert run(work()) == groups.SIGNED_OUT


def test_an_open_screen_vouches_for_its_owner_and_a_closed_one_soon_does_not(world):
    cookie = signed_in(world, "carol")

    def lease():
        with world.transaction():
            return Presence.objects.get(staff=world.carol).lease_until

    async def work():
        screen = Screen(cookie)
        assert await screen.connect()
        await screen.tell(type="open", conversation=None, after=0)
        await screen.tell(type="list", conversations=[])
        await screen.rest()
        there = await in_thread(lease)
        await screen.leave()
        return there, await in_thread(lease)

    there, gone = run(work())
    assert gone < there


def test_frames_of_no_known_kind_change_nothing(world):
    cookie = signed_in(world, "carol")

    async def work():
        screen = Screen(cookie)
        assert await screen.connect()
        for frame in (
            {"type": "join", "group": "everydesk.live"},
            {"type": "open", "conversation": "%", "after": 0},
            {"type": "open", "conversation": [1], "after": 0},
            {"type": "seen", "conversation": 1, "number": -1},
            {"type": "list", "conversations": ["*"]},
        ):
            await screen.tell(**frame)
        await in_thread(world.message, "fine")
        await screen.see("fine")
        await screen.leave()

    run(work())


def test_a_slow_reader_is_sent_away_to_start_afresh(world, monkeypatch):
    monkeypatch.setattr("channels_app.live.staff.MOST_UNHEARD_BYTES", 3000)
    cookie = signed_in(world, "carol")

    async def work():
        screen = Screen(cookie)
        assert await screen.connect()
        for number in range(8):
            await in_thread(world.message, f"message {number}", visitor=f"visitor-{number}")
        return await screen.closing_code()

    assert run(work()) == groups.COME_BACK
