"""LINE: what its calls say, what we tell it, and one conversation from end to end against a played vendor."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils.translation import override

from channels_app.adapters.line.adapter import Adapter, signature
from channels_app.adapters.line.fake import PUSH, Vendor
from channels_app.fake_vendor import Answer
from channels_app.processing import process_due
from channels_app.protocol import (
    Attachment,
    BadPayload,
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
PERSON = "U206d25c2ea6bd87c17655609a1c37cb8"
GROUP = "Ca56f94637cc4347f90a25382909b24b9"
SECRETS = {"access_token": Vendor.named_secrets["access_token"]}


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


def adapter(vendor: Vendor | None = None, **facts: Any) -> Adapter:
    found = vendor.settings if vendor else {}
    return Adapter(
        ChannelConfig("c", settings=found, secrets=("s",), named_secrets=SECRETS, **facts)
    )


def reply(text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(PERSON), text=text, **facts)


def parsed(*events: dict[str, Any]) -> list[Event]:
    common = {"webhookEventId": "e-1", "timestamp": 1462629479859, "mode": "active"}
    body = {
        "destination": "U0",
        "events": [
            {**common, "source": {"type": "user", "userId": PERSON}, **event} for event in events
        ],
    }
    request = RawRequest("POST", "", (), {}, json.dumps(body).encode(), NOW)
    return adapter().parse(request)


def message(**facts: Any) -> dict[str, Any]:
    return {"type": "message", "message": {"id": "325708", **facts}}


# --- what its calls say ----------------------------------------------------------------------------


def test_a_text_is_a_message_of_the_person_who_wrote_it() -> None:
    (found,) = parsed(message(type="text", text="Hello, world", quotedMessageId="325700"))
    assert (found.kind, found.text, found.provider_id) == ("message", "Hello, world", "325708")
    assert found.sender == ContactIdentity(PERSON, verified=True)
    assert (found.thread_key, found.reply_to) == ("", "325700")
    assert found.sent_at == datetime(2016, 5, 7, 13, 57, 59, 859000, tzinfo=UTC)


def test_what_is_written_in_a_group_belongs_to_the_group() -> None:
    source = {"type": "group", "groupId": GROUP, "userId": PERSON}
    (found,) = parsed({**message(type="text", text="hi"), "source": source})
    assert (found.thread_key, found.sender and found.sender.external_id) == (GROUP, PERSON)


def test_files_are_fetched_by_their_message_or_from_where_they_lie() -> None:
    here, elsewhere = parsed(
        message(type="file", fileName="invoice.pdf", contentProvider={"type": "line"}),
        message(
            type="video",
            contentProvider={"type": "external", "originalContentUrl": "https://cdn.example/v"},
        ),
    )
    assert here.attachments == (Attachment("file", filename="invoice.pdf", media_ref="325708"),)
    assert elsewhere.attachments[0].url == "https://cdn.example/v"
    assert here.dedup_key != elsewhere.dedup_key


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"type": "location", "title": "my location", "address": "Tokyo"}, "my location\nTokyo"),
        ({"type": "location"}, "[A place]"),
        ({"type": "sticker", "packageId": "1", "stickerId": "2"}, "[A sticker]"),
        ({"type": "hologram"}, "[A message of a kind that cannot be shown: hologram]"),
    ],
)
def test_what_has_no_words_is_said_in_words(facts: dict[str, Any], text: str) -> None:
    with override("en"):
        (found,) = parsed(message(**facts))
    assert found.text == text


def test_edits_and_withdrawals_name_their_message() -> None:
    edited, gone = parsed(
        {"type": "messageEdited", "message": {"id": "325708", "type": "text", "text": "better"}},
        {"type": "unsend", "unsend": {"messageId": "325708"}},
    )
    assert (edited.kind, edited.provider_id, edited.text) == ("edit", "325708", "better")
    assert (gone.kind, gone.provider_id) == ("delete", "325708")


def test_a_redelivery_is_the_same_event() -> None:
    first = parsed(message(type="text", text="hi"))
    again = parsed({**message(type="text", text="hi"), "deliveryContext": {"isRedelivery": True}})
    assert first == again


def test_other_events_are_told_apart_and_never_break_the_rest() -> None:
    found = parsed(
        {"type": "follow", "follow": {"isUnblocked": True}},
        {"type": "postback", "postback": {"data": "action=buyItem"}},
        {"type": "beacon", "beacon": {"hwid": "d41d8cd98f"}},
        {"type": "memberLeft", "source": {"type": "group", "groupId": GROUP}},
        {"type": "somethingNew"},
        {**message(type="text", text="for another module"), "mode": "standby"},
        {**message(type="text", text="from nobody"), "source": {"type": "user"}},
    )
    assert [event.kind for event in found] == ["lifecycle", "postback"]


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "message", "message": {"type": "text", "text": "no id"}},
        {"type": "message", "message": {"id": "1", "type": "text", "text": 7}},
        {"type": "message", "message": "text"},
        {"type": "unsend", "unsend": {}},
        {**message(type="text", text="x"), "timestamp": 2**62},
        {**message(type="text", text="x"), "webhookEventId": ""},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(broken: dict[str, Any]) -> None:
    with pytest.raises(BadPayload):
        parsed(broken)


def test_the_signature_is_that_of_their_documentation() -> None:
    # HMAC-SHA256 of the body under the channel secret, in base64; reckoned with openssl.
    assert signature("secret", b"body") == "3EaYNVf+oSe0OvchRn65s/3iM4/j4U9RlSqoR4wT01U="


@pytest.mark.corpus
def test_every_recorded_call_is_read() -> None:
    for path in (Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks/line").rglob("*.json"):
        calls = json.loads(path.read_bytes())["events"]
        request = RawRequest("POST", "", (), {}, path.read_bytes(), NOW)
        found = adapter().parse(request)
        assert found == adapter().parse(request)
        said = [each for each in calls if each["type"] in {"message", "messageEdited", "unsend"}]
        read = [each for each in found if each.kind in {"message", "edit", "delete"}]
        assert len(read) == len(said) > 5
        assert all(each.text or each.attachments for each in read if each.kind != "delete")


# --- what we tell it ------------------------------------------------------------------------------


def test_a_reply_is_pushed_to_the_person_under_its_own_key(vendor: Vendor) -> None:
    sent = reply()
    result = adapter(vendor).send(sent)
    (call,) = vendor.calls
    assert (call.path, call.headers["x-line-retry-key"]) == (PUSH, sent.client_ref)
    assert json.loads(call.body) == {
        "to": PERSON,
        "messages": [{"type": "text", "text": "好的 👍"}],
    }
    assert (result.status, result.provider_ids) == ("sent", ("1",))


def test_what_was_taken_before_is_not_an_error(vendor: Vendor) -> None:
    sent = reply()
    vendor.fail(Answer(is_dropped=True))
    with pytest.raises(SendError) as lost:
        adapter(vendor).send(sent)
    assert lost.value.ambiguous
    first, second = adapter(vendor).send(sent), adapter(vendor).send(sent)
    assert first == second
    assert len(vendor.calls) == 3


def test_a_group_is_answered_in_the_group(vendor: Vendor) -> None:
    adapter(vendor).send(reply(thread_key=GROUP))
    assert json.loads(vendor.calls[0].body)["to"] == GROUP


def test_pictures_are_shown_and_other_files_linked(vendor: Vendor) -> None:
    picture = Attachment("image", filename="a.png", mime="image/png", url="https://desk.example/a")
    document = Attachment(
        "file", filename="b.pdf", mime="application/pdf", url="https://d.example/b"
    )
    for each in (picture, document):
        adapter(vendor).send(reply("", attachments=(each,)))
    shown, linked = (json.loads(call.body)["messages"][0] for call in vendor.calls)
    assert shown["originalContentUrl"] == shown["previewImageUrl"] == "https://desk.example/a"
    assert linked == {"type": "text", "text": "b.pdf\nhttps://d.example/b"}


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        (Answer(400, b'{"message":"The property is invalid"}'), "undeliverable", False),
        (Answer(401), "auth", False),
        (Answer(429, b'{"message":"You have reached your monthly limit."}'), "quota", False),
        (Answer(429, b'{"message":"The API rate limit has been exceeded."}'), "rate", True),
        (Answer(500), "server", True),
    ],
)
def test_each_refusal_says_what_it_means(
    vendor: Vendor, answer: Answer, kind: str, *, retryable: bool
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as refused:
        adapter(vendor).send(reply())
    assert (refused.value.kind, refused.value.retryable) == (kind, retryable)


@pytest.mark.parametrize("token", ["", "two\nlines", "käse"])
def test_without_a_usable_token_nothing_is_called(vendor: Vendor, token: str) -> None:
    bare = Adapter(replace(adapter(vendor).config, named_secrets={"access_token": token}))
    with pytest.raises(SendError) as refused:
        bare.send(reply())
    assert refused.value.kind == "auth"
    assert not vendor.calls


def test_files_come_with_the_token_and_wait_while_they_are_prepared(vendor: Vendor) -> None:
    file = Attachment("image", media_ref="32/5708")
    data, mime = adapter(vendor).fetch_media(file)
    assert (data[:4], mime) == (b"\x89PNG", "image/png")
    assert vendor.calls[0].path == "/data/v2/bot/message/32%2F5708/content"
    for answer, is_permanent in ((Answer(202), False), (Answer(404), True), (Answer(503), False)):
        vendor.fail(answer)
        with pytest.raises(ChannelError) as failed:
            adapter(vendor).fetch_media(file)
        assert failed.value.permanent is is_permanent


def test_a_file_from_elsewhere_is_fetched_without_the_token(vendor: Vendor) -> None:
    url = f"{vendor.settings['base_url']}/picture"
    with pytest.raises(ChannelError):
        adapter(vendor).fetch_media(Attachment("image", media_ref="1", url=url))
    assert "authorization" not in vendor.calls[0].headers


def test_the_connection_is_tested_by_asking_for_the_account(vendor: Vendor) -> None:
    assert "Everydesk" in adapter(vendor).test_connection()
    vendor.fail(Answer(200, b"<html>"))
    with pytest.raises(ChannelError) as stranger:
        adapter(vendor).test_connection()
    assert "not LINE" in str(stranger.value.message)
    vendor.fail(Answer(401))
    with pytest.raises(SendError):
        adapter(vendor).test_connection()


# --- from end to end ------------------------------------------------------------------------------


@pytest.fixture
def line(world: World, vendor: Vendor) -> Channel:
    secrets = json.dumps({"secret": "the channel secret", **SECRETS})
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="line", name="LINE", secret=secrets, settings=vendor.settings)
        )


def call(client: Client, channel: Channel, body: bytes, secret: str = "the channel secret") -> int:
    answer = client.post(
        f"/channels/{channel.public_id}/",
        body,
        content_type="application/json",
        HTTP_X_LINE_SIGNATURE=signature(secret, body),
    )
    return answer.status_code


def test_a_customer_is_answered_and_a_long_answer_comes_in_parts(
    world: World, client: Client, vendor: Vendor, line: Channel
) -> None:
    question = vendor.message("m-1", text="怎么退货?")
    assert [call(client, line, question) for _each in range(3)] == [200] * 3
    assert call(client, line, question, secret="a guess") == 401
    process_due()
    with world.transaction():
        asked = Message.objects.get(direction=Direction.IN)
    replying.reply(world.access("carol"), asked.conversation_id, text="好" * 7000)
    deliver_due()
    assert [len(vendor.text_of(each) or "") for each in vendor.calls] == [5000, 2000]
    with world.transaction():
        assert Outbox.objects.get().state == Delivery.SENT


def test_a_picture_of_a_customer_is_kept_and_a_withdrawn_message_goes(
    world: World, client: Client, vendor: Vendor, line: Channel
) -> None:
    picture = {"id": "m-2", "type": "image", "contentProvider": {"type": "line"}}
    assert call(client, line, vendor.event("message", message=picture)) == 200
    assert call(client, line, vendor.message("m-3", text="wrong window")) == 200
    assert call(client, line, vendor.event("unsend", unsend={"messageId": "m-3"})) == 200
    process_due()
    with world.transaction():
        kept, withdrawn = Message.objects.order_by("pk")
        assert kept.attachments.get().mime == "image/png"
        assert withdrawn.text == ""
