"""Conversations through Slack from end to end, against a played vendor."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.adapters.slack.fake import CHAT, Vendor, values_of
from channels_app.fake_vendor import Answer
from channels_app.processing import process_due
from channels_app.protocol import ChannelConfig
from helpdesk.models import Channel, Conversation, Delivery, Direction, Message
from helpdesk.services import organizations, replying
from tests.channels_app.slack.apps import SECRETS
from tests.channels_app.vendors import states
from tests.delivering import deliver_due
from tests.factories import World

ROOM = "C2147483705"


@pytest.fixture
def slack(world: World, vendor: Vendor) -> Channel:
    secrets = json.dumps({"secret": SECRETS[0], **vendor.named_secrets})
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="slack", name="Slack", secret=secrets, settings=vendor.settings)
        )


def call(client: Client, channel: Channel, body: bytes, secret: str = SECRETS[0]) -> int:
    signed = Vendor().sign(body, ChannelConfig("c", secrets=(secret,)), timezone.now())
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed.items()}
    address = f"/channels/{channel.public_id}/"
    return client.post(address, body, content_type="application/json", **headers).status_code


def test_a_customer_is_answered_and_a_long_answer_comes_in_parts(
    world: World, client: Client, vendor: Vendor, slack: Channel
) -> None:
    question = vendor.message("m-1", text="怎么退货?")
    assert [call(client, slack, question) for _each in range(3)] == [200] * 3
    assert call(client, slack, question, secret="a guess") == 401
    process_due()
    with world.transaction():
        asked = Message.objects.get(direction=Direction.IN)
    replying.reply(world.access("carol"), asked.conversation_id, text="好" * 6000)
    deliver_due()
    assert [len(vendor.text_of(each) or "") for each in vendor.calls] == [4000, 2000]
    assert states(world) == [Delivery.SENT]


def test_a_mention_is_one_message_and_is_answered_in_its_thread(
    world: World, client: Client, vendor: Vendor, slack: Channel
) -> None:
    facts = {"channel": ROOM, "ts": "1355517523.000005", "text": "<@U1> help"}
    for kind in ("message", "app_mention"):
        assert call(client, slack, vendor.event(kind, **facts)) == 200
    process_due()
    with world.transaction():
        asked = Message.objects.get()
        assert asked.text == "@U1 help"
    replying.reply(world.access("carol"), asked.conversation_id, text="hello")
    deliver_due()
    assert values_of(vendor.calls[-1])["thread_ts"] == "1355517523.000005"
    later = {**facts, "ts": "1355517600.000001", "thread_ts": facts["ts"], "text": "thanks"}
    assert call(client, slack, vendor.event("message", **later)) == 200
    other = {**facts, "ts": "1355517700.000001", "text": "something else"}
    assert call(client, slack, vendor.event("message", **other)) == 200
    process_due()
    with world.transaction():
        assert Conversation.objects.filter(channel=slack).count() == 2


def test_what_may_have_arrived_is_not_sent_again(
    world: World, client: Client, vendor: Vendor, slack: Channel
) -> None:
    assert call(client, slack, vendor.message("m-1")) == 200
    process_due()
    with world.transaction():
        asked = Message.objects.get()
    vendor.fail(Answer(is_dropped=True))
    replying.reply(world.access("carol"), asked.conversation_id, text="hello")
    for _each in range(3):
        deliver_due()
    assert len(vendor.calls) == 1
    assert states(world) == [Delivery.UNKNOWN]


def test_a_picture_is_kept_an_edit_counts_and_a_deleted_message_goes(
    world: World, client: Client, vendor: Vendor, slack: Channel
) -> None:
    first = {"ts": "1355517523.000005", "text": "broken"}
    shown = vendor.event("message", **first, subtype="file_share", files=[vendor.file()])
    newer = {**first, "user": vendor.customer, "text": "very broken"}
    edited = {**newer, "edited": {"user": vendor.customer, "ts": "1355517530.000001"}}
    second = {"ts": "1355517540.000001", "text": "wrong window"}
    bodies = [
        shown,
        vendor.event("message", subtype="message_changed", ts="1.000002", message=edited),
        vendor.event("message", **second),
        vendor.event(
            "message",
            subtype="message_deleted",
            deleted_ts=second["ts"],
            previous_message={**second, "user": vendor.customer},
        ),
    ]
    assert [call(client, slack, each) for each in bodies] == [200] * 4
    process_due()
    with world.transaction():
        kept, withdrawn = Message.objects.order_by("pk")
        assert (kept.text, kept.attachments.get().mime) == ("very broken", "image/png")
        assert withdrawn.text == ""
    assert CHAT in kept.provider_id
