import asyncio
import time
import uuid

import pytest
from django.conf import settings

from channels_app import limits
from channels_app.adapters.webchat.identity import sign_identity
from channels_app.live import groups
from channels_app.models import InboundEvent
from helpdesk.models import Channel, Conversation, Identity, Message, Outbox, Rating
from helpdesk.services import assignment, lifecycle, replying
from tests.channels_app.sockets import Tab, deliver, in_thread


@pytest.fixture(autouse=True)
def fresh_limits(monkeypatch):
    monkeypatch.setattr(limits, "_ask", _no_redis)
    limits._local.clear()


def _no_redis(command, *arguments):
    raise limits.redis.ConnectionError


@pytest.fixture
def public_id(world):
    return world.channel.public_id


def claims(world, **changed):
    return {
        "sub": "u-1",
        "aud": world.channel.public_id,
        "exp": time.time() + 600,
        "name": "高美玲",
    } | changed


def give_secret(world, secret="site-secret", **settings_):
    with world.transaction():
        Channel.objects.filter(pk=world.channel.pk).update(secret=secret, settings=settings_)


def test_a_first_message_becomes_a_conversation_with_its_raw_bytes(world, public_id):
    async def visit():
        tab = Tab(public_id)
        welcome = await tab.arrive(language="zh", page="https://shop.example/h2")
        assert welcome["entries"] == []
        assert len(welcome["token"]) == 43
        stored = await tab.say("怎么退货?")
        await tab.leave()
        return stored

    stored = asyncio.run(visit())
    with world.transaction():
        message = Message.objects.get()
        assert message.text == "怎么退货?"
        event = InboundEvent.objects.get()
        assert stored["number"] == 1
        assert event.entry_id == message.pk
        assert "怎么退货?" in bytes(event.raw).decode("unicode_escape")
        assert event.processed_at


def test_the_token_is_stored_as_a_hash_only(world, public_id):
    async def visit():
        tab = Tab(public_id)
        await tab.arrive()
        await tab.say("hello")
        await tab.leave()
        return tab.token

    token = asyncio.run(visit())
    with world.transaction():
        assert token not in Identity.objects.get().external_id


def test_the_same_message_again_is_stored_once_and_answered_alike(world, public_id):
    reference = str(uuid.uuid4())

    async def visit():
        tab = Tab(public_id)
        await tab.arrive()
        first = await tab.say("once", reference)
        again = await tab.say("once", reference)
        other = Tab(public_id)
        other.token = tab.token
        await other.arrive()
        third = await other.say("once", reference)
        await tab.leave()
        await other.leave()
        return first, again, third

    first, again, third = asyncio.run(visit())
    assert first == again == third
    with world.transaction():
        assert Message.objects.count() == 1


def test_a_reply_reaches_the_widget_and_its_receipts_come_back(world, public_id):
    carol = world.access("carol")

    async def visit():
        tab = Tab(public_id)
        await tab.arrive()
        stored = await tab.say("怎么退货?")
        await in_thread(replying.reply, carol, stored["conversation"], text="七天内都可以")
        await in_thread(replying.note, carol, stored["conversation"], text="内部：老客户")
        await deliver()
        entry = await tab.hear_message("七天内都可以")
        await tab.tell(type="ack", number=entry["number"])
        await until(world, "delivered")
        await tab.tell(type="seen", number=entry["number"])
        await until(world, "read")
        await tab.tell(type="ack", number=entry["number"])
        await tab.tell(type="ping")
        await tab.hear("pong")
        await tab.leave()
        return tab

    tab = asyncio.run(visit())
    assert not any("内部" in str(frame) for frame in tab.heard)
    with world.transaction():
        assert Outbox.objects.get().state == "read"


async def until(world, state):
    def now():
        with world.transaction():
            return Outbox.objects.get().state

    async with asyncio.timeout(10):
        while await in_thread(now) != state:
            await asyncio.sleep(0.02)


def test_what_was_missed_is_caught_up_by_number(world, public_id):
    carol = world.access("carol")

    async def visit():
        tab = Tab(public_id)
        await tab.arrive()
        stored = await tab.say("one")
        await tab.leave()
        for text in ("two", "three"):
            await in_thread(replying.reply, carol, stored["conversation"], text=text)
        await deliver()
        await deliver()
        back = Tab(public_id)
        back.token = tab.token
        welcome = await back.arrive(
            last_number=stored["number"], conversation=str(stored["conversation"])
        )
        await back.leave()
        return welcome

    welcome = asyncio.run(visit())
    texts = [entry["text"] for entry in welcome["entries"] if entry["kind"] == "message"]
    assert texts == ["two", "three"]
    assert any(entry["kind"] == "assigned" for entry in welcome["entries"])


def test_a_reply_that_is_held_back_is_not_shown(world, public_id):
    carol = world.access("carol")
    with world.transaction():
        Channel.objects.update(hold_seconds=30)

    async def visit():
        tab = Tab(public_id)
        await tab.arrive()
        stored = await tab.say("hello")
        written = await in_thread(replying.reply, carol, stored["conversation"], text="too early")
        await deliver()
        await in_thread(replying.take_back, carol, stored["conversation"], written.number)
        await deliver()
        back = Tab(public_id)
        back.token = tab.token
        welcome = await back.arrive()
        await tab.leave()
        await back.leave()
        return [*tab.heard, welcome]

    assert "too early" not in str(asyncio.run(visit()))


def test_two_tabs_are_one_visitor(world, public_id):
    async def visit():
        left, right = Tab(public_id), Tab(public_id)
        await left.arrive()
        right.token = left.token
        await right.arrive()
        await left.say("first")
        await right.say("second")
        await left.hear_message("second")
        await left.leave()
        await right.leave()

    asyncio.run(visit())
    with world.transaction():
        assert Conversation.objects.count() == 1


def test_a_rating_after_the_end_counts_once(world, public_id):
    carol = world.access("carol")

    async def visit():
        tab = Tab(public_id)
        await tab.arrive()
        stored = await tab.say("thanks")
        await tab.tell(type="rate", score=5)
        assert (await tab.hear("error"))["code"] == "wrong_state"
        await in_thread(assignment.take, carol, stored["conversation"])
        await in_thread(lifecycle.resolve, carol, stored["conversation"])
        assert (await tab.hear("status", state="resolved"))["rating"] == "wanted"
        await tab.tell(type="rate", score=4, comment="快", tags=["fast"])
        assert (await tab.hear("status", rating="given"))["state"] == "resolved"
        await tab.tell(type="rate", score=1)
        assert (await tab.hear("error"))["code"] == "wrong_state"
        await tab.leave()

    asyncio.run(visit())
    with world.transaction():
        assert Rating.objects.get().score == 4


def test_the_place_in_the_queue_is_honest(world, public_id):
    world.online("carol")

    async def visit():
        tabs = [Tab(public_id) for _each in range(3)]
        places = []
        for tab in tabs:
            await tab.arrive()
            await tab.say("hello")
            places.append((await tab.hear("status", state="queued"))["queue"]["position"])
        for tab in tabs:
            await tab.leave()
        return places

    assert asyncio.run(visit()) == [1, 2, 3]


def test_an_away_message_takes_an_address(world, public_id):
    async def visit():
        tab = Tab(public_id)
        assert (await tab.arrive())["away"]
        await tab.say("anyone there?")
        await tab.tell(type="address", email="mei@example.com")
        assert (await tab.hear("saved"))["email"] == "mei@example.com"
        await tab.leave()

    asyncio.run(visit())
    with world.transaction():
        assert Identity.objects.get().customer.email == "mei@example.com"
        assert not Identity.objects.get().is_verified


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "https://evil.example",
        "https://127.0.0.1.evil.example",
        "file://",
        "https://[",
        "https://allowed.example.evil.example",
        "https://evil.example/allowed.example",
    ],
)
def test_pages_that_are_not_allowed_get_no_socket(world, public_id, origin):
    give_secret(world, allowed_domains=["allowed.example", "*.shop.example"])

    async def visit(where):
        tab = Tab(public_id, origin=where)
        connected = await tab.connect()
        await tab.leave()
        return connected

    assert not asyncio.run(visit(origin))
    assert asyncio.run(visit("https://allowed.example"))
    assert asyncio.run(visit("https://www.shop.example"))


@pytest.mark.parametrize("public_id", ["0" * 32, "%", "*", "..", "x' OR 1=1", "_" * 32])
def test_unknown_channels_have_no_socket(world, public_id):
    async def visit():
        tab = Tab("placeholder")
        tab.socket.scope["path"] = f"/live/visitor/{public_id}/"
        assert await tab.connect()
        return await tab.closing_code()

    assert asyncio.run(visit()) == groups.UNKNOWN_CHANNEL


def test_a_signed_visitor_is_recognised_and_keeps_their_history(world, public_id):
    give_secret(world)

    async def visit():
        tab = Tab(public_id)
        await tab.arrive(identity=sign_identity(claims(world), "site-secret"))
        await tab.say("my order")
        await tab.leave()
        back = Tab(public_id)
        welcome = await back.arrive(identity=sign_identity(claims(world), "site-secret"))
        await back.leave()
        return welcome

    assert [entry["text"] for entry in asyncio.run(visit())["entries"]] == ["my order"]
    with world.transaction():
        identity = Identity.objects.get()
        assert identity.is_verified
        assert identity.customer.name == "高美玲"


def test_a_forged_identity_is_refused_and_shows_nothing(world, public_id):
    give_secret(world)

    async def visit(identity):
        tab = Tab(public_id)
        assert await tab.connect()
        await tab.tell(type="hello", identity=identity)
        assert (await tab.hear("error", "welcome"))["code"] == "identity_refused"
        return await tab.closing_code()

    for forged in (
        sign_identity(claims(world), "guess"),
        sign_identity(claims(world, aud="other"), "site-secret"),
        sign_identity(claims(world, exp=1), "site-secret"),
        "sub:u-1",
        "a.b.c",
    ):
        assert asyncio.run(visit(forged)) == groups.IDENTITY_REFUSED


def test_a_channel_that_requires_signed_visitors_takes_no_others(world, public_id):
    give_secret(world, identity="required")

    async def visit():
        tab = Tab(public_id)
        assert await tab.connect()
        await tab.tell(type="hello")
        code = (await tab.hear("error", "welcome"))["code"]
        return code, await tab.closing_code()

    assert asyncio.run(visit()) == ("identity_required", groups.IDENTITY_REFUSED)


def test_a_visitor_token_is_worth_nothing_elsewhere(world, other_world, public_id):
    async def visit():
        tab = Tab(public_id)
        await tab.arrive()
        stored = await tab.say("private")
        await tab.leave()
        elsewhere = Tab(other_world.channel.public_id)
        elsewhere.token = tab.token
        welcome = await elsewhere.arrive(conversation=str(stored["conversation"]))
        stranger = Tab(public_id)
        other = await stranger.arrive(conversation=str(stored["conversation"]))
        await elsewhere.leave()
        await stranger.leave()
        return welcome, other

    welcome, other = asyncio.run(visit())
    assert welcome["entries"] == other["entries"] == []
    assert welcome["conversation"] is other["conversation"] is None


def test_frames_that_fit_no_schema_are_refused_and_the_next_one_counts(world, public_id):
    async def visit():
        tab = Tab(public_id)
        await tab.arrive()
        await tab.tell(type="subscribe", group="*")
        assert (await tab.hear("error"))["code"] == "unknown_type"
        await tab.tell(type="message", client_ref="%", text="x")
        assert (await tab.hear("error"))["code"] == "not_a_uuid"
        await tab.tell(type="message", client_ref=str(uuid.uuid4()), text="", attachments=[])
        assert (await tab.hear("error"))["code"] == "invalid"
        answer = await tab.say("still here")
        await tab.leave()
        return answer

    assert asyncio.run(visit())["type"] == "stored"


def test_a_huge_frame_closes_its_socket_and_no_other(world, public_id):
    async def visit():
        tab, other = Tab(public_id), Tab(public_id)
        await tab.arrive()
        await other.arrive()
        await tab.tell(type="message", client_ref=str(uuid.uuid4()), text="x" * 70_000)
        code = await tab.closing_code()
        answer = await other.say("fine")
        await other.leave()
        return code, answer["type"]

    assert asyncio.run(visit()) == (groups.TOO_LARGE, "stored")


def test_a_flood_closes_its_socket_and_no_other(world, public_id):
    async def visit():
        tab, other = Tab(public_id), Tab(public_id)
        await tab.arrive()
        await other.arrive()
        for _each in range(250):
            await tab.tell(type="typing", on=True)
        code = await tab.closing_code()
        answer = await other.say("fine")
        await other.leave()
        return code, answer["type"]

    assert asyncio.run(visit()) == (groups.TOO_FAST, "stored")


def test_a_visitor_who_writes_too_much_is_asked_to_wait(world, public_id, monkeypatch):
    monkeypatch.setattr(limits, "MESSAGES", (2, 600))

    async def visit():
        tab, other = Tab(public_id), Tab(public_id)
        await tab.arrive()
        await other.arrive()
        answers = [await tab.say(f"message {each}") for each in range(3)]
        calm = await other.say("fine")
        await tab.leave()
        await other.leave()
        return answers, calm

    answers, calm = asyncio.run(visit())
    assert [answer["type"] for answer in answers] == ["stored", "stored", "error"]
    assert answers[2]["code"] == "limited"
    assert answers[2]["retry_after"] > 0
    assert calm["type"] == "stored"


def test_the_public_url_is_an_allowed_page(public_id):
    async def visit():
        tab = Tab(public_id, origin=settings.PUBLIC_URL)
        connected = await tab.connect()
        await tab.leave()
        return connected

    assert asyncio.run(visit())
