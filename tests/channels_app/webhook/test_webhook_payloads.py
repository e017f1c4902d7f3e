"""What a genuine call may report, and that whatever does not fit is named by its field."""

import base64
import hashlib
from datetime import UTC, datetime

import pytest

from channels_app.protocol import Attachment, ContactIdentity, Event
from tests.channels_app.webhook.calls import MESSAGE, created, event, parse, reason, wrong

OUR_ID = "0b0f3f0e-7a55-4f0e-9a6f-6f1d4b9c2a11"


def test_a_short_message_becomes_an_event():
    assert created() == Event(
        kind="message",
        dedup_key="msg_1",
        provider_id="m-1",
        sender=ContactIdentity("u-1"),
        text="怎么退货? 👍",
        data={},
    )


def test_a_whole_message_becomes_an_event():
    found = created(
        thread="order 7",
        sender={
            "id": "u-1",
            "name": "王芳",
            "email": "wang@example.cn",
            "phone": "+86 138 0000 0000",
            "language": "zh-CN",
            "verified": True,
            "shoe_size": 38,
        },
        html="<p>怎么<b>退货</b>?</p>",
        subject="退货",
        sent_at="2026-11-22T15:59:58.5+08:00",
        sequence=7,
        attachments=[
            {"name": "收据.pdf", "type": "Application/PDF", "url": "https://shop.example/r?a=1"},
            {"name": "p.png", "type": "image/png", "data": base64.b64encode(b"\x89PNG").decode()},
        ],
        reply_to="m-0",
        client_ref="c-1",
        automatic=True,
        tomorrow={"unknown": [1, 2.5, None]},
    )
    assert found == Event(
        kind="message",
        dedup_key="msg_1",
        provider_id="m-1",
        sender=ContactIdentity(
            "u-1",
            display_name="王芳",
            email="wang@example.cn",
            phone="+86 138 0000 0000",
            locale="zh-CN",
        ),
        thread_key="order 7",
        text="怎么退货? 👍",
        html="<p>怎么<b>退货</b>?</p>",
        subject="退货",
        sent_at=datetime(2026, 11, 22, 7, 59, 58, 500_000, tzinfo=UTC),
        sequence=7,
        attachments=(
            Attachment(
                "file",
                filename="收据.pdf",
                mime="application/pdf",
                url="https://shop.example/r?a=1",
            ),
            Attachment(
                "image",
                filename="p.png",
                mime="image/png",
                size=4,
                sha256=hashlib.sha256(b"\x89PNG").hexdigest(),
                data=b"\x89PNG",
            ),
        ),
        reply_to="m-0",
        client_ref="c-1",
        is_automatic=True,
    )


@pytest.mark.parametrize(
    ("vouches", "mark", "verified"),
    [
        (True, True, True),
        (True, False, False),
        (True, None, False),
        (False, True, False),
        ("yes", True, False),
    ],
)
def test_identities_are_verified_only_where_the_channel_says_so(vouches, mark, verified):
    data = {**MESSAGE, "sender": {"id": "u-1", "verified": mark}}
    found = event("message.created", data, settings={"vouches": vouches})
    assert found.sender.verified is verified


def test_the_time_of_the_call_stands_in_for_the_time_of_the_message():
    assert event("message.created", MESSAGE, timestamp="2026-11-22T07:00:00Z").sent_at == (
        datetime(2026, 11, 22, 7, tzinfo=UTC)
    )
    both = event(
        "message.created",
        {**MESSAGE, "sent_at": "2026-11-22T06:00:00Z"},
        timestamp="2026-11-22T07:00:00Z",
    )
    assert both.sent_at == datetime(2026, 11, 22, 6, tzinfo=UTC)
    assert created().sent_at is None


def test_an_edit_names_what_it_edits():
    found = event("message.updated", {"id": "m-1", "text": "怎么换货?", "sequence": 8})
    assert found == Event(
        kind="edit", dedup_key="msg_1", provider_id="m-1", text="怎么换货?", sequence=8
    )
    assert event("message.updated", MESSAGE).sender == ContactIdentity("u-1")


def test_a_deletion_names_what_it_deletes():
    assert event("message.deleted", {"id": "m-1"}) == Event(
        kind="delete", dedup_key="msg_1", provider_id="m-1"
    )


@pytest.mark.parametrize("status", ["delivered", "read", "failed"])
def test_a_receipt_names_our_message_or_several(status):
    kind = f"message.{status}"
    one = event(kind, {"id": OUR_ID.upper()})
    assert (one.kind, one.status, one.client_ref, one.references) == (
        "receipt",
        status,
        OUR_ID,
        (OUR_ID.upper(),),
    )
    theirs = event(kind, {"id": "x-1", "ids": ["x-1", "x-2"]})
    assert (theirs.client_ref, theirs.references) == ("", ("x-1", "x-2"))


def test_a_receipt_may_say_up_to_when_somebody_has_read():
    found = event("message.read", {"up_to": "2026-11-22T07:59:00Z", "sender": {"id": "u-1"}})
    assert found.watermark == datetime(2026, 11, 22, 7, 59, tzinfo=UTC)
    assert found.sender == ContactIdentity("u-1")


def test_a_failure_says_why():
    assert event("message.failed", {"id": OUR_ID, "error": "inbox\x00 full"}).error == "inbox full"
    assert event("message.read", {"id": OUR_ID, "error": "x"}).error == ""


@pytest.mark.parametrize(("more", "on"), [({}, True), ({"on": False}, False)])
def test_typing_starts_and_ends(more, on):
    found = event("typing", {"sender": {"id": "u-1"}, **more})
    assert (found.kind, found.data) == ("typing", {"on": on})


@pytest.mark.parametrize(
    "body",
    [
        {"type": "ping"},
        {"type": "message.pinned", "data": [1]},
        {"type": "message.created.v2", "timestamp": 5},
        {"type": "conversation.resolved", "data": {}},
    ],
)
def test_unknown_types_are_skipped(body):
    assert parse(body) == []


def test_attempts_have_one_key_and_a_long_id_has_a_short_one():
    body = {"type": "message.created", "data": MESSAGE}
    assert parse(body, key="k" * 64)[0].dedup_key == "k" * 64
    long = {parse(body, key="k" * 199 + end)[0].dedup_key for end in "ab"}
    assert len(long) == 2
    assert all(len(key) == 64 for key in long)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"id": None}, "data.id: is required"),
        ({"id": ""}, "data.id: is required"),
        ({"id": 7}, "data.id: must be text"),
        ({"id": "x" * 201}, "data.id: is longer than 200 characters"),
        ({"id": "a\x00b"}, "data.id: holds characters that an id may not have"),
        ({"id": " a"}, "data.id: holds characters that an id may not have"),
        ({"id": "a\ud800"}, "data.id: holds characters that an id may not have"),
        ({"sender": None}, "data.sender.id: is required"),
        ({"sender": "u-1"}, "data.sender: must be an object"),
        ({"sender": {"name": "x"}}, "data.sender.id: is required"),
        ({"sender": {"id": "u", "name": 5}}, "data.sender.name: must be text"),
        ({"sender": {"id": "u", "name": "x" * 121}}, "data.sender.name: is longer"),
        ({"sender": {"id": "u", "email": "nobody"}}, "data.sender.email: has an unusable form"),
        ({"sender": {"id": "u", "phone": "1" * 31}}, "data.sender.phone: is longer"),
        ({"sender": {"id": "u", "language": "<b>"}}, "data.sender.language: has an unusable"),
        ({"sender": {"id": "u", "verified": "yes"}}, "data.sender.verified: must be true or false"),
        ({"sender": {"id": "u", "verified": 1}}, "data.sender.verified: must be true or false"),
        ({"thread": ["a"]}, "data.thread: must be text"),
        ({"text": None}, "data.text: is required"),
        ({"text": " \x07\n"}, "data.text: is required"),
        ({"text": {"a": 1}}, "data.text: must be text"),
        ({"text": "x" * 20_001}, "data.text: is longer than 20000 characters"),
        ({"html": "x" * 200_001}, "data.html: is longer than 200000 characters"),
        ({"subject": "x" * 201}, "data.subject: is longer"),
        ({"sent_at": 1764000000}, "data.sent_at: must be text"),
        ({"sent_at": "yesterday"}, "data.sent_at: must be a time with its offset"),
        ({"sent_at": "2026-11-22T08:00:00"}, "data.sent_at: must be a time with its offset"),
        ({"sent_at": "２０２６-11-22T08:00:00Z"}, "data.sent_at: must be a time with its offset"),
        ({"sent_at": "0001-01-01T00:00:00+08:00"}, "data.sent_at: must be a time with its"),
        ({"sent_at": "2026-11-24T08:00:00Z"}, "data.sent_at: lies in the future"),
        ({"sequence": -1}, "data.sequence: must be a whole number"),
        ({"sequence": True}, "data.sequence: must be a whole number"),
        ({"sequence": 1.5}, "data.sequence: must be a whole number"),
        ({"sequence": 2**63}, "data.sequence: must be a whole number"),
        ({"client_ref": "x" * 65}, "data.client_ref: is longer than 64 characters"),
        ({"attachments": {}}, "data.attachments: must be a list"),
        ({"attachments": [{}] * 11}, "data.attachments: has more than 10 items"),
        ({"attachments": ["x"]}, "data.attachments[0]: must be an object"),
        ({"attachments": [{"name": "x"}]}, "data.attachments[0].url: is required, or data"),
        (
            {"attachments": [{"url": "https://a.example/", "data": "eA=="}]},
            "data.attachments[0].url: is required, or data; not both",
        ),
        ({"attachments": [{"url": "file:///etc/passwd"}]}, "data.attachments[0].url: has an"),
        ({"attachments": [{"url": "javascript:alert(1)"}]}, "data.attachments[0].url: has an"),
        ({"attachments": [{"data": "eA"}]}, "data.attachments[0].data: must be base64"),
        ({"attachments": [{"data": "é"}]}, "data.attachments[0].data: must be base64"),
        (
            {"attachments": [{"data": "eA==", "type": "text/html; charset=x"}]},
            "data.attachments[0].type: has an unusable form",
        ),
    ],
)
def test_what_does_not_fit_is_named_by_its_field(more, said):
    assert created()  # the same message without the fault
    assert wrong(**more).startswith(said)


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("message.updated", {"text": "x"}, "data.id: is required"),
        ("message.updated", {"id": "m"}, "data.text: is required"),
        ("message.updated", {"id": "m", "text": "x", "sender": {}}, "data.sender.id: is required"),
        ("message.deleted", {}, "data.id: is required"),
        ("message.read", {}, "data.id: is required: one of id, ids or up_to"),
        ("message.read", {"ids": []}, "data.id: is required"),
        ("message.read", {"ids": "m"}, "data.ids: must be a list"),
        ("message.read", {"ids": ["m", 5]}, "data.ids: must be a list of ids"),
        ("message.read", {"ids": ["m", ""]}, "data.ids: must be a list of ids"),
        ("message.read", {"ids": ["m"] * 101}, "data.ids: has more than 100 items"),
        ("message.read", {"up_to": "2026-11-22T08:00:00Z"}, "data.sender.id: is required"),
        ("message.failed", {"up_to": "2026-11-22T08:00:00Z"}, "data.id: is required"),
        ("typing", {}, "data.sender.id: is required"),
        ("typing", {"sender": {"id": "u"}, "on": "yes"}, "data.on: must be true or false"),
    ],
)
def test_every_type_has_a_schema(kind, data, said):
    assert reason({"type": kind, "data": data}).startswith(said)


def test_controls_and_lone_surrogates_are_taken_out_of_texts():
    found = created(
        text="a\x00b\x1b\ud83dc\td\ne",
        subject="x\u202ey\nz",
        sender={"id": "u-1", "name": "Ev\u2066e\x07\udc00"},
    )
    assert (found.text, found.subject, found.sender.display_name) == ("abc\td\ne", "xyz", "Eve")
