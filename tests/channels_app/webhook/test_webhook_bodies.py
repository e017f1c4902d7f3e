"""Bytes that are no message: always a bad payload, never anything worse."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_app.adapters.webhook.events import _READERS
from channels_app.protocol import BadPayload
from tests.channels_app.webhook.calls import MESSAGE, NOW, parse, reason


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


@settings(deadline=None)
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


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_bad_payload_and_nothing_worse(body):
    try:
        assert parse(body) == []
    except BadPayload as error:
        str(error.message).encode()
