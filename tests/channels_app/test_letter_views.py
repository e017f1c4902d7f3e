"""Letters as they were sent: a document without any right, pictures by key, nothing for others to learn."""

import io
import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image

from channels_app import letter_views
from channels_app.http import Reply
from channels_app.letter_views import KEY_SECONDS, Look
from channels_app.models import InboundEvent
from channels_app.processing import process_due
from channels_app.protocol import ContactIdentity, Event
from channels_app.services import ingesting
from channels_app.services.doors import find_door
from helpdesk.models import Attachment, Entry, Message
from helpdesk.services import assignment, files, grants, replying, timeline
from tests.letters import mailbox_in

REMOTE = ["https://tracker.example/1.png", "https://tracker.example/2.png"]


def png():
    out = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def screen(world):
    def sign_in(name):
        client = Client(headers={"Accept-Language": "en"})
        client.force_login(world.people[name].user)
        session = client.session
        session["organization_id"] = world.organization.pk
        session.save()
        return client

    return sign_in


@pytest.fixture
def letter(world):
    with mailbox_in(world) as mailbox:
        html = '<p>左耳</p><img src="cid:pic1"><img data-remote="0"><img data-remote="1">'
        received = mailbox.receive(
            "左耳", html=html, remote_pictures=REMOTE, full_text="左耳\n<b>全文</b>"
        )
        with world.transaction():
            kept = files.store(png(), "a.png", staff_id=world.carol.pk)
            Attachment.objects.filter(pk=kept.pk).update(
                message_id=received.message_id, content_id="pic1"
            )
        assignment.take(world.access("carol"), received.conversation_id)
        yield received


@pytest.fixture
def fetched(monkeypatch):
    """What other servers answer, and what they were asked."""
    asked = []
    answers = {REMOTE[0]: Reply(200, {}, png())}

    def call(method, url, **limits):
        asked.append((method, url, limits))
        answer = answers[url]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(letter_views.http, "call", call)
    call.asked, call.answers = asked, answers
    return call


def addresses(screen, letter, query="", name="carol"):
    html = screen(name).get(f"/letters/{letter.message_id}/{query}").content.decode()
    return re.findall(r"http://testserver(/letters/[^\"]+)", html)


def test_the_document_may_do_nothing(screen, letter):
    answer = screen("carol").get(f"/letters/{letter.message_id}/")
    assert answer.status_code == 200
    policy = dict(
        part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        # A letter's own pictures stand in it; of what kinds they may be, sanitising has said.
        "img-src": "http://testserver data:",
        "style-src": "'unsafe-inline'",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'self'",
        "sandbox": "allow-popups allow-popups-to-escape-sandbox",
    }
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    # Nowhere else may anything of ours be framed.
    page = screen("carol").get(f"/conversations/{letter.conversation_id}/")
    assert page["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("name", ["erin", "frank"])
def test_a_letter_out_of_sight_is_not_there(screen, letter, name):
    assert screen(name).get(f"/letters/{letter.message_id}/").status_code == 404
    assert screen(name).get("/letters/999999/").status_code == 404


def test_strangers_are_sent_to_sign_in(letter):
    assert Client().get(f"/letters/{letter.message_id}/").status_code == 302


def test_the_whole_text_is_text(screen, letter):
    html = screen("carol").get(f"/letters/{letter.message_id}/?as=text").content.decode()
    assert "&lt;b&gt;全文&lt;/b&gt;" in html


def test_pictures_of_others_are_named_only_when_asked_for(screen, letter):
    assert [one for one in addresses(screen, letter) if "/remote/" in one] == []
    shown = [one for one in addresses(screen, letter, "?pictures=1") if "/remote/" in one]
    assert len(shown) == 2
    for query in ("", "?pictures=1"):
        html = screen("carol").get(f"/letters/{letter.message_id}/{query}").content.decode()
        assert "tracker.example" not in html


def test_a_picture_of_the_letter_shows_without_a_cookie(screen, letter):
    [address] = addresses(screen, letter)
    answer = Client().get(address)
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == png()
    assert answer["Content-Type"] == "image/png"
    for name, value in {
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Referrer-Policy": "no-referrer",
    }.items():
        assert answer[name] == value


def test_a_picture_of_another_server_is_fetched_for_the_reader(screen, letter, fetched):
    address = addresses(screen, letter, "?pictures=1")[1]
    answer = Client().get(address)
    assert (answer.status_code, answer.content) == (200, png())
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    [(method, url, limits)] = fetched.asked
    assert (method, url) == ("GET", REMOTE[0])
    assert limits["max_bytes"] == 5 * 2**20
    assert limits["timeout"].read == 5
    assert "headers" not in limits


@pytest.mark.parametrize(
    "answer",
    [
        Reply(404, {}, png()),
        Reply(302, {"location": "http://127.0.0.1/"}, b""),
        Reply(200, {"content-type": "image/png"}, b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        Reply(200, {"content-type": "image/png"}, b"<script>alert(1)</script>"),
        Reply(200, {}, b"%PDF-1.7"),
        Reply(200, {}, b"text"),
        Reply(200, {}, b""),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.TransportError("too large"),
        httpx.InvalidURL("what"),
    ],
    ids=lambda answer: type(answer).__name__ + str(getattr(answer, "status", "")),
)
def test_what_is_no_picture_is_not_there(screen, letter, fetched, answer):
    fetched.answers[REMOTE[0]] = answer
    address = addresses(screen, letter, "?pictures=1")[1]
    refused = Client().get(address)
    assert (refused.status_code, refused.content) == (404, b"No picture")


def test_only_pictures_of_the_letter_are_fetched(world, letter, fetched):
    for number in (2, 99, 10**12):
        look = Look(
            world.organization.pk, world.carol.pk, letter.message_id, str(number),
            int(timezone.now().timestamp()) + 60,
        )  # fmt: skip
        answer = Client().get(f"/letters/{letter.message_id}/remote/{number}?key={look.key}")
        assert answer.status_code == 404
    assert fetched.asked == []


def test_nothing_is_fetched_while_a_transaction_is_open(screen, letter, fetched):
    address = addresses(screen, letter, "?pictures=1")[1]
    assert screen("carol").get(address).status_code == 404
    assert fetched.asked == []


def _changed(key, **changes):
    parts = dict(zip(("organization", "staff", "until", "mark"), key.split("."), strict=True))
    return ".".join({**parts, **changes}.values())


@pytest.mark.parametrize(
    "change",
    [
        {"staff": "1"}, {"staff": "999"}, {"organization": "99"}, {"until": "99999999999"},
        {"mark": "0" * 40}, {"mark": ""}, {"staff": "²"}, {"staff": "-1"},
    ],
)  # fmt: skip
def test_a_changed_key_opens_nothing(screen, letter, fetched, change):
    for address in addresses(screen, letter, "?pictures=1"):
        path, _sep, key = address.partition("?key=")
        assert Client().get(f"{path}?key={_changed(key, **change)}").status_code == 404
        assert Client().get(path).status_code == 404
    assert fetched.asked == []


def test_a_key_is_for_one_picture_only(screen, letter, fetched):
    own, first, second = addresses(screen, letter, "?pictures=1")
    for address, other in ((first, second), (own, first), (second, own)):
        path, key = address.partition("?")[0], other.partition("?")[2]
        assert Client().get(f"{path}?{key}").status_code == 404
    assert fetched.asked == []


def test_a_key_ends_after_ten_minutes(world, letter, fetched):
    now = int(timezone.now().timestamp())
    look = Look(world.organization.pk, world.carol.pk, letter.message_id, "0", now + KEY_SECONDS)
    path = f"/letters/{letter.message_id}/remote/0"
    assert Client().get(f"{path}?key={look.key}").status_code == 200
    assert Client().get(f"{path}?key={replace(look, until=now - 1).key}").status_code == 404
    assert timedelta(seconds=KEY_SECONDS) == timedelta(minutes=10)


@pytest.mark.parametrize("how", ["right", "membership"])
def test_a_key_opens_only_what_its_reader_may_see_now(world, screen, letter, fetched, how):
    shown = addresses(screen, letter, "?pictures=1", name="bob")
    assert [Client().get(one).status_code for one in shown[:2]] == [200, 200]
    with world.transaction():
        if how == "right":
            for grant in list(world.bob.role_grants.all()):
                grants.revoke_role(grant, by=None)
        else:
            grants.deactivate(world.bob, by=None)
    assert [Client().get(one).status_code for one in shown[:2]] == [404, 404]


def test_other_files_of_a_letter_have_no_such_address(world, screen, letter):
    with world.transaction():
        kept = files.store(b"%PDF-1.4", "a.pdf", staff_id=world.carol.pk)
        Attachment.objects.filter(pk=kept.pk).update(
            message_id=letter.message_id, content_id="pic2"
        )
    until = int(timezone.now().timestamp()) + 60
    look = Look(
        world.organization.pk, world.carol.pk, letter.message_id, str(kept.public_id), until
    )
    answer = Client().get(f"/letters/{letter.message_id}/inline/{kept.public_id}?key={look.key}")
    assert answer.status_code == 404


# --- what could not be read -----------------------------------------------------------------------


@pytest.fixture
def unread(world, letter):
    with world.transaction():
        conversation = timeline.lock(letter.conversation_id)
        entry = timeline.next_entry(conversation, Entry.Kind.QUARANTINED)
        event = InboundEvent.objects.create(
            channel=conversation.channel,
            dedup_key="x",
            kind="raw",
            state=InboundEvent.State.QUARANTINED,
            raw=b"<script>alert(1)</script>",
            reason="too_deep",
            received_at=timezone.now(),
        )
        entry.data = {"event": event.pk, "reason": "too_deep"}
        timeline.append([entry])
        conversation.save()
        event.entry = entry
        event.save()
    return event


def test_what_could_not_be_read_is_bytes_to_download(screen, unread):
    answer = screen("carol").get(f"/letters/unread/{unread.pk}/")
    assert (answer.status_code, answer.content) == (200, b"<script>alert(1)</script>")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == f'attachment; filename="message-{unread.pk}.eml"'
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"


def test_what_became_a_message_is_not_given_out_as_it_came(world, screen, unread):
    path = f"/letters/unread/{unread.pk}/"
    assert screen("carol").get(path).status_code == 200
    for state in (InboundEvent.State.DONE, InboundEvent.State.IGNORED):
        with world.transaction():
            InboundEvent.objects.filter(pk=unread.pk).update(state=state)
        assert screen("carol").get(path).status_code == 404


def test_what_was_taken_back_is_not_given_out_as_it_came(world, screen):
    door, ann = find_door(world.channel.public_id), ContactIdentity("ann")
    said = Event("message", "1", ann, provider_id="m1", text="my card is 4111")
    for event in (said, Event("delete", "2", ann, provider_id="m1")):
        ingesting.store(door, [event], b"my card is 4111")
        process_due()
    with world.transaction():
        message = Message.objects.select_related("conversation").get()
        assert message.withdrawn_at
        found = list(InboundEvent.objects.filter(entry__isnull=False).values_list("pk", flat=True))
    assert len(found) == 2
    assignment.take(world.access("carol"), message.conversation_id)
    for pk in found:
        assert screen("carol").get(f"/letters/unread/{pk}/").status_code == 404


def test_only_who_sees_the_conversation_gets_what_could_not_be_read(world, screen, unread):
    path = f"/letters/unread/{unread.pk}/"
    assert screen("erin").get(path).status_code == 404
    assert screen("frank").get(path).status_code == 404
    assert screen("carol").get("/letters/unread/999999/").status_code == 404
    assert Client().get(path).status_code == 302
    replying.note(
        world.access("carol"), unread.entry.conversation_id, text="@", mention_ids=[world.frank.pk]
    )
    assert screen("frank").get(path).status_code == 200
