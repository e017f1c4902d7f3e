"""Customers of official accounts and mini programs, from their message to the answer, against a played WeChat."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from channels_app import registry
from channels_app.models import InboundEvent, VendorToken
from channels_app.processing import process_due
from channels_app.services.doors import find_door
from channels_app.wechat.accounts import SEND
from channels_app.wechat.played import PlayedAccount, refusal
from helpdesk.errors import Refused
from helpdesk.models import Channel, Delivery, Direction, Message, Outbox
from helpdesk.services import organizations, replying
from tests.delivering import deliver_due
from tests.factories import World

KINDS = ("wechat", "wechat_mini")


@pytest.fixture(params=KINDS)
def vendor(request: pytest.FixtureRequest, settings: LazySettings) -> Iterator[PlayedAccount]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    found = registry.fake_vendor_of(request.param)()
    assert isinstance(found, PlayedAccount)
    with found:
        yield found


@pytest.fixture
def account(world: World, vendor: PlayedAccount) -> Channel:
    secrets = json.dumps({"secret": "the token", **vendor.named_secrets})
    kind = "wechat_mini" if vendor.in_json else "wechat"
    with world.transaction():
        return organizations.open_channel(
            Channel(kind=kind, name="WeChat", secret=secrets, settings=vendor.settings)
        )


def call(client: Client, vendor: PlayedAccount, channel: Channel, body: bytes) -> tuple[int, bytes]:
    config = find_door(channel.public_id).config
    sealed = vendor.seal(body, config, timezone.now())
    answer = client.post(
        f"/channels/{channel.public_id}/",
        sealed.body,
        content_type=vendor.content_type,
        query_params=dict(sealed.query),
    )
    return answer.status_code, answer.content


def sent(vendor: PlayedAccount) -> list[str]:
    found = (vendor.text_of(each) for each in vendor.calls if each.path == SEND)
    return [each for each in found if each is not None]


def asked(world: World) -> Message:
    process_due()
    with world.transaction():
        found: Message = Message.objects.get(direction=Direction.IN)
        return found


def test_a_call_that_comes_again_in_other_words_is_one_message(
    world: World, client: Client, vendor: PlayedAccount, account: Channel
) -> None:
    question = vendor.message("m-1")
    # Their retries are encrypted anew.
    answers = [call(client, vendor, account, question) for _each in range(3)]
    assert answers == [(200, b"success")] * 3
    assert asked(world).text == "怎么退货?"
    with world.transaction():
        assert InboundEvent.objects.count() == 1


def test_a_long_answer_comes_in_parts_that_wechat_takes(
    world: World, client: Client, vendor: PlayedAccount, account: Channel
) -> None:
    call(client, vendor, account, vendor.message("m-1"))
    replying.reply(world.access("carol"), asked(world).conversation_id, text="好" * 1000)
    deliver_due()
    assert [len(each.encode()) for each in sent(vendor)] == [2046, 954]
    with world.transaction():
        assert Outbox.objects.get().state == Delivery.SENT
        # One token for all, kept encrypted.
        assert VendorToken.objects.get().value == vendor.token


def test_a_picture_of_a_customer_is_kept(
    world: World, client: Client, vendor: PlayedAccount, account: Channel
) -> None:
    call(client, vendor, account, vendor.picture("m-2"))
    message = asked(world)
    with world.transaction():
        assert message.attachments.get().mime == "image/png"


def test_what_wechat_refuses_for_good_is_shown_as_failed(
    world: World, client: Client, vendor: PlayedAccount, account: Channel
) -> None:
    call(client, vendor, account, vendor.message("m-1"))
    conversation = asked(world).conversation_id
    replying.reply(world.access("carol"), conversation, text="First")
    deliver_due()
    vendor.fail(refusal(45047, "out of response count limit"))
    replying.reply(world.access("carol"), conversation, text="One too many")
    deliver_due()
    with world.transaction():
        failed = Outbox.objects.order_by("-message_id").first()
        assert (failed.state, failed.error_code) == (Delivery.FAILED, "quota")
        assert "45047" in failed.error


def test_after_two_days_nothing_is_sent_any_more(
    world: World, client: Client, vendor: PlayedAccount, account: Channel
) -> None:
    call(client, vendor, account, vendor.message("m-1"))
    conversation = asked(world).conversation_id
    late = timezone.now() + timedelta(hours=48, minutes=1)
    with time_machine.travel(late, tick=False), pytest.raises(Refused):
        replying.reply(world.access("carol"), conversation, text="Too late")
    assert sent(vendor) == []


def test_their_check_of_the_address_is_answered(
    client: Client, vendor: PlayedAccount, account: Channel
) -> None:
    config = find_door(account.public_id).config
    sealed = vendor.seal(b"", config, timezone.now())
    query = {**sealed.query, "echostr": "5837397246"}
    address = f"/channels/{account.public_id}/"
    assert client.get(address, query_params=query).content == b"5837397246"
    forged = {**query, "signature": "0" * 40}
    assert client.get(address, query_params=forged).status_code == 401
