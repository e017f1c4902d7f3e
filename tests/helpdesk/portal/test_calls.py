"""Phone calls on screens: one line that grows, what rings for somebody, and calling back."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.models import Call, Channel, Message, Staff
from helpdesk.services import assignment, calls, files, organizations, recordings
from helpdesk.services.calls import News
from helpdesk.services.identifying import Sender

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
NUMBER = "+8613800138000"
WANG = Sender(NUMBER, display_name=NUMBER)
# Forty frames of silence.
SOUND = (b"\xff\xfb\x90\x64" + bytes(413)) * 40


@pytest.fixture
def line(world):
    with world.transaction():
        return organizations.open_channel(Channel(kind="voice_twilio", name="热线"))


@pytest.fixture
def carol(screen):
    return screen("carol")


@pytest.fixture
def erin(screen):
    return screen("erin")


def hear(line, change, leg="customer", *, after=0, **facts):
    at = NOW + timedelta(seconds=after)
    facts.setdefault("customer_number", NUMBER)
    news = News(call_id="c1", leg=leg, change=change, at=at, **facts)
    calls.hear(line, news, WANG if leg == "customer" else None)
    return news


@pytest.fixture
def ringing(world, line):
    hear(line, "ringing")
    with world.transaction():
        conversation_id = Call.objects.get().conversation_id
    assignment.take(world.access("carol"), conversation_id)
    return conversation_id


def talk(world, line):
    hear(line, "answered", "staff", after=5, leg_id="l1", staff_id=world.carol.pk)


def thread(screen, conversation_id):
    page = screen.get(f"/conversations/{conversation_id}/")
    assert page.status_code == 200
    return page.content.decode()


def test_the_line_of_a_call_grows(world, line, ringing, carol):
    assert f"{NUMBER} is calling." in thread(carol, ringing)
    talk(world, line)
    assert "Carol is on the phone with the customer." in thread(carol, ringing)
    hear(line, "ended", after=68)
    shown = thread(carol, ringing)
    assert "Carol talked with the customer (1:03)." in shown
    assert "Carol picks up." in shown
    assert "The call is over." in shown


def test_a_missed_call_asks_for_a_call_back(world, line, ringing, carol):
    hear(line, "ended", after=9)
    shown = thread(carol, ringing)
    assert "Missed call. Please call back." in shown
    assert f"/conversations/{ringing}/call/" in shown
    assert f"Call {NUMBER}" in shown


def test_recordings_and_voicemails_are_played_from_here(world, line, ringing, carol):
    talk(world, line)
    with world.transaction():
        file = files.prepare(SOUND, "talk.mp3")
    recordings.add_to_call(line.pk, News("c1", "staff", "ended", NOW), [file])
    with world.transaction():
        left = files.prepare(SOUND, "left.mp3")
    news = News("c2", "customer", "ringing", NOW)
    recordings.leave_message(line, news, WANG, recording_id="r2", seconds=7, files=[left])
    shown = thread(carol, ringing)
    for each in (file, left):
        assert f'<audio controls preload="metadata" src="/files/{each.public_id}/"' in shown


def test_a_player_gets_the_part_that_it_asks_for(world, line, ringing, carol, erin):
    with world.transaction():
        file = files.prepare(SOUND, "talk.mp3")
    recordings.add_to_call(line.pk, News("c1", "staff", "ended", NOW), [file])
    path = f"/files/{file.public_id}/"
    whole = carol.get(path)
    assert (whole.status_code, whole["Content-Type"]) == (200, "audio/mpeg")
    assert b"".join(whole.streaming_content) == SOUND
    for asked, start, end in (
        ("bytes=0-", 0, len(SOUND)),
        ("bytes=0-1", 0, 2),
        ("bytes=100-", 100, len(SOUND)),
        ("bytes=100-99999999", 100, len(SOUND)),
    ):
        part = carol.get(path, HTTP_RANGE=asked)
        assert (part.status_code, part.content) == (206, SOUND[start:end])
        assert part["Content-Range"] == f"bytes {start}-{end - 1}/{len(SOUND)}"
        assert part["Content-Security-Policy"] == "default-src 'none'; sandbox"
    for asked in ("bytes=99999999-", "bytes=5-4", "bytes=-5", "bytes=0-1,4-5", "lines=1-"):
        assert carol.get(path, HTTP_RANGE=asked).status_code == 200
    assert erin.get(path).status_code == 404


def test_whose_call_it_is_sees_it_wherever_they_are(world, line, ringing, carol, erin):
    dock = carol.get("/calls/").content.decode()
    assert "A customer is calling" in dock
    assert "Enter your phone for calls" in dock
    assert "A customer is calling" in carol.get("/profile/").content.decode()
    assert "A customer is calling" not in erin.get("/calls/").content.decode()
    talk(world, line)
    assert "You are on the phone" in carol.get("/calls/").content.decode()
    hear(line, "ended", after=60)
    assert "hidden" in carol.get("/calls/").content.decode()


def test_the_caller_is_shown_with_what_came_before(world, line, ringing, carol):
    hear(line, "ended", after=9)
    with world.transaction():
        call = Call.objects.get()
        customer_id = call.conversation.customer_id
    other = world.message("耳机坏了").conversation_id
    with world.transaction():
        type(call.conversation).objects.filter(pk=other).update(customer_id=customer_id)
    news = News("c9", "customer", "ringing", NOW)
    calls.hear(line, news, WANG)
    assert "耳机坏了" in carol.get("/calls/").content.decode()


def test_the_button_has_the_customer_called(world, line, ringing, carol, erin):
    hear(line, "ended", after=9)
    path = f"/conversations/{ringing}/call/"
    refused = carol.post(path, {}, HTTP_HX_REQUEST="true")
    assert refused.status_code == 403
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(call_address="+8613911112222")
    assert carol.post(path, {}, HTTP_HX_REQUEST="true").status_code == 200
    with world.transaction():
        assert Call.objects.filter(direction="out", state="wanted").count() == 1
    assert erin.post(path, {}, HTTP_HX_REQUEST="true").status_code == 404


def test_a_caller_is_not_answered_in_writing_unless_another_channel_does(
    world, line, ringing, carol
):
    shown = thread(carol, ringing)
    assert "A caller is not answered in writing" in shown
    body = {"kind": "reply", "text": "Hello", "client_key": uuid4().hex}
    path = f"/conversations/{ringing}/write/"
    assert carol.post(path, body, HTTP_HX_REQUEST="true").status_code == 403
    with world.transaction():
        line.answers_by = organizations.open_channel(Channel(kind="sms_twilio", name="短信"))
        line.save()
    assert carol.post(path, body, HTTP_HX_REQUEST="true").status_code == 200
    with world.transaction():
        assert Message.objects.get().outbox.channel_id == line.answers_by_id


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+86 139 1111 2222", "+8613911112222"),
        ("sip:carol@pbx.example", "sip:carol@pbx.example"),
        ("", ""),
        ("13911112222", None),
        ("sip:carol", None),
        ("javascript:alert(1)", None),
    ],
)
def test_everybody_says_where_their_calls_ring(world, carol, typed, kept):
    data = {"language": "en", "timezone": "Asia/Shanghai", "theme": "system"}
    answer = carol.post("/profile/", {**data, "call_address": typed})
    assert answer.status_code == (422 if kept is None else 302)
    with world.transaction():
        assert Staff.objects.get(pk=world.carol.pk).call_address == (kept or "")


def test_calls_cost_the_same_however_many_there_are(world, line, ringing, carol):
    def cost():
        with CaptureQueriesContext(connection) as captured:
            thread(carol, ringing)
        return len(captured)

    thread(carol, ringing)
    one = cost()
    for number in range(8):
        news = News(f"more {number}", "customer", "ringing", NOW)
        calls.hear(line, news, WANG)
        calls.hear(line, News(f"more {number}", "customer", "ended", NOW), WANG)
    assert cost() <= one
