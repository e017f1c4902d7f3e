"""What a platform sets to answers: the time is told beforehand, and an answer that comes too late is refused."""

from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk.errors import Refused
from helpdesk.models import Channel, Conversation, Outbox
from helpdesk.portal.threads import read_thread
from helpdesk.registries import ChannelKind, Limits, channel_kinds
from helpdesk.services import limits, replying
from tests.factories import World

DAY = timedelta(hours=24)


def _limits(settings):
    return Limits(text_max=100, reply_window=7 * DAY if settings.get("is_patient") else DAY)


KIND = ChannelKind(label="Pigeon", limits=_limits)


@pytest.fixture
def clock(monkeypatch):
    now = [timezone.now()]
    monkeypatch.setattr("django.utils.timezone.now", lambda: now[0])
    return now


@pytest.fixture
def asked(world: World, clock):
    """Return a conversation in which the customer has just written, on a platform with a window."""
    with channel_kinds.registered("webchat", KIND):
        yield world.message("有人吗？").conversation_id


def found(world: World, conversation_id: int) -> Conversation:
    with world.transaction():
        return Conversation.objects.select_related("channel", "customer").get(pk=conversation_id)


def test_an_answer_is_taken_until_the_window_closes_and_not_afterwards(world, asked, clock):
    clock[0] += DAY - timedelta(seconds=1)
    replying.reply(world.access("carol"), asked, text="来了")
    clock[0] += timedelta(seconds=1)
    with pytest.raises(Refused) as refused:
        replying.reply(world.access("carol"), asked, text="太晚了")
    assert refused.value.details["gate"] == limits.GATE
    assert "Pigeon" in str(refused.value.message)
    assert "24" in str(refused.value.message)
    with world.transaction():
        assert Outbox.objects.count() == 1


def test_what_the_customer_writes_opens_it_again(world, asked, clock):
    clock[0] += 2 * DAY
    world.message("还在吗？")
    replying.reply(world.access("carol"), asked, text="在的")


def test_what_a_channel_is_set_to_counts(world, asked, clock):
    with world.transaction():
        Channel.objects.update(settings={"is_patient": True})
    clock[0] += 6 * DAY
    replying.reply(world.access("carol"), asked, text="来了")


def test_a_note_needs_no_window(world, asked, clock):
    clock[0] += 2 * DAY
    replying.note(world.access("carol"), asked, text="太晚了")


def test_other_platforms_set_no_time(world, clock):
    conversation_id = world.message("有人吗？").conversation_id
    clock[0] += 30 * DAY
    assert limits.closes_at(found(world, conversation_id)) is None
    replying.reply(world.access("carol"), conversation_id, text="来了")


def test_the_thread_says_until_when_and_then_why_not(world, asked, clock):
    access = world.access("carol")
    with world.transaction():
        thread = read_thread(access, found(world, asked))
        assert (thread.closes_at, thread.closed) == (clock[0] + DAY, "")
        assert (thread.may_reply, thread.mode) == (True, "reply")
        assert thread.platform.text_max == 100
    clock[0] += DAY
    with world.transaction():
        thread = read_thread(access, found(world, asked))
        assert "Pigeon" in thread.closed
        assert (thread.may_reply, thread.mode) == (False, "note")
