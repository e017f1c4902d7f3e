"""Visitors at one channel, with nothing counted against them yet."""

import pytest
import time_machine

from channels_app import limits, lines
from channels_app.services.doors import find_door
from helpdesk.models import Conversation, Letter, Message
from helpdesk.services import replying
from tests.channels_app.contract import NOW
from tests.channels_app.letters_sent import ANN, OURS, arrive, letter, open_mailbox


@pytest.fixture(autouse=True)
def fresh_limits(monkeypatch):
    monkeypatch.setattr(limits, "_ask", _no_redis)
    limits._local.clear()
    limits._used.clear()


def _no_redis(command, *arguments, **options):
    raise limits.redis.ConnectionError


@pytest.fixture
def public_id(world):
    return world.channel.public_id


@pytest.fixture
def mailbox(world):
    return open_mailbox(world)


@pytest.fixture
def first(world, mailbox):
    """A customer's first letter, taken by Carol and answered."""
    arrive(mailbox, letter(ANN, mail_id="first@shop.example"))
    with world.transaction():
        conversation = Conversation.objects.get()
    replying.reply(world.access("carol"), conversation.pk, text="It comes tomorrow.")
    with world.transaction():
        out = Message.objects.get(direction="out")
        Letter.objects.update_or_create(message=out, defaults={"mail_id": OURS})
    return conversation


@pytest.fixture
def door(world):
    return find_door(world.channel.public_id)


@pytest.fixture
def held(monkeypatch):
    """A process that holds lines; it looks when it is told to, and ends with the test."""
    monkeypatch.setattr(lines, "FIRST_PAUSE", 0.05)
    found = lines.Lines()
    yield found
    found.stop_listening()


@pytest.fixture
def contract_time(settings):
    """The time of the contract, at which the played vendors sign; they may be called here."""
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with time_machine.travel(NOW, tick=False):
        yield NOW
