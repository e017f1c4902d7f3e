"""Replies that leave: signed, under a stable id, and every answer is understood."""

import base64
import gzip
import itertools
import json
import socket
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from django.utils.translation import override
from standardwebhooks import Webhook

from channels_app import calling, http
from channels_app.adapters.webhook.adapter import Adapter
from channels_app.protocol import (
    Attachment,
    ChannelConfig,
    ContactIdentity,
    OutboundMessage,
    SendError,
)
from helpdesk.errors import ChannelError

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"twenty-four random bytes").decode()
OLDER = "whsec_" + base64.b64encode(b"the bytes of last summer").decode()
MESSAGE = OutboundMessage(
    client_ref="0b0f3f0e-7a55-4f0e-9a6f-6f1d4b9c2a11",
    to=ContactIdentity("u-1", display_name="王芳"),
    text="可以退货 👍",
    thread_key="order 7",
)


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False), override("en"):
        yield


def adapter(url, *secrets):
    return Adapter(ChannelConfig("c", settings={"callback_url": url}, secrets=secrets or (SECRET,)))


def refused(url, message=MESSAGE):
    with pytest.raises(SendError) as raised:
        adapter(url).send(message)
    return raised.value


def told(error):
    return (error.kind, error.retryable, error.ambiguous, error.retry_after)


def test_a_reply_is_posted_signed_with_every_secret(system):
    adapter(system.url, SECRET, OLDER).send(MESSAGE)
    [(method, path, headers, body)] = system.calls
    assert (method, path) == ("POST", "/hook")
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["webhook-id"] == MESSAGE.client_ref
    for secret in (SECRET, OLDER):
        assert Webhook(secret).verify(body, headers)["type"] == "message.created"
    assert len(headers["webhook-signature"].split(" ")) == 2


def test_a_reply_says_what_to_show_to_whom(system):
    whole = OutboundMessage(
        client_ref=MESSAGE.client_ref,
        to=MESSAGE.to,
        text="可以退货 👍",
        thread_key="order 7",
        html="<p>可以退货</p>",
        subject="Re: 退货",
        attachments=(
            Attachment(
                "file",
                filename="单.pdf",
                mime="application/pdf",
                size=9,
                url="https://desk.example/f/1",
            ),
        ),
        reply_to="m-1",
        context={"sent_at": NOW - timedelta(minutes=1), "author": "李娜"},
    )
    adapter(system.url).send(whole)
    assert json.loads(system.calls[0][3]) == {
        "type": "message.created",
        "timestamp": "2026-11-22T07:59:00.000Z",
        "data": {
            "id": MESSAGE.client_ref,
            "thread": "order 7",
            "to": {"id": "u-1", "name": "王芳"},
            "author": {"name": "李娜"},
            "text": "可以退货 👍",
            "html": "<p>可以退货</p>",
            "subject": "Re: 退货",
            "reply_to": "m-1",
            "attachments": [
                {
                    "name": "单.pdf",
                    "type": "application/pdf",
                    "size": 9,
                    "url": "https://desk.example/f/1",
                }
            ],
            "sent_at": "2026-11-22T07:59:00.000Z",
        },
    }
    assert "可以退货".encode() in system.calls[0][3]


def test_every_attempt_has_the_same_id_and_a_time_of_its_own(system):
    for minutes in (0, 6):
        with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
            adapter(system.url).send(MESSAGE)
            Webhook(SECRET).verify(system.calls[-1][3], system.calls[-1][2])
    first, second = (call[2] for call in system.calls)
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]


def test_an_event_of_ours_is_sent_instead_of_a_message(system):
    event = {
        "type": "conversation.assigned",
        "data": {"at": NOW, "id": UUID(MESSAGE.client_ref), "owner": None},
    }
    message = OutboundMessage("r-1", ContactIdentity(""), "", context={"event": event})
    adapter(system.url).send(message)
    assert json.loads(system.calls[0][3]) == {
        "type": "conversation.assigned",
        "timestamp": "2026-11-22T08:00:00.000Z",
        "data": {"at": "2026-11-22T08:00:00Z", "id": MESSAGE.client_ref, "owner": None},
    }
    assert system.calls[0][2]["webhook-id"] == "r-1"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "x"},
        {"data": {}},
        {"type": "", "data": {}},
        {"type": "x", "data": []},
        "x",
        {"type": "x", "data": {"n": float("nan")}},
        {"type": "x", "data": {"n": object()}},
    ],
)
def test_an_event_that_json_cannot_say_is_not_sent(system, event):
    message = OutboundMessage("r-1", ContactIdentity("u"), "", context={"event": event})
    assert told(refused(system.url, message)) == ("other", False, False, None)
    assert system.calls == []


def test_a_text_with_a_lone_surrogate_still_leaves(system):
    adapter(system.url).send(OutboundMessage("r-1", ContactIdentity("u"), "a\ud800b"))
    assert json.loads(system.calls[0][3])["data"]["text"] == "a?b"


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (b'{"id": "x-17"}', ("x-17",)),
        (b"", ()),
        (b"OK", ()),
        (b'{"id": 17}', ()),
        (b'{"id": null}', ()),
        (b'{"id": "a\\u0000"}', ()),
        (b'{"id": "' + b"x" * 201 + b'"}', ()),
        (b'["x"]', ()),
        (b"[" * 60_000, ()),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_success_may_tell_the_id_over_there(system, status, body, ids):
    system.answers = [(status, {}, body)]
    found = adapter(system.url).send(MESSAGE)
    assert (found.status, found.provider_ids) == ("sent", ids)


def test_a_success_without_a_body_is_a_success(system):
    system.answers = [(204, {}, b"")]
    assert adapter(system.url).send(MESSAGE).status == "sent"


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (301, "undeliverable", False),
        (302, "undeliverable", False),
        (307, "undeliverable", False),
        (308, "undeliverable", False),
        (400, "undeliverable", False),
        (401, "auth", False),
        (403, "auth", False),
        (404, "undeliverable", False),
        (408, "server", True),
        (409, "undeliverable", False),
        (410, "blocked", False),
        (413, "undeliverable", False),
        (422, "undeliverable", False),
        (425, "server", True),
        (429, "rate", True),
        (500, "server", True),
        (502, "server", True),
        (503, "server", True),
        (504, "server", True),
    ],
)
def test_every_other_answer_says_whether_to_try_again(system, status, kind, retryable):
    system.answers = [(status, {"Location": f"{system.url}/elsewhere"}, b'{"id": "x"}')]
    error = refused(system.url)
    assert told(error) == (kind, retryable, False, None)
    assert str(status) in str(error.message)
    assert [call[1] for call in system.calls] == ["/hook"]  # a redirect is not followed


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("999999999", 3600),
        ("9" * 30, None),
        ("-5", None),
        ("１２", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
        ("Sun, 22 Nov 2026 08:02:00 GMT", 120),
        ("Sun, 22 Nov 2026 16:02:00 +0800", 120),
        ("Sun, 22 Nov 2026 08:02:00 -0000", 120),
        ("Sun, 22 Nov 2026 07:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("Mon, 99 Foo 2026 08:02:00 GMT", None),
    ],
)
def test_a_pause_is_honoured_up_to_an_hour(value, seconds):
    assert calling.pause(value, NOW) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize("status", [429, 503])
def test_the_pause_that_is_asked_for_goes_with_the_error(system, status):
    system.answers = [(status, {"Retry-After": "120"}, b"")]
    assert refused(system.url).retry_after == timedelta(seconds=120)


def test_nobody_listening_is_tried_again_and_nothing_was_sent(settings):
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound, not listening
        error = refused(f"http://127.0.0.1:{free.getsockname()[1]}/")
    assert told(error) == ("server", True, False, None)


def test_a_connection_that_drops_after_the_message_is_ambiguous(system):
    system.answers = [(None, {}, b"")]
    assert told(refused(system.url)) == ("server", True, True, None)
    assert len(system.calls) == 1


def test_an_answer_that_breaks_off_is_ambiguous(system):
    system.answers = [(200, {"Content-Length": "50"}, b'{"id"')]
    assert told(refused(system.url)) == ("server", True, True, None)


def test_a_silent_receiver_is_ambiguous(monkeypatch, settings):
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(calling, "TIMEOUT", http.httpx.Timeout(20, read=0.05))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refused(f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert told(error) == ("server", True, True, None)


def test_an_answer_above_64_kb_is_cut_off(system):
    system.answers = [(200, {}, b"x" * (64 * 1024))]
    adapter(system.url).send(MESSAGE)
    system.answers = [(200, {}, b"x" * (64 * 1024 + 1))]
    error = refused(system.url)
    assert told(error) == ("server", True, True, None)
    assert "too large" in str(error.message)


def test_a_compressed_answer_is_not_unpacked(system):
    system.answers = [(200, {"Content-Encoding": "gzip"}, gzip.compress(b"{}"))]
    error = refused(system.url)
    assert told(error) == ("server", True, True, None)
    assert "compressed" in str(error.message)


def test_an_answer_that_drips_is_cut_off(system, monkeypatch):
    system.answers = [(200, {}, b"x" * 60_000)]
    adapter(system.url).send(MESSAGE)
    clock = itertools.count(step=http.WHOLE_CALL_SECONDS + 1)
    monkeypatch.setattr(http.time, "monotonic", lambda: next(clock))
    assert told(refused(system.url)) == ("server", True, True, None)


def test_the_longest_wait_is_shorter_than_the_whole_call():
    waits = [calling.TIMEOUT.connect, calling.TIMEOUT.read]
    assert 15 <= calling.TIMEOUT.read <= 30
    assert sum(waits) < http.WHOLE_CALL_SECONDS


@pytest.mark.parametrize("url", [None, "", "   "])
def test_without_an_address_a_reply_is_undeliverable(url):
    assert told(refused(url)) == ("undeliverable", False, False, None)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_broken!"])
def test_without_a_usable_secret_nothing_leaves(system, secret):
    with pytest.raises(SendError) as raised:
        adapter(system.url, secret).send(MESSAGE)
    assert raised.value.kind == "auth"
    with pytest.raises(ChannelError):
        adapter(system.url, secret).test_connection()
    assert system.calls == []


def test_neither_secret_nor_text_is_logged(system, caplog):
    caplog.set_level(0)
    system.answers = [(200, {}, b""), (500, {}, b""), (None, {}, b"")]
    adapter(system.url).send(MESSAGE)
    errors = [refused(system.url), refused(system.url)]
    said = caplog.text + "".join(str(error) + str(error.message) for error in errors)
    for secret in (SECRET, SECRET.removeprefix("whsec_"), "twenty-four", "可以退货", "王芳"):
        assert secret not in said
