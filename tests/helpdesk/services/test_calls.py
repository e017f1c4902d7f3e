"""Phone calls as they are kept: whatever is reported how often and in which order, they end alike."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from helpdesk.models import Call, Channel, Conversation, Entry, State
from helpdesk.registries import ChannelKind, channel_kinds
from helpdesk.services import assignment, calls, lifecycle, organizations, recordings
from helpdesk.services.calls import News
from helpdesk.services.identifying import Sender

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
WANG = Sender("+8613800138000", display_name="+8613800138000")


@pytest.fixture
def channel(world):
    with (
        world.transaction(),
        channel_kinds.registered("horn", ChannelKind("Horn", capabilities=frozenset({"calls"}))),
    ):
        yield organizations.open_channel(Channel(kind="horn", name="热线"))


def news(change, leg="customer", *, after=0, **facts):
    facts.setdefault("call_id", "c1")
    return News(leg=leg, change=change, at=NOW + timedelta(seconds=after), **facts)


def heard(channel, *reports):
    for each in reports:
        calls.hear(channel, each, WANG if each.leg == "customer" else None)


def book(world):
    with world.transaction():
        return Call.objects.select_related("conversation").get()


RINGS = news("ringing")
RUNG = news("ringing", "staff", after=5, leg_id="l1")
TAKEN = news("answered", "staff", after=9, leg_id="l1")
OVER = news("ended", after=60)


@pytest.mark.parametrize("order", list(permutations([RUNG, TAKEN, OVER])))
def test_a_talk_ends_as_a_talk_in_every_order(world, channel, order):
    heard(channel, RINGS, *order, *order)
    kept = book(world)
    assert (kept.state, kept.ending) == ("ended", "completed")
    assert (kept.answered_at, kept.ended_at) == (TAKEN.at, OVER.at)
    with world.transaction():
        assert Entry.objects.filter(kind="call").count() == 1
        assert len(kept.steps) == 4


def test_what_comes_late_opens_no_call_again(world, channel):
    heard(channel, RINGS, OVER, news("held", "staff", after=70, sequence=9), RINGS)
    assert (book(world).state, book(world).ending) == ("ended", "missed")


def test_a_call_whose_end_is_heard_first_is_missed(world, channel):
    heard(channel, OVER, RINGS)
    assert (book(world).state, book(world).ending) == ("ended", "missed")


def test_of_an_unknown_call_only_its_caller_tells(world, channel):
    assert calls.hear(channel, TAKEN) is None
    with world.transaction():
        assert not Call.objects.exists()


def test_a_call_is_held_by_the_newest_report(world, channel):
    heard(channel, RINGS, TAKEN)
    heard(channel, news("held", "staff", sequence=3))
    assert book(world).state == "held"
    heard(channel, news("resumed", "staff", sequence=5), news("held", "staff", sequence=4))
    assert book(world).state == "answered"


def test_another_channel_knows_nothing_of_it(world, channel):
    heard(channel, RINGS)
    assert calls.hear(world.channel, TAKEN) is None


def test_a_caller_opens_what_was_resolved_and_wakes_what_waits(world, channel):
    heard(channel, RINGS, OVER)
    conversation_id = book(world).conversation_id
    lifecycle.resolve(world.access("carol"), conversation_id)
    calls.hear(channel, news("ringing", call_id="c2"), WANG)
    found = world.conversation(conversation_id)
    assert (found.state, found.episode) == (State.QUEUED, 2)


def test_who_did_not_pick_up_gives_the_caller_to_others(world, channel):
    heard(channel, RINGS)
    conversation_id = book(world).conversation_id
    assignment.take(world.access("carol"), conversation_id)
    carol = world.carol.pk
    heard(channel, news("unanswered", "staff", leg_id="l1", staff_id=world.dave.pk))
    assert world.conversation(conversation_id).owner_id == carol
    heard(channel, news("unanswered", "staff", leg_id="l2", staff_id=carol))
    assert world.conversation(conversation_id).state == State.QUEUED


def test_a_message_left_is_one_whatever_comes_first(world, channel):
    left = news("ringing", after=30)
    heard(channel, RINGS, OVER)
    for _each in range(2):
        recordings.leave_message(channel, left, WANG, recording_id="r1", seconds=95)
    kept = book(world)
    assert kept.ending == "voicemail"
    with world.transaction():
        assert kept.voicemail.text == "语音留言（1:35）"
        assert Conversation.objects.count() == 1


def test_a_call_may_have_been_much(world, channel):
    heard(channel, RINGS)
    for number in range(2 * calls.MOST_STEPS):
        heard(channel, news("ringing", "staff", leg_id=f"l{number}"))
    heard(channel, OVER)
    kept = book(world)
    assert (len(kept.steps), kept.state) == (calls.MOST_STEPS, "ended")
