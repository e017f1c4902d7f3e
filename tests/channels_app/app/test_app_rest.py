"""What an app asks for over plain HTTP: it says, sees, confirms, rates, ends, and never what is another's."""

import json
import time
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from channels_app import limits
from channels_app.chat.signing import signature
from channels_app.services import asked_for
from helpdesk.models import Channel, Message, Outbox, Rating
from tests.channels_app.app.apps import App, open_app


def test_a_message_is_stored_once_however_often_it_is_sent(world, fang):
    reference = str(uuid.uuid4())
    first, again = (fang.says("Where is my parcel?", reference) for _each in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    with world.transaction():
        assert [each.text for each in Message.objects.all()] == ["Where is my parcel?"]


def test_what_was_said_is_told_page_by_page(fang, talk):
    pages, after = [], 0
    while True:
        page = fang.get(f"conversations/{talk}/messages", {"after": after, "limit": 1}).json()
        pages += page["entries"]
        after = pages[-1]["number"]
        if not page["more"]:
            break
    texts = [each["text"] for each in pages if each["kind"] == "message"]
    assert texts == ["Where is my parcel?", "On its way"]
    assert [each["number"] for each in pages] == sorted(each["number"] for each in pages)
    assert page["last_number"] == after
    [listed] = fang.get("conversations").json()["conversations"]
    assert (listed["id"], listed["last_number"]) == (talk, after)


def test_conversations_are_listed_in_pages(fang, talk, monkeypatch):
    monkeypatch.setattr(asked_for, "MOST_CONVERSATIONS", 1)
    page = fang.get("conversations").json()
    assert [each["id"] for each in page["conversations"]] == [talk]
    assert fang.get("conversations", {"before": talk}).json() == {
        "conversations": [],
        "more": False,
    }


def test_receipts_move_what_was_sent(world, fang, talk):
    def state():
        with world.transaction():
            return Outbox.objects.get().state

    entries = fang.get(f"conversations/{talk}/messages").json()["entries"]
    number = entries[-1]["number"]
    assert state() == "sent"
    assert fang.post(f"conversations/{talk}/receipts", delivered=[number]).status_code == 200
    assert state() == "delivered"
    assert fang.post(f"conversations/{talk}/receipts", read=number).status_code == 200
    assert state() == "read"


def test_what_ended_is_rated_once(world, fang, talk):
    assert fang.post(f"conversations/{talk}/rating", score=5).json()["error"] == "wrong_state"
    assert fang.post(f"conversations/{talk}/end").status_code == 200
    assert fang.post(f"conversations/{talk}/rating", score=4, comment="fine").status_code == 201
    assert fang.post(f"conversations/{talk}/rating", score=1).status_code == 409
    with world.transaction():
        assert Rating.objects.get().score == 4


def test_a_file_goes_up_with_its_message_and_down_by_its_link(fang):
    sent = fang.upload("receipt.txt", b"order 1234")
    assert sent.status_code == 201
    conversation = fang.says("My receipt", attachments=[sent.json()["id"]]).json()["conversation"]
    entries = fang.get(f"conversations/{conversation}/messages").json()["entries"]
    [file] = next(each for each in entries if each["kind"] == "message")["files"]
    down = Client().get(file["url"])
    assert b"".join(down.streaming_content) == b"order 1234"
    assert fang.upload("a.html", b"<html><script>1</script></html>").json()["error"] in {
        "unsupported_file"
    }


def test_nobody_reaches_what_is_anothers(world, other_world, fang, stranger, talk):
    elsewhere = App(open_app(other_world).public_id)
    for other in (stranger, elsewhere):
        answers = [
            other.get(f"conversations/{talk}/messages"),
            other.post(f"conversations/{talk}/receipts", delivered=[2], read=2),
            other.post(f"conversations/{talk}/typing", on=True),
            other.post(f"conversations/{talk}/rating", score=1),
            other.post(f"conversations/{talk}/end"),
        ]
        assert {each.status_code for each in answers} == {404}
        assert {each.json()["error"] for each in answers} == {"not_found"}
        assert other.get("conversations").json()["conversations"] == []
    # The same asked by whose it is.
    assert fang.post(f"conversations/{talk}/typing", on=True).status_code == 200
    with world.transaction():
        assert Outbox.objects.get().state == "sent"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": time.time() - 120}, "identity_expired"),
        ({"exp": time.time() + 9000}, "identity_refused"),
        ({"aud": "another"}, "identity_refused"),
        ({"secret": "a guess"}, "identity_refused"),
    ],
)
def test_a_refused_identity_is_told_why(app, claims, code):
    answer = App(app.public_id, **claims).get("conversations")
    assert (answer.status_code, answer.json()["error"]) == (401, code)


def test_without_an_identity_nothing_is_told(app):
    answer = Client().get(f"/api/app/v1/{app.public_id}/channel")
    assert (answer.status_code, answer.json()["error"]) == (401, "identity_required")


def test_channels_of_other_kinds_and_unknown_addresses_are_not_found(world, app, fang):
    assert fang.get("nothing").json()["error"] == "not_found"
    assert App(world.channel.public_id).get("channel").status_code == 404
    assert App("unknown").get("channel").status_code == 404
    assert fang.get("messages").status_code == 405


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"client_ref": "no", "text": "x"}, "client_ref"),
        ({"client_ref": str(uuid.uuid4()), "text": "x" * 10_001}, "text"),
        ({"client_ref": str(uuid.uuid4()), "text": "x", "attachments": ["a"]}, "attachments"),
        ({"client_ref": str(uuid.uuid4()), "text": ""}, "text"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(fang, values, field):
    answer = fang.post("messages", **values)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_bodies_that_are_no_objects_are_refused(fang):
    for body in (b"", b"[]", b"{", b"[" * 9000):
        answer = fang.client.post(
            f"{fang.base}/messages",
            body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {fang.identity}"},
        )
        assert answer.status_code == 400


def test_too_many_requests_are_told_when_to_come_back(fang, monkeypatch):
    monkeypatch.setattr(limits, "REQUESTS", (2, 100))
    answers = [fang.get("channel") for _each in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
    monkeypatch.setattr(limits, "REQUESTS", (200, 1000))
    monkeypatch.setattr(limits, "MESSAGES", (1, 100))
    assert [fang.says("x").status_code for _each in range(2)] == [201, 429]


class TestSignedRequests:
    """With the setting, what is not signed, not fresh or not new is refused."""

    SECRET = "in the app"

    @pytest.fixture
    def fang(self, world):
        channel = open_app(world, secrets={"request_secret": self.SECRET}, signed_requests=True)
        return App(channel.public_id)

    def headers(self, fang, path, *, body=b"", method="POST", **changed):
        known = {
            "timestamp": str(int(time.time()) + changed.pop("late", 0)),
            "nonce": uuid.uuid4().hex,
            "secret": self.SECRET,
            **changed,
        }
        secret = known.pop("secret")
        signed = signature(secret, method=method, path=f"{fang.base}/{path}", body=body, **known)
        return {
            "X-ED-Timestamp": known["timestamp"],
            "X-ED-Nonce": known["nonce"],
            "X-ED-Signature": signed,
        }

    def test_a_signed_request_is_good_once(self, fang):
        headers = self.headers(fang, "conversations?before=9", method="GET")
        first, again = (fang.get("conversations?before=9", **headers) for _each in range(2))
        assert first.status_code == 200
        assert (again.status_code, again.json()["error"]) == (401, "signature_refused")

    @pytest.mark.parametrize(
        "changed",
        [
            {"late": -400},
            {"late": 400},
            {"timestamp": "now"},
            {"nonce": "short"},
            {"secret": "a guess"},
            {"body": b"another"},
            {"method": "POST"},
        ],
    )
    def test_what_does_not_fit_is_refused(self, fang, changed):
        headers = self.headers(fang, "channel", **{"method": "GET", **changed})
        assert fang.get("channel", **headers).json()["error"] == "signature_refused"
        assert fang.get("channel").json()["error"] == "signature_refused"

    def test_the_signature_covers_the_body_and_the_file(self, fang):
        body = json.dumps({"client_ref": str(uuid.uuid4()), "text": "hello"}).encode()
        for sent, status in ((body, 201), (body.replace(b"hello", b"other"), 401)):
            answer = fang.client.post(
                f"{fang.base}/messages",
                sent,
                content_type="application/json",
                headers=fang.headers(self.headers(fang, "messages", body=body)),
            )
            assert answer.status_code == status
        for content, status in ((b"order 1234", 201), (b"order 9999", 401)):
            answer = fang.client.post(
                f"{fang.base}/files",
                {"file": SimpleUploadedFile("r.txt", content)},
                headers=fang.headers(self.headers(fang, "files", body=b"order 1234")),
            )
            assert answer.status_code == status

    def test_without_a_secret_nothing_is_taken(self, world):
        fang = App(open_app(world, signed_requests=True).public_id)
        headers = self.headers(fang, "channel", method="GET", secret="")
        assert fang.get("channel", **headers).json()["error"] == "signature_refused"


def test_a_language_is_asked_for_by_header(fang):
    for language, name in (("en-GB", "Acme"), ("zh-CN", "Acme")):
        answer = fang.get("channel", **{"Accept-Language": language})
        assert answer.json()["title"]["zh"] == name


def test_requests_are_counted_in_queries(fang, talk, django_assert_max_num_queries):
    with django_assert_max_num_queries(22):
        assert fang.get(f"conversations/{talk}/messages").status_code == 200


def test_the_channel_kind_alone_opens_the_door(world, app, fang):
    with world.transaction():
        Channel.objects.filter(pk=app.pk).update(is_active=False)
    assert fang.get("channel").status_code == 404
