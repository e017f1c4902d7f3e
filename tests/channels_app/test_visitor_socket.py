import asyncio
import uuid

from channels_app.models import InboundEvent
from helpdesk.models import Channel, Conversation, Identity, Message, Outbox, Rating
from helpdesk.services import assignment, lifecycle, replying
from tests.channels_app.loops import run
from tests.channels_app.sockets import Tab, deliver, in_thread


def test_a_tab_that_was_open_before_the_first_message_shows_it_too(public_id):
    async def visit():
        first, second = Tab(public_id), Tab(public_id)
        await first.arrive()
        await second.arrive(token=first.token)
        said = await first.say("写在另一个窗口里")
        await second.hear("resync")
        welcome = await second.hello(token=first.token)
        for tab in (first, second):
            await tab.leave()
        return said, welcome

    said, welcome = run(visit())
    assert welcome["conversation"] == said["conversation"]
    assert [each["text"] for each in welcome["entries"] if "text" in each] == ["写在另一个窗口里"]


def test_a_first_message_becomes_a_conversation_with_its_raw_bytes(world, public_id):
    async def visit():
        tab = Tab(public_id)
        welcome = await tab.arrive(language="zh", page="https://shop.example/h2")
        assert welcome["entries"] == []
        assert len(welcome["token"]) == 43
        stored = await tab.say("怎么退货?")
        await tab.leave()
        return stored

    stored = run(visit())
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

    token = run(visit())
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

    first, again, third = run(visit())
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

    tab = run(visit())
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

    welcome = run(visit())
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

    assert "too early" not in str(run(visit()))


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

    run(visit())
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

    run(visit())
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

    assert run(visit()) == [1, 2, 3]


def test_an_away_message_takes_an_address(world, public_id):
    async def visit():
        tab = Tab(public_id)
        assert (await tab.arrive())["away"]
        await tab.say("anyone there?")
        await tab.tell(type="address", email="mei@example.com")
        assert (await tab.hear("saved"))["email"] == "mei@example.com"
        await tab.leave()

    run(visit())
    with world.transaction():
        identity = Identity.objects.select_related("customer").get()
    assert identity.data["email"] == "mei@example.com"
    assert not identity.is_verified
    # It proves nothing: what is known of the customer is another thing.
    assert identity.customer.email == ""
