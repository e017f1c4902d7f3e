"""Calls that colleagues ask for: their own phone rings first, then the customer's."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app import placing
from channels_app.fake_vendor import Answer
from helpdesk.errors import NotFound, Refused, WrongState
from helpdesk.models import AuditEntry, Call, Conversation, Customer, Staff, State
from helpdesk.services import calls, dialling
from tests.channels_app.voice_twilio.conftest import ALICE


@pytest.fixture
def missed(line):
    """A conversation with somebody whose call was missed."""
    line.rings().hangs_up()
    return line.book().conversation_id


@pytest.fixture
def wanted(line, missed):
    """A call back that Carol has asked for, placed."""
    dialling.call(line.world.access("carol"), missed)
    assert placing.place_due() == 1
    return line.vendor.connects(line.config)


def test_the_colleague_is_rung_first_then_the_customer(line, missed, wanted):
    (wish,) = line.vendor.placed
    assert (wish["To"], wish["From"]) == (ALICE, line.vendor.settings["number"])
    kept = line.book()
    assert (kept.direction, kept.state, kept.staff_id) == ("out", "ringing", line.world.carol.pk)
    assert kept.provider_id == wish["sid"]
    # Whoever calls back has taken the conversation.
    assert kept.conversation.owner_id == line.world.carol.pk
    wanted.colleague_answers()
    assert wanted.stands == "dialling"
    assert wanted._at[0].text == "+8613800138000"
    assert line.book().state == "ringing"
    wanted.colleague_answers()
    kept = line.book()
    assert kept.state == "answered"
    assert kept.conversation.waiting_since is None
    wanted.talk_ends()
    kept = line.book()
    assert (kept.state, kept.ending) == ("ended", "completed")
    assert kept.conversation.state == State.WAITING


def test_a_colleague_who_does_not_pick_up_has_no_call(line, wanted):
    wanted.colleague_ignores()
    kept = line.book()
    assert (kept.ending, kept.reason) == ("failed", "not_picked_up")
    assert kept.conversation.waiting_since is not None


@pytest.mark.parametrize(
    ("state", "ending"), [("busy", "busy"), ("no-answer", "missed"), ("failed", "failed")]
)
def test_a_customer_who_does_not_pick_up_still_waits(line, wanted, state, ending):
    wanted.colleague_answers()
    wanted.colleague_ignores(state)
    kept = line.book()
    assert (kept.state, kept.ending) == ("ended", ending)
    assert kept.conversation.waiting_since is not None


def test_a_call_is_placed_once_whatever_becomes_of_it(line, missed):
    line.vendor.fail(Answer(is_dropped=True))
    dialling.call(line.world.access("carol"), missed)
    assert placing.place_due() == 1
    assert placing.place_due() == 0
    kept = line.book()
    assert (kept.state, kept.ending) == ("ended", "failed")
    assert kept.reason


def test_a_call_that_cannot_be_placed_in_time_is_given_up(line, missed):
    dialling.call(line.world.access("carol"), missed)
    later = timezone.now() + timedelta(minutes=2)
    with line.world.transaction():
        Call.objects.filter(state="wanted").update(due_at=timezone.now() - timedelta(minutes=2))
    assert placing.place_due() == 0
    assert dialling.lapse(later) == 1
    assert (line.book().ending, line.book().reason) == ("failed", "too_late")


def test_only_who_answers_customers_here_may_call_them(line, missed):
    with line.world.transaction():
        Staff.objects.update(call_address=ALICE)
    for name in ("erin", "frank"):
        with pytest.raises(NotFound):
            dialling.call(line.world.access(name), missed)
    dialling.call(line.world.access("dave"), missed)
    with line.world.transaction():
        assert AuditEntry.objects.filter(action="call.wanted").count() == 1


def test_who_has_no_phone_is_told_to_enter_one(line, missed):
    with pytest.raises(Refused, match="refused"):
        dialling.call(line.world.access("dave"), missed)


def test_one_call_at_a_time(line, missed):
    dialling.call(line.world.access("carol"), missed)
    with pytest.raises(WrongState):
        dialling.call(line.world.access("carol"), missed)


@pytest.mark.parametrize(
    ("phone", "region", "number"),
    [
        ("+86 139-0000-1111", "", "+8613900001111"),
        ("139 0000 1111", "CN", "+8613900001111"),
        ("139 0000 1111", "", ""),
        ("call me", "CN", ""),
        ("12", "CN", ""),
    ],
)
def test_customers_of_other_channels_are_called_by_the_number_they_left(
    line, phone, region, number
):
    line.change(region=region)
    conversation_id = line.world.message().conversation_id
    with line.world.transaction():
        Customer.objects.update(phone=phone)
        conversation = Conversation.objects.select_related("customer", "channel").get(
            pk=conversation_id
        )
        assert dialling.number_of(conversation) == number
    if not number:
        with pytest.raises(Refused):
            dialling.call(line.world.access("carol"), conversation_id)
        return
    dialling.call(line.world.access("carol"), conversation_id)
    assert line.book().customer_number == number
    assert line.book().conversation_id == conversation_id


def test_numbers_that_cost_the_caller_are_not_called(line):
    conversation_id = line.world.message().conversation_id
    with line.world.transaction():
        Customer.objects.update(phone="+449098790000")
    with pytest.raises(Refused):
        dialling.call(line.world.access("carol"), conversation_id)


def test_a_call_of_which_nothing_more_is_heard_ends(line, missed):
    call = line.rings()
    assert call.stands == "queued"
    assert calls.end_unheard(timezone.now()) == 0
    with line.world.transaction():
        Call.objects.exclude(state="ended").update(due_at=timezone.now())
    assert calls.end_unheard(timezone.now()) == 1
    assert (line.book().ending, line.book().reason) == ("failed", "unheard")
