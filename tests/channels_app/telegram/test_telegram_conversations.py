"""Conversations through Telegram from end to end, against a played vendor."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.adapters.telegram.fake import Vendor, number_of, refusal, values_of
from channels_app.models import InboundEvent
from channels_app.processing import process_due
from helpdesk.models import Channel, Conversation, Delivery, Direction, Message, Outbox
from helpdesk.services import organizations, replying
from tests.channels_app.telegram.bots import GROUP, NOW, SECRETS
from tests.delivering import deliver_due
from tests.factories import World


@pytest.fixture
def telegram(world: World, vendor: Vendor) -> Channel:
    secrets = json.dumps({"secret": "the-secret", **SECRETS})
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="telegram", name="Bot", secret=secrets, settings=vendor.settings)
        )


def call(client: Client, channel: Channel, body: bytes, secret: str = "the-secret") -> int:
    answer = client.post(
        f"/channels/{channel.public_id}/",
        body,
        content_type="application/json",
        HTTP_X_TELEGRAM_BOT_API_SECRET_TOKEN=secret,
    )
    return answer.status_code


def test_a_customer_is_answered_and_a_long_answer_comes_in_parts(
    world: World, client: Client, vendor: Vendor, telegram: Channel
) -> None:
    question = vendor.message("m-1", text="怎么退货?")
    assert [call(client, telegram, question) for _each in range(3)] == [200] * 3
    assert call(client, telegram, question, secret="a guess") == 401
    process_due()
    with world.transaction():
        asked = Message.objects.get(direction=Direction.IN)
    replying.reply(world.access("carol"), asked.conversation_id, text="好" * 6000)
    deliver_due()
    assert [len(vendor.text_of(each) or "") for each in vendor.calls] == [4096, 1904]
    with world.transaction():
        sent = Outbox.objects.get()
        assert (sent.state, sent.provider_id) == (Delivery.SENT, f"{vendor.customer}:9002")


def test_an_album_of_somebody_new_is_one_conversation_with_its_pictures(
    world: World, client: Client, vendor: Vendor, telegram: Channel
) -> None:
    for number in range(10):
        photo = [{"file_id": f"p{number}", "width": 9, "height": 9}]
        body = vendor.update("message", f"a-{number}", photo=photo, media_group_id="133")
        assert call(client, telegram, body) == 200
    process_due()
    with world.transaction():
        assert Conversation.objects.filter(channel=telegram).count() == 1
        kept = Message.objects.filter(direction=Direction.IN)
        assert [each.attachments.get().mime for each in kept] == ["image/png"] * 10


def test_an_edit_counts_also_when_it_comes_before_its_message(
    world: World, client: Client, vendor: Vendor, telegram: Channel
) -> None:
    edit = json.loads(vendor.update("edited_message", "m-2", text="order 1002"))
    edit["update_id"] = number_of("the edit")
    assert call(client, telegram, json.dumps(edit).encode()) == 200
    process_due()
    assert call(client, telegram, vendor.message("m-2", text="order 1001")) == 200
    process_due()
    with world.transaction():
        InboundEvent.objects.filter(kind="edit").update(due_at=NOW)
    process_due()
    with world.transaction():
        assert Message.objects.get().text == "order 1002"


def test_a_group_is_answered_in_the_group(
    world: World, client: Client, vendor: Vendor, telegram: Channel
) -> None:
    chat = {"id": GROUP, "type": "supergroup", "title": "Friends"}
    assert call(client, telegram, vendor.update("message", "g-1", text="hi", chat=chat)) == 200
    assert call(client, telegram, vendor.message("g-1b", text="in private")) == 200
    process_due()
    with world.transaction():
        asked = Message.objects.get(text="hi")
        assert Conversation.objects.filter(channel=telegram).count() == 2
    replying.reply(world.access("carol"), asked.conversation_id, text="hello")
    deliver_due()
    said = values_of(vendor.calls[-1])
    assert (said["chat_id"], said["text"]) == (GROUP, "hello")
    assert said["reply_parameters"] == {
        "message_id": number_of("g-1"),
        "allow_sending_without_reply": True,
    }


def test_somebody_who_blocked_the_bot_is_not_written_to_again(
    world: World, client: Client, vendor: Vendor, telegram: Channel
) -> None:
    assert call(client, telegram, vendor.message("b-1")) == 200
    process_due()
    with world.transaction():
        asked = Message.objects.get(direction=Direction.IN)
    vendor.fail(refusal(403, "Forbidden: bot was blocked by the user"))
    replying.reply(world.access("carol"), asked.conversation_id, text="hello")
    deliver_due()
    deliver_due()
    assert len(vendor.calls) == 1
    with world.transaction():
        row = Outbox.objects.get()
        assert (row.state, row.error_code) == (Delivery.FAILED, "blocked")
        assert "blocked by the user" in row.error


def test_nothing_leaves_before_the_pause_that_was_asked_for(
    world: World, client: Client, vendor: Vendor, telegram: Channel
) -> None:
    assert call(client, telegram, vendor.message("r-1")) == 200
    process_due()
    with world.transaction():
        asked = Message.objects.get(direction=Direction.IN)
    vendor.fail(refusal(429, "Too Many Requests: retry after 17", retry_after=17))
    replying.reply(world.access("carol"), asked.conversation_id, text="hello")
    before = timezone.now()
    deliver_due()
    deliver_due()
    assert len(vendor.calls) == 1
    with world.transaction():
        row = Outbox.objects.get()
        assert (row.state, row.error_code) == (Delivery.QUEUED, "rate")
        assert row.due_at is not None
        assert row.due_at - before >= timedelta(seconds=17)
