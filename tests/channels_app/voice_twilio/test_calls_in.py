"""Customers who call: greeted, put through to a colleague, or given a voicemail, and kept as one entry."""

import pytest

from channels_app.models import InboundEvent
from channels_app.processing import process_due
from helpdesk.models import Call, Conversation, Entry, Message, State
from helpdesk.services import assignment


@pytest.fixture
def call(line):
    return line.rings()


def test_a_caller_is_greeted_and_waits(line, call):
    assert call.heard == ["Thank you for calling. Please hold the line."]
    assert call.stands == "queued"
    kept = line.book()
    assert (kept.state, kept.direction, kept.customer_number) == ("ringing", "in", "+8613800138000")
    assert kept.conversation.state == State.QUEUED
    assert kept.conversation.waiting_since is not None
    assert kept.entry.kind == Entry.Kind.CALL
    assert kept.conversation.last_text == "Phone call"
    call.waits(3)
    assert call.stands == "queued"


def take(line, name="carol"):
    assignment.take(line.world.access(name), line.book().conversation_id)


def test_whoever_has_the_conversation_is_rung_and_talks(line, call):
    take(line)
    call.waits()
    assert call.stands == "dialling"
    call.colleague_answers()
    kept = line.book()
    assert (kept.state, kept.staff_id) == ("answered", line.world.carol.pk)
    assert kept.conversation.waiting_since is None
    assert kept.conversation.first_replied_at == kept.answered_at
    call.talk_ends()
    assert call.stands == "over"
    kept = line.book()
    assert (kept.state, kept.ending) == ("ended", "completed")
    assert kept.conversation.state == State.WAITING


def test_who_does_not_pick_up_is_not_rung_again_and_the_next_one_is(line, call):
    take(line)
    call.waits()
    call.colleague_ignores()
    # Back with the others, who wait for somebody else.
    assert call.stands == "queued"
    kept = line.book()
    assert (kept.state, kept.conversation.state) == ("ringing", State.QUEUED)
    take(line)
    call.waits(3)
    assert call.stands == "queued"
    with line.world.transaction():
        line.world.dave.call_address = "sip:dave@pbx.example"
        line.world.dave.save()
    assignment.assign(line.world.access("bob"), kept.conversation_id, line.world.dave.pk)
    call.waits()
    assert call.stands == "dialling"
    call.colleague_answers()
    assert line.book().staff_id == line.world.dave.pk


def late(call):
    """Let the caller have waited for long."""
    call._wait_url = call._wait_url.replace("since=1", "since=0")
    call._at.set("action", call._at.get("action").replace("since=1", "since=0"))


def test_the_message_is_the_customers_word_with_its_sound(line, call):
    late(call)
    call.waits()
    assert call.stands == "recording"
    call.leaves_message()
    kept = line.book()
    assert (kept.state, kept.ending) == ("ended", "voicemail")
    with line.world.transaction():
        message = Message.objects.get()
        (file,) = message.attachments.all()
        assert (message.text, message.direction) == ("Voicemail (0:07)", "in")
        assert (file.mime, file.is_unchecked) == ("audio/mpeg", False)
        assert kept.voicemail_id == message.pk
        assert message.conversation_id == kept.conversation_id


def test_without_voicemail_the_caller_is_asked_to_call_again(line, call):
    line.change(voicemail_after=0)
    late(call)
    call.waits()
    assert call.heard[-1] == "Nobody can take your call now. Please call again later."
    assert (call.stands, line.book().ending) == ("over", "missed")


def test_a_colleague_who_comes_in_time_is_rung_though_the_caller_waited_long(line, call):
    take(line)
    late(call)
    call.waits()
    assert call.stands == "dialling"


def test_who_hangs_up_before_is_missed_and_waits_for_a_call_back(line, call):
    call.hangs_up()
    kept = line.book()
    assert (kept.state, kept.ending) == ("ended", "missed")
    assert kept.conversation.last_text == "Missed call"
    assert kept.conversation.waiting_since is not None


def test_who_hangs_up_while_somebody_is_rung_is_missed(line, call):
    take(line)
    call.waits()
    call.hangs_up()
    assert line.book().ending == "missed"


def test_the_same_customer_again_comes_to_the_same_conversation(line, call):
    call.hangs_up()
    line.rings()
    with line.world.transaction():
        assert Conversation.objects.count() == 1
        assert Call.objects.count() == 2
        assert Entry.objects.filter(kind="call").count() == 2


def test_callers_without_a_number_are_told_apart(line):
    for _each in range(2):
        line.rings(caller="anonymous")
    with line.world.transaction():
        assert Conversation.objects.count() == 2


def test_a_talk_is_recorded_where_that_is_wanted_and_said_before(line):
    line.change(records=True)
    call = line.rings()
    assert call.heard[-1] == "This call is recorded."
    take(line)
    call.waits()
    call.colleague_answers()
    call.talk_ends()
    with line.world.transaction():
        (file,) = line.book().recordings.all()
        assert (file.mime, file.message_id) == ("audio/mpeg", None)


def test_nothing_is_recorded_where_it_is_not_wanted(line, call):
    take(line)
    call.waits()
    assert call._at.get("record") is None


def test_every_report_is_processed(line, call):
    take(line)
    call.waits()
    call.colleague_answers()
    call.talk_ends()
    process_due()
    with line.world.transaction():
        states = set(InboundEvent.objects.values_list("state", flat=True))
    assert states == {InboundEvent.State.DONE}
