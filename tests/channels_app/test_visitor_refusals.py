import time
import uuid
from types import SimpleNamespace

import pytest
from django.conf import settings

from channels_app import limits
from channels_app.chat.identity import sign_identity
from channels_app.live import groups, visitor
from channels_app.live.hub import hub
from helpdesk.models import Channel, Identity
from tests.channels_app.loops import run
from tests.channels_app.sockets import Tab


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

    assert not run(visit(origin))
    assert run(visit("https://allowed.example"))
    assert run(visit("https://www.shop.example"))


@pytest.mark.parametrize("public_id", ["0" * 32, "%", "*", "..", "x' OR 1=1", "_" * 32])
def test_unknown_channels_have_no_socket(world, public_id):
    async def visit():
        tab = Tab("placeholder")
        tab.socket.scope["path"] = f"/live/visitor/{public_id}/"
        assert await tab.connect()
        return await tab.closing_code()

    assert run(visit()) == groups.UNKNOWN_CHANNEL


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

    assert [entry["text"] for entry in run(visit())["entries"]] == ["my order"]
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
        assert run(visit(forged)) == groups.IDENTITY_REFUSED


def test_a_channel_that_requires_signed_visitors_takes_no_others(world, public_id):
    give_secret(world, identity="required")

    async def visit():
        tab = Tab(public_id)
        assert await tab.connect()
        await tab.tell(type="hello")
        code = (await tab.hear("error", "welcome"))["code"]
        return code, await tab.closing_code()

    assert run(visit()) == ("identity_required", groups.IDENTITY_REFUSED)


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

    welcome, other = run(visit())
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

    assert run(visit())["type"] == "stored"


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

    assert run(visit()) == (groups.TOO_LARGE, "stored")


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

    assert run(visit()) == (groups.TOO_FAST, "stored")


def test_a_socket_that_does_not_say_whose_it_is_is_closed(world, public_id, monkeypatch):
    async def visit():
        known, silent = Tab(public_id), Tab(public_id)
        await known.arrive()
        monkeypatch.setattr(visitor, "HELLO_SECONDS", 0.01)
        assert await silent.connect()
        code = await silent.closing_code()
        [socket] = hub().all_visitors()
        answer = await known.say("still here")
        await known.leave()
        return code, answer["type"], socket._ending.cancelled()

    assert run(visit()) == (groups.COME_BACK, "stored", True)


def test_typing_is_told_as_often_as_it_begins(world, public_id, monkeypatch):
    told = []
    monkeypatch.setattr(visitor.hints, "publish", told.append)

    async def visit():
        tab = Tab(public_id)
        await tab.arrive()
        await tab.say("hello")
        told.clear()
        for is_on in (False, False, True, True, False, False, True, False):
            await tab.tell(type="typing", on=is_on)
        await tab.tell(type="ping")
        await tab.hear("pong")
        await tab.leave()
        return [hint.is_on for hint in told if hint.kind == "writing"]

    monkeypatch.setattr(visitor, "TYPING_SECONDS", 1000.0)
    monkeypatch.setattr(visitor, "time", SimpleNamespace(monotonic=lambda: 5000.0))
    assert run(visit()) == [True, False]


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

    answers, calm = run(visit())
    assert [answer["type"] for answer in answers] == ["stored", "stored", "error"]
    assert answers[2]["code"] == "limited"
    assert answers[2]["retry_after"] > 0
    assert calm["type"] == "stored"


def test_addresses_are_left_a_few_times_only(world, public_id, monkeypatch):
    monkeypatch.setattr(limits, "ADDRESSES", (2, 600))

    async def visit():
        tab = Tab(public_id)
        await tab.arrive()
        await tab.say("hello")
        answers = []
        for each in range(3):
            await tab.tell(type="address", email=f"mei{each}@example.com")
            answers.append(await tab.hear("saved", "error"))
        await tab.leave()
        return answers

    assert [answer.get("code", "saved") for answer in run(visit())] == ["saved", "saved", "limited"]
    with world.transaction():
        assert Identity.objects.get().data["email"] == "mei1@example.com"


@pytest.mark.parametrize("kind", ["seen", "ack"])
def test_what_was_seen_is_told_no_faster_than_anybody_reads(world, public_id, monkeypatch, kind):
    monkeypatch.setattr("channels_app.live.visitor.MOST_MARKS_A_MINUTE", 3)

    async def visit():
        tab, other = Tab(public_id), Tab(public_id)
        await tab.arrive()
        await other.arrive()
        await tab.say("hello")
        for _each in range(4):
            await tab.tell(type=kind, number=1)
        refused = await tab.hear("error")
        await tab.tell(type="ping")
        calm = await tab.hear("pong", "error")
        await other.tell(type=kind, number=1)
        await other.tell(type="ping")
        free = await other.hear("pong", "error")
        await tab.leave()
        await other.leave()
        return refused["code"], calm["type"], free["type"]

    assert run(visit()) == ("limited", "pong", "pong")


def test_the_public_url_is_an_allowed_page(public_id):
    async def visit():
        tab = Tab(public_id, origin=settings.PUBLIC_URL)
        connected = await tab.connect()
        await tab.leave()
        return connected

    assert run(visit())
