"""An app speaks over the visitor's socket, as the widget does; whoever nobody vouches for is sent away."""

import asyncio
import time

import pytest

from channels_app.chat import identity as identities
from channels_app.live import groups
from channels_app.live import visitor as sockets
from helpdesk.models import Conversation
from helpdesk.services import replying
from tests.channels_app.app.apps import identity
from tests.channels_app.loops import run
from tests.channels_app.sockets import Tab, deliver, in_thread


def test_an_app_is_answered_over_the_socket_from_wherever_it_comes(world, app):
    carol = world.access("carol")

    async def talk(origin):
        tab = Tab(app.public_id, origin)
        await tab.arrive(identity=identity(app.public_id))
        stored = await tab.say("Where is my parcel?")
        await in_thread(replying.reply, carol, stored["conversation"], text="On its way")
        await deliver()
        entry = await tab.hear_message("On its way")
        await tab.leave()
        return stored["conversation"], entry

    conversation, entry = run(talk(None))
    assert entry["direction"] == "out"
    with world.transaction():
        found = Conversation.objects.select_related("identity").get(pk=conversation)
        assert found.identity.external_id == "sub:user-7"
        assert found.channel_id == app.pk


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, "identity_required"),
        ({"token": "A" * 43}, "identity_required"),
        ({"identity": "a.b.c"}, "identity_refused"),
        ({"secret": "a guess"}, "identity_refused"),
        ({"exp": -120}, "identity_expired"),
        ({"aud": "another"}, "identity_refused"),
    ],
)
def test_nobody_is_anonymous_and_the_reason_is_said(app, values, code):
    async def knock():
        known = dict(values)
        if "exp" in known:
            known["exp"] = time.time() + known["exp"]
        if not {"identity", "token"} & known.keys() and known:
            known = {"identity": identity(app.public_id, **known)}
        tab = Tab(app.public_id, None)
        assert await tab.connect()
        await tab.tell(type="hello", **known)
        told = await tab.hear("error")
        return told["code"], await tab.closing_code()

    assert run(knock()) == (code, groups.IDENTITY_REFUSED)


def test_a_socket_ends_with_its_identity_unless_another_is_told(app, monkeypatch):
    for module in (sockets, identities):
        monkeypatch.setattr(module, "CLOCK_SKEW_SECONDS", 0)

    async def stay(renews):
        tab = Tab(app.public_id, None)
        await tab.arrive(identity=identity(app.public_id, exp=time.time() + 1.5))
        if renews:
            await tab.hello(identity=identity(app.public_id))
            await asyncio.sleep(2)
            await tab.tell(type="ping")
            assert await tab.hear("pong")
            await tab.leave()
            return None
        told = await tab.hear("error")
        return told["code"], await tab.closing_code()

    assert run(stay(False)) == ("identity_expired", groups.IDENTITY_REFUSED)
    assert run(stay(True)) is None


def test_channels_of_other_kinds_have_no_socket(world, app):
    async def knock():
        tab = Tab(app.public_id, None)
        assert await tab.connect()
        return await tab.closing_code()

    with world.transaction():
        type(app).objects.filter(pk=app.pk).update(kind="webhook")
    assert run(knock()) == groups.UNKNOWN_CHANNEL
