"""Conversations through Feishu from end to end, against a played vendor."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.adapters.feishu.fake import GROUP, Vendor
from channels_app.processing import process_due
from channels_app.protocol import ChannelConfig
from helpdesk.models import Channel, Delivery, Direction, Message, Outbox
from helpdesk.services import organizations, replying
from tests.channels_app.feishu.apps import KEYS, sent_by
from tests.channels_app.vendors import states
from tests.delivering import deliver_due
from tests.factories import World


@pytest.fixture
def feishu(world: World, vendor: Vendor) -> Channel:
    secrets = json.dumps({"secret": KEYS[0], **vendor.named_secrets})
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="feishu", name="Feishu", secret=secrets, settings=vendor.settings)
        )


def call(client: Client, channel: Channel, body: bytes, key: str = KEYS[0]) -> int:
    """Call the channel as Feishu does, encrypted anew each time."""
    sealed = Vendor().seal(body, ChannelConfig("c", secrets=(key,)), timezone.now())
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sealed.headers.items()
    }
    address = f"/channels/{channel.public_id}/"
    return client.post(address, sealed.body, content_type="application/json", **headers).status_code


def asked(world: World) -> Message:
    process_due()
    with world.transaction():
        found: Message = Message.objects.filter(direction=Direction.IN).order_by("-pk")[0]
        return found


def test_a_customer_is_answered_and_has_read_it(
    world: World, client: Client, vendor: Vendor, feishu: Channel
) -> None:
    question = vendor.message("om_1", text="怎么退货?")
    # Each time with other bytes, and once from somebody else.
    assert [call(client, feishu, question) for _each in range(3)] == [200] * 3
    assert call(client, feishu, question, key="a guess") == 401
    replying.reply(world.access("carol"), asked(world).conversation_id, text="七天之内都可以")
    deliver_due()
    assert [json.loads(each["content"])["text"] for each in sent_by(vendor)] == ["七天之内都可以"]
    assert states(world) == [Delivery.SENT]
    assert call(client, feishu, vendor.read("om_sent_1")) == 200
    process_due()
    assert states(world) == [Delivery.READ]
    with world.transaction():
        assert Message.objects.filter(direction=Direction.IN).count() == 1


def test_all_processes_share_one_token(
    world: World, client: Client, vendor: Vendor, feishu: Channel
) -> None:
    call(client, feishu, vendor.message("om_1"))
    conversation = asked(world).conversation_id
    for text in ("one", "two"):
        replying.reply(world.access("carol"), conversation, text=text)
        deliver_due()
    assert vendor.issued == 1
    # It is refused before its time: another one is fetched, and what was written leaves once.
    vendor.expire()
    replying.reply(world.access("carol"), conversation, text="three")
    deliver_due()
    assert states(world) == [Delivery.SENT] * 3
    paths = [each.path.rpartition("/")[2] for each in vendor.calls]
    assert paths == ["internal", "messages", "messages", "messages", "internal", "messages"]


def test_a_picture_of_a_customer_is_kept_and_a_recalled_message_goes(
    world: World, client: Client, vendor: Vendor, feishu: Channel
) -> None:
    picture = vendor.written("om_2", "image", {"image_key": "img_1"})
    for body in (picture, vendor.message("om_3", text="wrong window"), vendor.recalled("om_3")):
        assert call(client, feishu, body) == 200
    process_due()
    with world.transaction():
        kept, withdrawn = Message.objects.order_by("pk")
        assert kept.attachments.get().mime == "image/png"
        assert withdrawn.text == ""


def test_a_group_is_answered_in_the_group(
    world: World, client: Client, vendor: Vendor, feishu: Channel
) -> None:
    facts = {"chat_id": GROUP, "chat_type": "group"}
    assert call(client, feishu, vendor.written("om_4", "text", {"text": "hi"}, **facts)) == 200
    replying.reply(world.access("carol"), asked(world).conversation_id, text="hello")
    deliver_due()
    assert vendor.calls[-1].path.endswith("/messages/om_4/reply")


def test_a_long_answer_comes_in_parts_and_each_once(
    world: World, client: Client, vendor: Vendor, feishu: Channel
) -> None:
    call(client, feishu, vendor.message("om_1"))
    replying.reply(world.access("carol"), asked(world).conversation_id, text="好" * 12_000)
    deliver_due()
    bodies = sent_by(vendor)
    assert [len(json.loads(each["content"])["text"]) for each in bodies] == [10_000, 2_000]
    assert len({each["uuid"] for each in bodies}) == 2
    with world.transaction():
        assert Outbox.objects.get().provider_id == "om_sent_2"
