"""Customers of the customer service of WeCom, from a hint to the answer, against a played WeCom."""

import json
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from channels_app import polling
from channels_app.adapters.wecom_kf.adapter import SEND, SYNC
from channels_app.adapters.wecom_kf.fake import ACCOUNT, Vendor
from channels_app.models import InboundEvent, PollPosition
from channels_app.processing import process_due
from channels_app.services.doors import find_door
from helpdesk.models import Channel, Delivery, Direction, Message, Outbox
from helpdesk.services import organizations, replying
from tests.delivering import deliver_due
from tests.factories import World


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def service(world: World, vendor: Vendor) -> Channel:
    secrets = json.dumps({"secret": "the token", **vendor.named_secrets})
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="wecom_kf", name="客服", secret=secrets, settings=vendor.settings)
        )


def call(client: Client, vendor: Vendor, channel: Channel, body: bytes) -> int:
    sealed = vendor.seal(body, find_door(channel.public_id).config, timezone.now())
    answer = client.post(
        f"/channels/{channel.public_id}/",
        sealed.body,
        content_type=vendor.content_type,
        query_params=dict(sealed.query),
    )
    assert answer.content == b"success"
    return answer.status_code


def settle() -> None:
    process_due()
    polling.poll_due()
    process_due()


def texts(world: World) -> list[str]:
    with world.transaction():
        rows = Message.objects.filter(direction=Direction.IN).order_by("pk")
        return list(rows.values_list("text", flat=True))


def test_what_hints_point_at_is_fetched_once_and_from_where_reading_ended(
    world: World, client: Client, vendor: Vendor, service: Channel
) -> None:
    first = vendor.message("m-1", text="怎么退货?")
    for _each in range(3):
        assert call(client, vendor, service, first) == 200
    settle()
    assert texts(world) == ["怎么退货?"]
    call(client, vendor, service, vendor.message("m-2", text="在吗?"))
    settle()
    assert texts(world) == ["怎么退货?", "在吗?"]
    asked = [json.loads(each.body)["cursor"] for each in vendor.calls if each.path == SYNC]
    assert asked == ["", "1"]
    with world.transaction():
        assert Message.objects.values("conversation").distinct().count() == 1
        assert Message.objects.latest("pk").conversation.customer.label == "王芳"
        assert PollPosition.objects.get().place == ACCOUNT


def test_a_customer_is_answered_and_hears_of_what_did_not_arrive(
    world: World, client: Client, vendor: Vendor, service: Channel
) -> None:
    call(client, vendor, service, vendor.message("m-1"))
    settle()
    with world.transaction():
        asked = Message.objects.get(direction=Direction.IN)
    replying.reply(world.access("carol"), asked.conversation_id, text="七天之内都可以")
    deliver_due()
    (sent,) = [each for each in vendor.calls if each.path == SEND]
    said = json.loads(sent.body)
    assert (said["open_kfid"], vendor.text_of(sent)) == (ACCOUNT, "七天之内都可以")
    with world.transaction():
        assert Outbox.objects.get().state == Delivery.SENT
    failed = vendor.happens("msg_send_fail", fail_msgid=said["msgid"], fail_type=10)
    call(client, vendor, service, failed)
    settle()
    with world.transaction():
        row = Outbox.objects.get()
        assert row.state == Delivery.FAILED
        assert "(10)" in row.error


def test_a_withdrawn_message_goes_and_a_picture_is_kept(
    world: World, client: Client, vendor: Vendor, service: Channel
) -> None:
    call(client, vendor, service, vendor.message("m-1", text="wrong window"))
    vendor.comes("image", {"media_id": "p-1"}, "m-2")
    call(client, vendor, service, vendor.happens("user_recall_msg", recall_msgid="m-1"))
    settle()
    with world.transaction():
        withdrawn, picture = Message.objects.order_by("pk")
        assert withdrawn.text == ""
        assert picture.attachments.get().mime == "image/png"


def test_what_cannot_be_read_is_shown_to_people(
    world: World, client: Client, vendor: Vendor, service: Channel
) -> None:
    vendor.comes("text", {"content": 7}, "m-1")
    call(client, vendor, service, vendor.message("m-2", text="well"))
    settle()
    with world.transaction():
        states = InboundEvent.objects.exclude(kind="poll_hint").order_by("pk")
        assert list(states.values_list("state", flat=True)) == ["quarantined", "done"]
    assert "well" in texts(world)
