"""X: what its calls say, what we tell it, and one conversation from end to end against a played vendor."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone as clock
from django.utils.translation import override

from channels_app.adapters.x_dm.adapter import Adapter, signature
from channels_app.adapters.x_dm.fake import ACCOUNT, Vendor, problem
from channels_app.fake_vendor import Answer
from channels_app.models import VendorToken
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
PERSON = "3001969357"
SEND = f"/2/dm_conversations/with/{PERSON}/messages"


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


def adapter(vendor: Vendor | None = None, **settings: object) -> Adapter:
    found = {**Vendor.facts, **(vendor.settings if vendor else {}), **settings}
    secrets = {**Vendor.named_secrets}
    if vendor:
        secrets["refresh_token"] = vendor.refresh_token
    return Adapter(
        ChannelConfig("c", settings=found, secrets=("s", "older"), named_secrets=secrets)
    )


def reply(text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(PERSON), text=text, **facts)


def parsed(**lists: object) -> list[Event]:
    people = {PERSON: {"id": PERSON, "name": "Ann", "screen_name": "ann"}}
    body = json.dumps({"for_user_id": ACCOUNT, "users": people, **lists}).encode()
    with override("en"):
        return adapter().parse(RawRequest("POST", "", (), {}, body, NOW))


def message(sender: str = PERSON, **content: object) -> list[Event]:
    target = PERSON if sender == ACCOUNT else ACCOUNT
    event = {
        "type": "message_create",
        "id": "954491830116155396",
        "created_timestamp": "1516403560557",
        "message_create": {
            "target": {"recipient_id": target},
            "sender_id": sender,
            "message_data": content,
        },
    }
    return parsed(direct_message_events=[event])


# --- who calls ------------------------------------------------------------------------------------


def checked(token: str, method: str = "GET") -> bytes | None:
    query = (("crc_token", token),)
    found = adapter().handshake(RawRequest(method, "", query, {}, b"", NOW))
    return found.body if found else None


def test_a_check_is_answered_with_what_only_we_and_they_can_reckon() -> None:
    # HMAC-SHA256 of "check" under "s"; reckoned with openssl.
    told = json.loads(checked("check") or b"{}")
    assert told == {"response_token": "sha256=QY38LPDEuiB+JLYP3AdnVHBVkmeuZC+dqsTkFpFoH3I="}
    assert checked("check", "POST") is None
    assert checked("") is None


def test_a_check_proves_no_call() -> None:
    """Whoever could have any text answered would have their own calls signed by us."""
    body = json.dumps({"for_user_id": ACCOUNT}).encode()
    for token in (body.decode(), "[]", "{}", " x", "x" * 201):
        assert checked(token) is None


def test_the_bytes_are_signed_and_each_secret_opens() -> None:
    body = b'{"for_user_id":"1"}'
    for secret in ("s", "older"):
        headers = {"x-twitter-webhooks-signature": signature(secret, body)}
        adapter().verify(RawRequest("POST", "", (), headers, body, NOW))
        with pytest.raises(BadSignature):
            adapter().verify(RawRequest("POST", "", (), headers, body + b" ", NOW))


# --- what its calls say ---------------------------------------------------------------------------


def test_a_text_is_a_message_of_the_person_who_wrote_it() -> None:
    (found,) = message(text="where is it?")
    assert (found.kind, found.text, found.direction) == ("message", "where is it?", "in")
    assert found.sender == ContactIdentity(PERSON, display_name="Ann", verified=True)
    assert found.provider_id == found.dedup_key == "954491830116155396"
    assert found.sent_at == datetime(2018, 1, 19, 23, 12, 40, 557000, tzinfo=UTC)


def test_what_the_account_itself_says_is_no_customers_word() -> None:
    (found,) = message(ACCOUNT, text="we are on it")
    assert found.direction == "out"
    assert found.sender == ContactIdentity(PERSON, display_name="Ann", verified=True)


def test_pictures_and_films_are_files_and_others_are_said_in_words() -> None:
    media = {"id": 7, "media_url_https": "https://ton.twitter.com/1", "type": "photo"}
    (picture,) = message(text="", attachment={"type": "media", "media": media})
    assert picture.attachments == (Attachment("image", url="https://ton.twitter.com/1"),)
    films = [
        {"content_type": "application/x-mpegURL", "url": "https://video.twimg.com/1.m3u8"},
        {"content_type": "video/mp4", "bitrate": 8, "url": "https://video.twimg.com/1.mp4"},
    ]
    film = media | {"type": "video", "video_info": {"variants": films}}
    (shown,) = message(text="look", attachment={"type": "media", "media": film})
    assert shown.attachments == (
        Attachment("video", mime="video/mp4", url="https://video.twimg.com/1.mp4"),
    )
    (place,) = message(text="", attachment={"type": "location"})
    assert place.text == "[A message of a kind that cannot be shown: location]"


def test_other_events_are_told_apart() -> None:
    seen = {
        "created_timestamp": "1516403560557",
        "sender_id": PERSON,
        "target": {"recipient_id": ACCOUNT},
        "last_read_event_id": "95",
    }
    (receipt,) = parsed(direct_message_mark_read_events=[seen, seen | {"sender_id": ACCOUNT}])
    assert (receipt.kind, receipt.status) == ("receipt", "read")
    assert receipt.watermark == datetime(2018, 1, 19, 23, 12, 40, 557000, tzinfo=UTC)
    followed = {"type": "follow", "created_timestamp": "1516403560557", "source": {"id": PERSON}}
    (follow,) = parsed(follow_events=[followed])
    assert (follow.kind, follow.data) == ("lifecycle", {"state": "follow"})
    assert parsed(direct_message_indicate_typing_events=[{"sender_id": PERSON}]) == []


@pytest.mark.parametrize(
    "event",
    [
        {"type": "message_create", "id": "1", "message_create": {"message_data": {"text": "x"}}},
        {"type": "message_create", "message_create": {"sender_id": PERSON}},
        {
            "type": "message_create",
            "id": "1",
            "created_timestamp": "soon",
            "message_create": {"sender_id": "1"},
        },
        {"type": 7},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(event: dict[str, Any]) -> None:
    with pytest.raises(BadPayload):
        parsed(direct_message_events=[event])


# --- what we tell it ------------------------------------------------------------------------------


def test_an_answer_goes_to_the_person(vendor: Vendor) -> None:
    result = adapter(vendor).send(reply())
    call = vendor.calls[-1]
    assert (call.path, json.loads(call.body)) == (SEND, {"text": "好的 👍"})
    assert result.provider_ids == ("2",)
    file = Attachment("image", filename="a.png", mime="image/png", url="https://x.example/a")
    adapter(vendor).send(reply("", attachments=(file,)))
    assert vendor.text_of(vendor.calls[-1]) == "a.png\nhttps://x.example/a"
    with pytest.raises(SendError):
        adapter(vendor).send(OutboundMessage("1", ContactIdentity("../me"), "x"))


@pytest.mark.parametrize(
    ("answer", "kind", "retryable", "ambiguous"),
    [
        (problem(403, "You cannot send messages to this user."), "blocked", False, False),
        (problem(403, "Not permitted"), "auth", False, False),
        (problem(400, "Bad text"), "undeliverable", False, False),
        (Answer(200, b'{"errors":[{"message":"no","code":349}]}'), "blocked", False, False),
        (Answer(200, b'{"errors":[{"message":"no","code":1}]}'), "undeliverable", False, False),
        (problem(503, "Over capacity"), "server", True, False),
        (problem(504, "Late"), "server", True, True),
        (Answer(201, b"<html>"), "server", False, True),
        (Answer(is_dropped=True), "server", True, True),
    ],
)
def test_what_its_answers_mean(
    vendor: Vendor, answer: Answer, kind: str, retryable: bool, ambiguous: bool
) -> None:
    took = vendor.answer
    vendor.answer = lambda call: answer if call.path == SEND else took(call)  # type: ignore[method-assign]
    with pytest.raises(SendError) as refused:
        adapter(vendor).send(reply("secret words"))
    error = refused.value
    assert (error.kind, error.retryable, error.ambiguous) == (kind, retryable, ambiguous)
    assert "secret words" not in error.message
    assert vendor.access_token not in error.message


def test_the_pause_is_until_when_they_say(vendor: Vendor) -> None:
    with time_machine.travel(NOW, tick=False):
        reset = {"x-rate-limit-reset": str(int(NOW.timestamp()) + 90)}
        took = vendor.answer
        full = problem(429, "Too Many Requests", **reset)
        vendor.answer = lambda call: full if call.path == SEND else took(call)  # type: ignore[method-assign]
        with pytest.raises(SendError) as refused:
            adapter(vendor).send(reply())
    assert (refused.value.kind, refused.value.retry_after) == ("rate", timedelta(seconds=90))


def test_a_token_that_is_refused_twice_is_a_fault_of_the_account(vendor: Vendor) -> None:
    took = vendor.answer
    vendor.answer = lambda call: problem(401, "No") if call.path == SEND else took(call)  # type: ignore[method-assign]
    with pytest.raises(SendError) as refused:
        adapter(vendor).send(reply())
    assert refused.value.kind == "auth"
    assert len([call for call in vendor.calls if call.path == SEND]) <= 2


def test_only_they_see_the_token(vendor: Vendor) -> None:
    here = f"http://127.0.0.1:{vendor.port}/files/1"
    data, mime = adapter(vendor).fetch_media(Attachment("image", url=here))
    assert (data[:4], mime) == (b"\x89PNG", "image/png")
    with Vendor() as stranger:
        url = f"http://127.0.0.1:{stranger.port}/files/1"
        with pytest.raises(ChannelError):
            adapter(vendor).fetch_media(Attachment("image", url=url))
        assert "authorization" not in stranger.calls[-1].headers


def test_the_connection_is_tested(vendor: Vendor) -> None:
    assert "@everydesk" in adapter(vendor).test_connection()
    with pytest.raises(ChannelError) as refused:
        adapter(vendor, account_id="7").test_connection()
    assert "another account" in refused.value.message
    vendor.refresh_token = "another"
    with pytest.raises(ChannelError):
        Adapter(
            ChannelConfig("c", settings=vendor.settings, named_secrets=Vendor.named_secrets)
        ).test_connection()


def test_a_customer_is_answered_with_refresh_tokens_that_change(
    world: World, client: Client, vendor: Vendor
) -> None:
    secrets = json.dumps({"secret": "s", **Vendor.named_secrets})
    with world.transaction():
        channel = organizations.open_channel(
            Channel(kind="x_dm", name="X", secret=secrets, settings=vendor.settings)
        )
    config = ChannelConfig(channel.public_id, secrets=("s",))

    def call(body: bytes) -> int:
        proof = vendor.sign(body, config, clock.now())["x-twitter-webhooks-signature"]
        return client.post(
            f"/channels/{channel.public_id}/",
            body,
            content_type="application/json",
            HTTP_X_TWITTER_WEBHOOKS_SIGNATURE=proof,
        ).status_code

    assert [call(vendor.message("m-1"))] * 2 == [200, 200]
    assert call(vendor.picture("m-2")) == 200
    assert call(vendor.reports("m-3", is_ours=True, text="said in the app")) == 200
    process_due()
    with world.transaction():
        asked, sent = Message.objects.filter(direction=Direction.IN).order_by("pk")
        assert sent.attachments.get().mime == "image/png"
        assert Message.objects.count() == 2
    for text in ("第一句", "第二句"):
        vendor.forget_token()
        replying.reply(world.access("carol"), asked.conversation_id, text=text)
        deliver_due()
    said = [vendor.text_of(each) for each in vendor.calls]
    assert [text for text in said if text] == ["第一句", "第一句", "第二句", "第二句"]
    with world.transaction():
        assert set(Outbox.objects.values_list("state", flat=True)) == {Delivery.SENT}
        assert VendorToken.objects.get(name="refresh").value == vendor.refresh_token
    seen = {
        "created_timestamp": str(int(clock.now().timestamp() * 1000) + 1000),
        "sender_id": PERSON,
    }
    assert call(vendor.tells(direct_message_mark_read_events=[seen])) == 200
    process_due()
    with world.transaction():
        assert set(Outbox.objects.values_list("state", flat=True)) == {Delivery.READ}
