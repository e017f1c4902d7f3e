"""Conversations through DingTalk from end to end, by HTTP and by stream, against a played vendor."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from channels_app import lines
from channels_app.adapters.dingtalk import adapter
from channels_app.adapters.dingtalk import streaming as streaming_lines
from channels_app.adapters.dingtalk.fake import GROUP, SECRET, Vendor
from channels_app.models import InboundEvent, PollPosition
from channels_app.processing import process_due
from channels_app.protocol import ChannelConfig
from helpdesk.models import Channel, Delivery, Direction, Message
from helpdesk.services import organizations, replying
from tests.channels_app.vendors import states
from tests.delivering import deliver_due
from tests.deploy.stack import eventually
from tests.factories import World


def opened(world: World, vendor: Vendor, **facts: object) -> Channel:
    with world.transaction():
        return organizations.open_channel(
            Channel(
                kind="dingtalk",
                name="DingTalk",
                secret=SECRET,
                settings={**vendor.settings, **facts},
            )
        )


def call(client: Client, channel: Channel, body: bytes, secret: str = SECRET) -> int:
    signed = Vendor().sign(body, ChannelConfig("c", secrets=(secret,)), timezone.now())
    headers = {f"HTTP_{name.upper()}": value for name, value in signed.items()}
    address = f"/channels/{channel.public_id}/"
    return client.post(address, body, content_type="application/json", **headers).status_code


def asked() -> Message:
    process_due()
    found: Message = Message.objects.filter(direction=Direction.IN).order_by("-pk")[0]
    return found


def test_a_customer_is_answered_in_the_session_and_after_it(
    world: World, client: Client, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = opened(world, vendor)
    question = vendor.message("msg-1", text="怎么退货?")
    assert [call(client, channel, question) for _each in range(3)] == [200] * 3
    assert call(client, channel, question, secret="a guess") == 401
    process_due()
    with world.transaction():
        conversation = asked().conversation_id
    replying.reply(world.access("carol"), conversation, text="七天之内都可以")
    deliver_due()
    # As if the session were nearly over by now.
    monkeypatch.setattr(adapter, "MARGIN", timedelta(hours=2))
    replying.reply(world.access("carol"), conversation, text="还在吗?")
    deliver_due()
    told = [(each.path.rpartition("/")[2], vendor.text_of(each)) for each in vendor.calls]
    assert told == [
        ("sendBySession", "七天之内都可以"),
        ("accessToken", None),
        ("batchSend", "还在吗?"),
    ]
    assert states(world) == [Delivery.SENT] * 2


def test_a_picture_of_a_group_is_kept_and_the_group_answered(
    world: World, client: Client, vendor: Vendor
) -> None:
    channel = opened(world, vendor)
    facts = {"conversationType": "2", "conversationId": GROUP, "sessionWebhook": None}
    picture = vendor.written("msg-2", "picture", content={"downloadCode": "c"}, **facts)
    assert call(client, channel, picture) == 200
    process_due()
    with world.transaction():
        found = asked()
        assert found.attachments.get().mime == "image/png"
    replying.reply(world.access("carol"), found.conversation_id, text="hello")
    deliver_due()
    assert vendor.calls[-1].path == "/v1.0/robot/groupMessages/send"


@pytest.fixture
def streaming(world: World, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Channel:
    monkeypatch.setattr(lines, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(streaming_lines, "STEP_SECONDS", 0.05)
    return opened(world, vendor, mode="stream")


def test_a_stream_is_followed_acknowledged_and_taken_up_again(
    world: World, vendor: Vendor, streaming: Channel
) -> None:
    held = lines.Lines()
    try:
        held.look()
        vendor.stream(vendor.message("msg-1", text="one"))
        vendor.stream(b'{"opaque":"ping"}', "ping")
        eventually(lambda: len(vendor.acknowledged) == 2, 20)
        first, pong = vendor.acknowledged
        assert (first["code"], first["data"]) == (200, '{"response": null}')
        assert pong["data"] == '{"opaque":"ping"}'
        # They hang up before they go: another line begins.
        vendor.stream(b"{}", "disconnect")
        vendor.stream(vendor.message("msg-2", text="two"))
        vendor.stream(vendor.message("msg-1", text="one"))
        vendor.stream(b"no JSON")
        eventually(lambda: len(vendor.acknowledged) == 5, 20)
    finally:
        held.stop_listening()
    assert sum(each.path.endswith("/connections/open") for each in vendor.calls) >= 2
    process_due()
    with world.transaction():
        found = Message.objects.filter(direction=Direction.IN).order_by("pk")
        assert [each.text for each in found] == ["one", "two"]
        assert InboundEvent.objects.get(kind="unreadable").reason.startswith("body")
        place = PollPosition.objects.get(channel=streaming, place=lines.PLACE)
        assert (place.failures, place.error) == (0, "")
