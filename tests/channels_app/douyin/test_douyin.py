"""Douyin: what its calls say, what we tell it, and one conversation from end to end against a played vendor."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone as clock
from django.utils.translation import override

from channels_app.adapters.douyin.adapter import Adapter, signature
from channels_app.adapters.douyin.fake import ACCOUNT, CLIENT_KEY, Vendor, refusal
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
from helpdesk.models import Channel, Conversation, Delivery, Direction, Message, Outbox
from helpdesk.services import organizations, replying
from tests.delivering import deliver_due
from tests.factories import World

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PERSON = "ac6479a5-d7a6-4018-84be-c29bfc00000"


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


def adapter(vendor: Vendor | None = None, **settings: object) -> Adapter:
    found = {**Vendor.facts, **(vendor.settings if vendor else {}), **settings}
    secrets = {"refresh_token": vendor.refresh_token if vendor else "rft"}
    return Adapter(
        ChannelConfig("c", settings=found, secrets=("s", "older"), named_secrets=secrets)
    )


def reply(text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(PERSON), text=text, **facts)


def request(body: object, **headers: str) -> RawRequest:
    return RawRequest("POST", "", (), headers, json.dumps(body).encode(), NOW)


def call(event: str = "im_receive_msg", **facts: object) -> dict[str, object]:
    content = {
        "conversation_short_id": "@c+1",
        "server_message_id": "@m+1",
        "conversation_type": 1,
        "create_time": 1670229453000,
        "message_type": "text",
        "text": "hello",
        "source": "",
        "user_infos": [{"open_id": PERSON, "nick_name": "Ann", "avatar": "https://a.example/p"}],
        **facts,
    }
    return {
        "event": event,
        "client_key": CLIENT_KEY,
        "from_user_id": PERSON,
        "to_user_id": ACCOUNT,
        "content": {name: value for name, value in content.items() if value is not None},
    }


def parsed(body: object, **headers: str) -> list[Event]:
    with override("en"):
        return adapter().parse(request(body, **headers))


# --- who calls ------------------------------------------------------------------------------------


def test_a_check_is_answered_with_what_it_asks() -> None:
    for content in ({"challenge": 12345}, json.dumps({"challenge": 12345})):
        found = adapter().handshake(request({"event": "verify_webhook", "content": content}))
        assert found is not None
        assert json.loads(found.body) == {"challenge": 12345}
        assert found.content_type == "application/json"


@pytest.mark.parametrize(
    "body",
    [
        call(),
        call(text="verify_webhook"),
        {"event": "verify_webhook", "padding": "x" * 3000},
        ["verify_webhook"],
    ],
)
def test_nothing_else_is_taken_for_a_check(body: object) -> None:
    assert adapter().handshake(request(body)) is None


def test_the_bytes_are_signed_and_each_secret_opens() -> None:
    body = json.dumps(call()).encode()
    for secret in ("s", "older"):
        headers = {"x-douyin-signature": signature(secret, body)}
        adapter().verify(RawRequest("POST", "", (), headers, body, NOW))
        with pytest.raises(BadSignature):
            adapter().verify(RawRequest("POST", "", (), headers, body + b" ", NOW))
    with pytest.raises(BadSignature):
        adapter().verify(RawRequest("POST", "", (), {}, body, NOW))


# --- what its calls say ---------------------------------------------------------------------------


def test_a_text_is_a_message_of_the_person_who_wrote_it() -> None:
    (found,) = parsed(call())
    assert (found.kind, found.text, found.direction) == ("message", "hello", "in")
    assert found.sender == ContactIdentity(
        PERSON, display_name="Ann", avatar_url="https://a.example/p", verified=True
    )
    assert (found.provider_id, found.thread_key) == ("@m+1", "@c+1")
    assert found.sent_at == datetime(2022, 12, 5, 8, 37, 33, tzinfo=UTC)


def test_content_may_be_a_text_of_json() -> None:
    packed = call()
    packed["content"] = json.dumps(packed["content"])
    assert parsed(packed) == parsed(call())


def test_another_try_of_theirs_is_the_same_event_with_or_without_an_id() -> None:
    nameless = call(server_message_id=None)
    first, again = parsed(nameless, **{"msg-id": "1"}), parsed(nameless, **{"msg-id": "1"})
    (other,) = parsed(call(server_message_id=None, text="more"), **{"msg-id": "2"})
    assert first == again
    assert other.dedup_key != first[0].dedup_key
    assert parsed(nameless) == parsed(nameless)
    assert parsed(call(), **{"msg-id": "1"}) == parsed(call(), **{"msg-id": "2"})


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"message_type": "image"}, "[A picture, to be seen in Douyin]"),
        ({"message_type": "user_local_video"}, "[A video, to be seen in Douyin]"),
        ({"message_type": "emoji"}, "[A sticker]"),
        (
            {"message_type": "retain_consult_card"},
            "[A card with contact details, to be seen in Douyin]",
        ),
        ({"message_type": "other"}, "[A message of a kind that cannot be shown: other]"),
        ({"message_type": "text"}, "[A message of a kind that cannot be shown: text]"),
        ({"message_type": None}, "[A message of a kind that cannot be shown: ?]"),
    ],
)
def test_what_has_no_words_is_said_in_words(facts: dict[str, Any], text: str) -> None:
    (found,) = parsed(call(**{"text": None, **facts}))
    assert (found.kind, found.text) == ("message", text)


def test_what_was_said_in_our_name_is_no_customers_word() -> None:
    ours = call("im_send_msg") | {"from_user_id": ACCOUNT, "to_user_id": PERSON}
    (found,) = parsed(ours)
    assert (found.kind, found.direction) == ("message", "out")
    assert found.sender is not None
    assert found.sender.external_id == PERSON


def test_other_events_are_told_apart() -> None:
    (recalled,) = parsed(call("im_recall_msg"))
    (entered,) = parsed(call("im_enter_direct_msg"))
    assert (recalled.kind, recalled.provider_id) == ("delete", "@m+1")
    assert (entered.kind, entered.data) == ("lifecycle", {"state": "im_enter_direct_msg"})
    assert parsed(call(conversation_type=2)) == []
    assert parsed(call("im_group_receive_msg")) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"client_key": CLIENT_KEY},
        call(text=7),
        call(create_time=2**62),
        call(user_infos="Ann"),
        call() | {"content": "{"},
        call() | {"from_user_id": None},
    ],
)
def test_what_does_not_fit_is_a_bad_payload(broken: dict[str, Any]) -> None:
    with pytest.raises(BadPayload):
        parsed(broken)


@pytest.mark.corpus
def test_every_recorded_call_is_read() -> None:
    folder = Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks/douyin"
    check = RawRequest("POST", "", (), {}, (folder / "verify_webhook.json").read_bytes(), NOW)
    answer = adapter().handshake(check)
    assert answer is not None
    assert json.loads(answer.body) == {"challenge": 12345}
    body = (folder / "im_receive_text.json").read_bytes()
    told = json.loads(body)
    reader = adapter(client_key=told["client_key"], account_id=told["to_user_id"])
    (found,) = reader.parse(RawRequest("POST", "", (), {}, body, NOW))
    assert (found.text, found.provider_id) == ("hello", told["content"]["server_message_id"])


# --- what we tell it ------------------------------------------------------------------------------


def test_an_answer_names_what_it_answers_in_all_of_its_parts(vendor: Vendor) -> None:
    sending = adapter(vendor)
    result = sending.send(reply(reply_to="@m+1", thread_key="@c+1"))
    call = vendor.calls[-1]
    assert json.loads(call.body) == {
        "msg_id": "@m+1",
        "conversation_id": "@c+1",
        "to_user_id": PERSON,
        "scene": "im_reply_msg",
        "content": {"msg_type": 1, "text": {"text": "好的 👍"}},
    }
    assert (call.query, result.provider_ids) == ({"open_id": ACCOUNT}, ("@sent+2",))
    later = adapter(vendor)
    later.send(reply(context={"answered": "@m+1"}))
    assert json.loads(vendor.calls[-1].body)["msg_id"] == "@m+1"


def test_a_file_leaves_as_a_link(vendor: Vendor) -> None:
    file = Attachment("image", filename="a.png", mime="image/png", url="https://x.example/a")
    adapter(vendor).send(reply("", attachments=(file,)))
    assert vendor.text_of(vendor.calls[-1]) == "a.png\nhttps://x.example/a"


@pytest.mark.parametrize(
    ("answer", "kind", "retryable", "ambiguous"),
    [
        (refusal(28001005, "system busy"), "server", True, False),
        (refusal(28003017, "quota used up"), "quota", False, False),
        (refusal(2190004, "no permission"), "auth", False, False),
        (refusal(99999, "something new"), "undeliverable", False, False),
        (Answer(502, b"<html>"), "server", True, False),
        (Answer(200, b"<html>"), "server", False, True),
        (Answer(200, b"{}"), "server", False, True),
        (Answer(is_dropped=True), "server", True, True),
    ],
)
def test_what_its_answers_mean(
    vendor: Vendor, answer: Answer, kind: str, retryable: bool, ambiguous: bool
) -> None:
    sending = adapter(vendor)
    took = vendor.answer
    vendor.answer = lambda call: answer if call.path == "/im/send/msg/" else took(call)  # type: ignore[method-assign]
    with pytest.raises(SendError) as refused:
        sending.send(reply("secret words"))
    error = refused.value
    assert (error.kind, error.retryable, error.ambiguous) == (kind, retryable, ambiguous)
    assert vendor.access_token not in error.message
    assert "secret words" not in error.message


def test_a_refresh_token_that_is_refused_is_a_fault_of_the_account(vendor: Vendor) -> None:
    sending = adapter(vendor)
    vendor.refresh_token = "another"
    with pytest.raises(SendError) as refused:
        sending.send(reply())
    assert refused.value.kind == "auth"
    assert len(vendor.calls) == 1


def test_files_are_not_given_out() -> None:
    with pytest.raises(ChannelError) as refused:
        adapter().fetch_media(Attachment("image", media_ref="1"))
    assert refused.value.permanent


def test_the_connection_is_tested(vendor: Vendor) -> None:
    assert "Ready" in adapter(vendor).test_connection()
    with pytest.raises(ChannelError) as refused:
        adapter(vendor, account_id="another").test_connection()
    assert "another account" in refused.value.message


def test_a_customer_is_answered_with_a_token_that_is_renewed(
    world: World, client: Client, vendor: Vendor
) -> None:
    secrets = json.dumps({"secret": "s", **Vendor.named_secrets})
    with world.transaction():
        channel = organizations.open_channel(
            Channel(kind="douyin", name="Douyin", secret=secrets, settings=vendor.settings)
        )
    config = ChannelConfig(channel.public_id, secrets=("s",))
    body = vendor.message("@m+7")
    for _each in range(3):
        headers = vendor.sign(body, config, clock.now())
        answer = client.post(
            f"/channels/{channel.public_id}/",
            body,
            content_type="application/json",
            HTTP_X_DOUYIN_SIGNATURE=headers["x-douyin-signature"],
            HTTP_MSG_ID=headers["msg-id"],
        )
        assert answer.status_code == 200
    process_due()
    with world.transaction():
        asked = Message.objects.get(direction=Direction.IN)
        conversation = Conversation.objects.get(pk=asked.conversation_id)
        assert conversation.thread_key == "@conversation+1"
    replying.reply(world.access("carol"), conversation.pk, text="好" * 700)
    deliver_due()
    # Their token ends early, and ours has the one that came with it.
    vendor.forget_token()
    replying.reply(world.access("carol"), conversation.pk, text="还在吗？")
    deliver_due()
    said = [each for each in vendor.calls if each.path == "/im/send/msg/"]
    assert [len(vendor.text_of(each) or "") for each in said] == [500, 200, 4, 4]
    assert {json.loads(each.body)["msg_id"] for each in said} == {"@m+7"}
    refreshed = [each for each in vendor.calls if each.path == "/oauth/refresh_token/"]
    assert len(refreshed) == 2
    with world.transaction():
        assert set(Outbox.objects.values_list("state", flat=True)) == {Delivery.SENT}
        kept = VendorToken.objects.get(name="refresh")
        assert kept.value == vendor.refresh_token
