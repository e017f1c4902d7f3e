"""Weibo: what its calls say, what we tell it, and one conversation from end to end against a played vendor."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone as clock
from django.utils.translation import override

from channels_app.adapters.weibo.adapter import Adapter, signature
from channels_app.adapters.weibo.fake import ACCOUNT, TOKEN, Vendor, form_of, refusal
from channels_app.fake_vendor import Answer
from channels_app.processing import process_due
from channels_app.protocol import (
    Attachment,
    BadPayload,
    BadSignature,
    ChannelConfig,
    ContactIdentity,
    Event,
    OutboundMessage,
    RawRequest,
    SendError,
)
from helpdesk.errors import ChannelError
from helpdesk.models import Channel, Delivery, Direction, Message, Outbox
from helpdesk.services import organizations, replying
from tests.delivering import deliver_due
from tests.factories import World

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PERSON = "2489518277"


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


def adapter(vendor: Vendor | None = None, **settings: object) -> Adapter:
    found = {"account_id": ACCOUNT, **(vendor.settings if vendor else {}), **settings}
    return Adapter(
        ChannelConfig(
            "c", settings=found, secrets=("s", "older"), named_secrets=Vendor.named_secrets
        )
    )


def reply(text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(PERSON), text=text, **facts)


def parsed(kind: str = "text", **facts: object) -> list[Event]:
    told = {
        "type": kind,
        "receiver_id": int(ACCOUNT),
        "sender_id": int(PERSON),
        "created_at": "Mon Jul 16 18:09:20 +0800 2012",
        "text": "where is it?",
        "data": {},
        **facts,
    }
    with override("en"):
        return adapter().parse(RawRequest("POST", "", (), {}, json.dumps(told).encode(), NOW))


def asked(
    at: datetime = NOW, *, secret: str = "s", method: str = "POST", **query: str
) -> RawRequest:
    timestamp = str(int(at.timestamp() * 1000))
    known = {"timestamp": timestamp, "nonce": "n", "signature": signature(secret, timestamp, "n")}
    return RawRequest(method, "", tuple((known | query).items()), {}, b"", NOW)


# --- who calls ------------------------------------------------------------------------------------


def test_the_address_is_proved_by_the_echo_of_a_signed_call() -> None:
    found = adapter().handshake(asked(method="GET", echostr="vIuz5ekD"))
    assert found is not None
    assert (found.status, found.body) == (200, b"vIuz5ekD")
    assert adapter().handshake(asked(method="POST", echostr="vIuz5ekD")) is None
    assert adapter().handshake(asked(method="GET")) is None
    with pytest.raises(BadSignature):
        adapter().handshake(asked(method="GET", secret="a guess", echostr="vIuz5ekD"))


@pytest.mark.parametrize("away", [timedelta(minutes=6), -timedelta(minutes=6)])
def test_a_call_of_another_time_is_refused(away: timedelta) -> None:
    for near in (timedelta(minutes=4), -timedelta(minutes=4)):
        adapter().verify(asked(NOW + near, secret="older"))
    with pytest.raises(BadSignature):
        adapter().verify(asked(NOW + away))


def test_a_time_that_is_none_is_refused_although_it_is_signed() -> None:
    with pytest.raises(BadSignature):
        adapter().verify(asked(timestamp="soon", signature=signature("s", "soon", "n")))
    seconds = str(int(NOW.timestamp()))
    adapter().verify(asked(timestamp=seconds, signature=signature("s", seconds, "n")))


@pytest.mark.corpus
def test_the_signature_is_that_of_their_documentation() -> None:
    path = Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks/_vectors/signature_vectors.json"
    vector = json.loads(path.read_bytes())["weibo"]
    known = signature(vector["appsecret"], str(vector["timestamp"]), str(vector["nonce"]))
    assert known == vector["signature"]


# --- what its calls say ---------------------------------------------------------------------------


def test_a_text_is_a_message_of_the_person_who_wrote_it() -> None:
    (found,) = parsed()
    assert (found.kind, found.text, found.direction) == ("message", "where is it?", "in")
    assert found.sender == ContactIdentity(PERSON, verified=True)
    assert found.sent_at == datetime(2012, 7, 16, 18, 9, 20, tzinfo=timezone(timedelta(hours=8)))


def test_what_comes_again_is_the_same_and_what_differs_is_not() -> None:
    (first,), (again,) = parsed(), parsed()
    (other,) = parsed(text="and where is the other?")
    (picture,) = parsed("image", data={"tovfid": 1})
    (second,) = parsed("image", data={"tovfid": 2})
    assert first == again
    assert len({each.dedup_key for each in (first, other, picture, second)}) == 4


def test_files_are_named_by_what_the_receiver_sees_them_by() -> None:
    for kind, shown in (("image", "image"), ("voice", "audio")):
        (found,) = parsed(kind, text="sent a file", data={"vfid": 1, "tovfid": 821804469})
        assert (found.text, found.attachments) == ("", (Attachment(shown, media_ref="821804469"),))  # type: ignore[arg-type]
    (packed,) = parsed("image", data='{"tovfid": 5}')
    assert packed.attachments[0].media_ref == "5"


@pytest.mark.parametrize(
    ("kind", "facts", "text"),
    [
        (
            "position",
            {"text": "", "data": {"longitude": "116.30", "latitude": "39.98"}},
            "[A place]\n39.98, 116.30",
        ),
        (
            "mention",
            {"text": "@shop help", "data": {"subtype": "status"}},
            "[Mentioned in a post]\n@shop help",
        ),
        (
            "mention",
            {"text": "@shop", "data": {"subtype": "comment"}},
            "[Mentioned in a comment]\n@shop",
        ),
        ("hologram", {"text": ""}, "[A message of a kind that cannot be shown: hologram]"),
    ],
)
def test_what_has_no_words_is_said_in_words(kind: str, facts: dict[str, Any], text: str) -> None:
    (found,) = parsed(kind, **facts)
    assert (found.kind, found.text) == ("message", text)


def test_events_are_told_apart() -> None:
    (follow,) = parsed("event", data={"subtype": "follow"})
    (click,) = parsed("event", data={"subtype": "click", "key": "returns"})
    assert (follow.kind, follow.data) == ("lifecycle", {"state": "follow"})
    assert (click.kind, click.text) == ("postback", "returns")


def test_what_we_said_ourselves_is_no_customers_word() -> None:
    (found,) = parsed(sender_id=int(ACCOUNT), receiver_id=int(PERSON))
    assert found.direction == "out"
    assert found.sender == ContactIdentity(PERSON, verified=True)


def test_a_number_that_a_float_would_round_stays_whole() -> None:
    (found,) = parsed(sender_id=9007199254740993)
    assert found.sender is not None
    assert found.sender.external_id == "9007199254740993"


@pytest.mark.parametrize(
    "broken",
    [
        {"text": 7},
        {"sender_id": None},
        {"sender_id": 2.5},
        {"created_at": "yesterday"},
        {"created_at": "Mon Jul 99 18:09:20 +0800 2012"},
        {"data": "{"},
        {"kind": "image"},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(broken: dict[str, Any]) -> None:
    with pytest.raises(BadPayload):
        parsed(**broken)


# --- what we tell it ------------------------------------------------------------------------------


def test_an_answer_goes_to_the_person_and_into_the_outbox_there(vendor: Vendor) -> None:
    assert adapter(vendor).send(reply()).status == "sent"
    (call,) = vendor.calls
    form = form_of(call)
    assert (form["receiver_id"], form["type"], form["save_sender_box"]) == (PERSON, "text", "1")
    assert json.loads(form["data"]) == {"text": "好的 👍"}
    assert call.headers["authorization"] == f"OAuth2 {TOKEN}"
    assert TOKEN not in call.path + call.body.decode()


def test_a_file_leaves_as_a_link(vendor: Vendor) -> None:
    file = Attachment("image", filename="a.png", mime="image/png", url="https://x.example/a")
    adapter(vendor).send(reply("", attachments=(file,)))
    assert vendor.text_of(vendor.calls[-1]) == "a.png\nhttps://x.example/a"


@pytest.mark.parametrize(
    ("answer", "kind", "retryable", "ambiguous"),
    [
        (refusal(21327, "expired_token"), "auth", False, False),
        (refusal(21332, "invalid_access_token", status=403), "auth", False, False),
        (refusal(10023, "User requests out of rate limit"), "rate", True, False),
        (refusal(10001, "System error"), "server", True, False),
        (refusal(20003, "User does not exists"), "undeliverable", False, False),
        (refusal(99999, "something new"), "undeliverable", False, False),
        (Answer(502, b"<html>"), "server", True, False),
        (Answer(200, b"<html>"), "server", False, True),
        (Answer(is_dropped=True), "server", True, True),
    ],
)
def test_what_its_answers_mean(
    vendor: Vendor, answer: Answer, kind: str, retryable: bool, ambiguous: bool
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as refused:
        adapter(vendor).send(reply("secret words"))
    error = refused.value
    assert (error.kind, error.retryable, error.ambiguous) == (kind, retryable, ambiguous)
    assert TOKEN not in str(error.message)
    assert "secret words" not in str(error.message)
    assert len(vendor.calls) == 1


def test_a_file_is_fetched_and_an_error_is_no_file(vendor: Vendor) -> None:
    data, mime = adapter(vendor).fetch_media(Attachment("image", media_ref="8 2"))
    assert (data[:4], mime) == (b"\x89PNG", "image/png")
    assert vendor.calls[-1].query == {"fid": "8 2"}
    for answer, permanent in ((refusal(20003, "gone"), True), (refusal(10001, "busy"), False)):
        vendor.fail(answer)
        with pytest.raises(ChannelError) as refused:
            adapter(vendor).fetch_media(Attachment("image", media_ref="1"))
        assert refused.value.permanent is permanent


def test_the_connection_is_tested_and_another_account_is_told(vendor: Vendor) -> None:
    assert ACCOUNT in adapter(vendor).test_connection()
    with pytest.raises(ChannelError) as refused:
        adapter(vendor, account_id="7").test_connection()
    assert ACCOUNT in refused.value.message
    vendor.fail(Answer(200, b"{}"))
    with pytest.raises(ChannelError) as refused:
        adapter(vendor).test_connection()
    assert "not Weibo" in refused.value.message


def test_how_long_a_message_may_be_is_a_setting() -> None:
    assert adapter().capabilities.text_max == 300
    assert adapter(text_max=140).capabilities.text_max == 140
    assert adapter(text_max=0).capabilities.text_max == 300


def test_a_customer_is_answered_once(world: World, client: Client, vendor: Vendor) -> None:
    secrets = json.dumps({"secret": "s", **Vendor.named_secrets})
    with world.transaction():
        channel = organizations.open_channel(
            Channel(kind="weibo", name="Weibo", secret=secrets, settings=vendor.settings)
        )
    config = ChannelConfig(channel.public_id, secrets=("s",))

    def call(body: bytes) -> bytes:
        sealed = vendor.seal(body, config, clock.now())
        answer = client.post(
            f"/channels/{channel.public_id}/",
            sealed.body,
            content_type="application/json",
            query_params=sealed.query,
        )
        assert answer.status_code == 200
        return answer.content

    question, picture = vendor.reports("text", text="怎么退货?"), vendor.picture("m-2")
    # Nothing: what stands there would be said to the customer.
    assert {call(body) for body in (question, question, picture)} == {b""}
    process_due()
    with world.transaction():
        asked, sent = Message.objects.filter(direction=Direction.IN).order_by("pk")
        assert (asked.text, sent.attachments.get().mime) == ("怎么退货?", "image/png")
    replying.reply(world.access("carol"), asked.conversation_id, text="好" * 400)
    deliver_due()
    said = [vendor.text_of(each) for each in vendor.calls]
    assert [len(text) for text in said if text is not None] == [300, 100]
    with world.transaction():
        assert Outbox.objects.get().state == Delivery.SENT


def test_the_shape_of_a_call_does_not_depend_on_the_adapter_before() -> None:
    one = adapter(text_max=10)
    assert replace(one.capabilities, text_max=300) == adapter().capabilities
