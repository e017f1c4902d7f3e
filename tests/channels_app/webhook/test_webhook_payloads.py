"""What a genuine call may report, and that everything else is said to be a bad payload, by field."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.adapters.webhook.adapter import Adapter
from channels_app.adapters.webhook.events import _READERS
from channels_app.protocol import (
    Attachment,
    BadPayload,
    ChannelConfig,
    ContactIdentity,
    Event,
    RawRequest,
)

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
MESSAGE = {"id": "m-1", "sender": {"id": "u-1"}, "text": "怎么退货? 👍"}
OUR_ID = "0b0f3f0e-7a55-4f0e-9a6f-6f1d4b9c2a11"


def parse(body, *, key="msg_1", settings=None):
    request = RawRequest(
        method="POST",
        url="https://desk.example/channels/c/",
        query=(),
        headers={"webhook-id": key} if key else {},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        received_at=NOW,
    )
    return Adapter(ChannelConfig("c", settings=settings or {}, secrets=("s",))).parse(request)


def event(kind, data, **more):
    settings = more.pop("settings", None)
    [found] = parse({"type": kind, "data": data, **more}, settings=settings)
    return found


def created(**more):
    return event("message.created", {**MESSAGE, **more})


def reason(body):
    with pytest.raises(BadPayload) as raised:
        parse(body)
    return str(raised.value.message)


def wrong(kind="message.created", **more):
    return reason({"type": kind, "data": {**MESSAGE, **more}})


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


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "type: is required"),
        ({"type": 5}, "type: must be text"),
        ({"type": "x" * 101}, "type: is longer"),
        ({"type": "message.created"}, "data.id: is required"),
        ({"type": "message.created", "data": [MESSAGE]}, "data: must be an object"),
        ({"type": "message.created", "data": "x"}, "data: must be an object"),
        ({"type": "message.created", "data": MESSAGE, "timestamp": "now"}, "timestamp: must be"),
        (b'{"type":"ping","type":"typing"}', "body: a key stands twice"),
        (b'{"type":"ping","data":{"a":1,"\\u0061":2}}', "body: a key stands twice"),
        (b'{"type":"ping","data":NaN}', "body: NaN is no JSON"),
        (b'{"type":"ping","data":[-Infinity]}', "body: -Infinity is no JSON"),
        (b'{"type":"ping","data":1e999}', "body: a number is too large"),
        (b'{"type":"ping","data":' + b"9" * 20 + b"}", "body: a number is too large"),
        (b'{"type":"ping","data":-' + b"9" * 100_000 + b"}", "body: a number is too large"),
        (b'{"type":"ping","data":' + b"[" * 40 + b"]" * 40 + b"}", "body: nested too deeply"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "body: nested too deeply"),
        (b'{"a":' * 100_000, "body: not JSON"),
        (b"\xef\xbb\xbf{}", "body: not JSON"),
        ('{"type":"ping"}'.encode("utf-16"), "body: not JSON"),
        (b'{"type":"\xff"}', "body: not JSON"),
        (b"{'type':'ping'}", "body: not JSON"),
        (b'"ping"', "body: must be an object"),
        (b" " * (3 * 1024 * 1024 + 1), "body: too large"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_body_that_is_not_one_plain_object_is_refused(body, said):
    assert reason(body).startswith(said)


def test_a_call_without_an_id_is_a_bad_payload():
    with pytest.raises(BadPayload):
        parse({"type": "message.created", "data": MESSAGE}, key="")


def test_nesting_up_to_the_limit_is_read():
    assert parse(b'{"type":"ping","data":' + b"[" * 30 + b"]" * 30 + b"}") == []


def test_controls_and_lone_surrogates_are_taken_out_of_texts():
    found = created(
        text="a\x00b\x1b\ud83dc\td\ne",
        subject="x\u202ey\nz",
        sender={"id": "u-1", "name": "Ev\u2066e\x07\udc00"},
    )
    assert (found.text, found.subject, found.sender.display_name) == ("abc\td\ne", "xyz", "Eve")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("id", "ids", "thread", "sender", "text", "html", "subject", "sent_at", "sequence"),
        *("attachments", "reply_to", "client_ref", "on", "up_to", "error", "automatic"),
        *("name", "email", "phone", "language", "verified", "type", "url", "data"),
    ]
)
PARTS = st.dictionaries(NAMES, JSON)
DATA = st.dictionaries(NAMES, JSON | PARTS | st.lists(PARTS))
TYPES = st.sampled_from([*_READERS, "ping"])


@given(TYPES, DATA)
def test_any_data_is_an_event_or_a_bad_payload_and_nothing_worse(kind, data):
    body = json.dumps({"type": kind, "data": {**MESSAGE, **data}}).encode()
    try:
        found = parse(body)
    except BadPayload:
        return
    assert found == parse(body)
    for each in found:
        # What a database would refuse: lone surrogates and NUL.
        shown = f"{each.text}{each.html}{each.subject}{each.sender}{each.thread_key}{each.error}"
        shown.encode("utf-8")
        assert "\x00" not in shown
        assert each.sent_at is None or each.sent_at < NOW + timedelta(days=2)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_bad_payload_and_nothing_worse(body):
    try:
        assert parse(body) == []
    except BadPayload as error:
        str(error.message).encode()
