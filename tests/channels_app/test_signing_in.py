"""A visitor who signs in takes along what they have open; nobody else can take it."""

import time
import uuid
from typing import Any

import pytest
from django.core.management import call_command

from channels_app.chat.identity import sign_identity
from helpdesk.models import AuditEntry, Channel, Conversation, Entry, Identity
from helpdesk.services import assignment, lifecycle
from tests.channels_app.loops import run
from tests.channels_app.sockets import Screen, Tab, in_thread, signed_in

SECRET = "site-secret"


@pytest.fixture(autouse=True)
def _secret(world):
    give_secret(world)


def give_secret(world: Any) -> None:
    with world.transaction():
        Channel.objects.filter(pk=world.channel.pk).update(secret=SECRET)


def identity(world: Any, subject: str = "u-1", secret: str = SECRET) -> str:
    claims = {"sub": subject, "aud": world.channel.public_id, "exp": time.time() + 600}
    return sign_identity({**claims, "name": f"Customer {subject}"}, secret)


async def begin(public_id: str) -> tuple[Tab, int]:
    tab = Tab(public_id)
    await tab.arrive()
    stored = await tab.say("begun before signing in")
    return tab, int(stored["conversation"])


async def return_with(public_id: str, **values: str) -> dict[str, Any]:
    tab = Tab(public_id)
    welcome = await tab.arrive(**values)
    await tab.leave()
    return welcome


def owner_of(world: Any, conversation_id: int) -> str:
    with world.transaction():
        found = Conversation.objects.select_related("identity", "customer").get(pk=conversation_id)
        assert found.customer_id == found.identity.customer_id
        return str(found.identity.external_id)


def test_what_is_open_follows_the_visitor_who_signs_in(world, public_id):
    async def visit():
        tab, conversation = await begin(public_id)
        await tab.leave()
        there = Tab(public_id)
        welcome = await there.arrive(token=tab.token, identity=identity(world))
        said = await there.say("and after it")
        await there.leave()
        return conversation, welcome, said

    conversation, welcome, said = run(visit())
    assert welcome["conversation"] == said["conversation"] == conversation
    assert "begun before signing in" in [each.get("text") for each in welcome["entries"]]
    assert owner_of(world, conversation) == "sub:u-1"
    with world.transaction():
        assert Conversation.objects.get(pk=conversation).customer.name == "Customer u-1"
        assert Entry.objects.filter(kind=Entry.Kind.IDENTIFIED).count() == 1
        audit = AuditEntry.objects.get(action="conversation.identified")
        assert audit.actor == AuditEntry.Actor.CUSTOMER
    call_command("check_invariants", verbosity=0)


def test_the_colleague_sees_at_once_who_it_is(world, public_id):
    cookie = signed_in(world, "carol")

    async def visit():
        tab, conversation = await begin(public_id)
        screen = Screen(cookie)
        assert await screen.connect()
        await screen.open(conversation)
        await screen.see("begun before signing in")
        await return_with(public_id, token=tab.token, identity=identity(world))
        await screen.see("Customer u-1")
        await screen.leave()
        await tab.leave()

    run(visit())


def test_nobody_takes_a_conversation_without_both_proofs(world, public_id, other_world):
    give_secret(other_world)

    async def visit():
        tab, conversation = await begin(public_id)
        number = str(conversation)
        attempts = [
            {"identity": identity(world, "thief"), "conversation": number},
            {"identity": identity(world, "thief"), "token": "A" * 43, "conversation": number},
            {"identity": identity(world, "thief"), "token": tab.token[:-1] + "?"},
            {"identity": identity(world, "thief"), "token": f"anon:{tab.token}"[:43]},
        ]
        heard = [await return_with(public_id, **attempt) for attempt in attempts]
        elsewhere = {"identity": identity(other_world, "thief"), "token": tab.token}
        heard.append(await return_with(other_world.channel.public_id, **elsewhere))
        for forged in (identity(world, "thief", "guess"), identity(other_world, "thief"), "a.b.c"):
            liar = Tab(public_id)
            assert await liar.connect()
            await liar.tell(type="hello", token=tab.token, identity=forged)
            heard.append(await liar.hear("error", "welcome"))
            assert heard[-1]["code"] == "identity_refused"
        mine = await return_with(public_id, token=tab.token)
        await tab.leave()
        return conversation, heard, mine

    conversation, heard, mine = run(visit())
    assert "begun before" not in str(heard)
    assert mine["conversation"] == conversation
    assert owner_of(world, conversation).startswith("anon:")


def test_after_signing_in_the_token_alone_opens_nothing(world, public_id):
    carol = world.access("carol")

    async def visit():
        old, conversation = await begin(public_id)
        await return_with(public_id, token=old.token, identity=identity(world))
        await old.hear("resync")
        alone = await return_with(public_id, token=old.token)
        next_one = await return_with(public_id, token=old.token, identity=identity(world, "u-2"))
        await in_thread(assignment.take, carol, conversation)
        await in_thread(lifecycle.resolve, carol, conversation)
        said = await old.say("somebody else at this browser")
        await old.leave()
        told = [frame for frame in old.heard if frame.get("type") in {"entry", "status"}]
        return conversation, alone, next_one, said, told

    conversation, alone, next_one, said, told = run(visit())
    assert alone["conversation"] is None
    assert next_one["conversation"] is None
    assert said["conversation"] != conversation
    assert owner_of(world, conversation) == "sub:u-1"
    assert "resolved" not in str(told)


def test_a_message_sent_again_does_not_lead_back_to_what_was_taken_along(world, public_id):
    reference = str(uuid.uuid4())

    async def visit():
        old = Tab(public_id)
        await old.arrive()
        begun = await old.say("begun before signing in", reference)
        await return_with(public_id, token=old.token, identity=identity(world))
        await old.hear("resync")
        again = await old.say("begun before signing in", reference)
        there = Tab(public_id)
        await there.arrive(token=old.token, identity=identity(world))
        said = await there.say("between the owner and us")
        await old.tell(type="end")
        ended = await old.hear("error", "entry", "status")
        for each in (old, there):
            await each.leave()
        return begun, again, said, ended, str(old.heard)

    begun, again, said, ended, heard = run(visit())
    assert said["conversation"] == begun["conversation"]
    assert again["type"] == "error"
    assert ended["code"] == "not_found"
    assert "between the owner and us" not in heard


def test_somebody_in_a_conversation_keeps_that_one(world, public_id):
    async def visit():
        there = Tab(public_id)
        await there.arrive(identity=identity(world))
        own = await there.say("signed in")
        tab, anonymous = await begin(public_id)
        welcome = await return_with(public_id, token=tab.token, identity=identity(world))
        again = await return_with(public_id, token=tab.token)
        for each in (there, tab):
            await each.leave()
        return own["conversation"], anonymous, welcome, again

    own, anonymous, welcome, again = run(visit())
    assert welcome["conversation"] == own
    assert again["conversation"] == anonymous
    assert owner_of(world, anonymous).startswith("anon:")


def test_the_address_that_was_left_goes_along(world, public_id):
    async def visit():
        tab, _conversation = await begin(public_id)
        await tab.tell(type="address", email="reader@shop.example")
        await tab.hear("saved")
        await tab.leave()
        return await return_with(public_id, token=tab.token, identity=identity(world))

    assert run(visit())["address"] == "reader@shop.example"
    with world.transaction():
        assert Identity.objects.filter(is_verified=True).count() == 1
