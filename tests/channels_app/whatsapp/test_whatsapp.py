"""WhatsApp: what its calls say, what we tell it, and one conversation from end to end against a played vendor."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils.translation import override

from channels_app import meta
from channels_app.adapters.whatsapp.adapter import Adapter
from channels_app.adapters.whatsapp.fake import NUMBER, SENT_TO, Vendor
from channels_app.fake_vendor import Answer
from channels_app.meta_fake import refused
from channels_app.processing import process_due
from channels_app.protocol import (
    Attachment,
    ChannelConfig,
    ContactIdentity,
    OutboundMessage,
    SendError,
)
from helpdesk.errors import ChannelError
from helpdesk.models import Channel, Delivery, Direction, Identity, Message, Outbox
from helpdesk.services import organizations, replying
from tests.channels_app.vendors import states
from tests.delivering import deliver_due
from tests.factories import World

PERSON = Vendor.customer


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


def adapter(vendor: Vendor) -> Adapter:
    return Adapter(
        ChannelConfig(
            "c", settings=vendor.settings, secrets=("s",), named_secrets=vendor.named_secrets
        )
    )


def reply(text: str = "好的 👍", *, to: str = PERSON, **facts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(to), text=text, **facts)


def sent(vendor: Vendor, message: OutboundMessage) -> dict[str, Any]:
    adapter(vendor).send(message)
    found: dict[str, Any] = json.loads(vendor.calls[-1].body)
    return found


# --- what we tell it ------------------------------------------------------------------------------


def test_a_reply_goes_to_the_person_and_carries_its_key(vendor: Vendor) -> None:
    message = reply()
    result = adapter(vendor).send(message)
    assert vendor.calls[0].path == SENT_TO
    assert json.loads(vendor.calls[0].body) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "recipient": PERSON,
        "type": "text",
        "text": {"body": "好的 👍", "preview_url": False},
        "biz_opaque_callback_data": message.client_ref,
    }
    assert result.provider_ids == (f"wamid.{message.client_ref}",)


def test_a_phone_number_and_a_group_are_named_as_such(vendor: Vendor) -> None:
    assert sent(vendor, reply(to="16505551234"))["to"] == "16505551234"
    grouped = sent(vendor, reply(thread_key="Y2FwaV9ncm91cA"))
    assert (grouped["recipient_type"], grouped["to"]) == ("group", "Y2FwaV9ncm91cA")
    assert "recipient" not in grouped


@pytest.mark.parametrize(
    ("mime", "size", "kind"),
    [
        ("image/png", 5 * 1024**2, "image"),
        ("image/png", 5 * 1024**2 + 1, "document"),
        ("image/gif", 10, "document"),
        ("video/mp4", 16 * 1024**2, "video"),
        ("audio/ogg", 10, "audio"),
        ("application/pdf", 10, "document"),
    ],
)
def test_files_go_by_address_as_what_their_apps_show(
    vendor: Vendor, mime: str, size: int, kind: str
) -> None:
    file = Attachment("file", filename="a.bin", mime=mime, size=size, url="https://desk.example/a")
    found = sent(vendor, reply("", attachments=(file,)))
    assert (found["type"], found[kind]["link"]) == (kind, "https://desk.example/a")
    assert found[kind].get("filename") == ("a.bin" if kind == "document" else None)


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        (refused(131047), "window", False),
        (refused(131056, status=429), "rate", True),
        (refused(190, status=401), "auth", False),
        (refused(131026), "undeliverable", False),
        (refused(131000, status=500), "server", True),
        (Answer(200, refused(131026).body), "undeliverable", False),
        (Answer(502, b"<html>"), "server", True),
    ],
)
def test_each_refusal_says_what_it_means(
    vendor: Vendor, answer: Answer, kind: str, *, retryable: bool
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as failed:
        adapter(vendor).send(reply())
    assert (failed.value.kind, failed.value.retryable) == (kind, retryable)
    assert not failed.value.ambiguous


@pytest.mark.parametrize(
    "answer",
    [
        Answer(is_dropped=True),
        Answer(200, b"<html>"),
        Answer(200, b"{}"),
        Answer(200, b'{"messages":[{"id":7}]}'),
    ],
)
def test_where_nobody_knows_whether_it_was_taken_that_is_said(
    vendor: Vendor, answer: Answer
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as lost:
        adapter(vendor).send(reply())
    assert lost.value.ambiguous
    assert not Adapter.capabilities.idempotent_send


@pytest.mark.parametrize(
    "changed",
    [
        {"named_secrets": {}},
        {"named_secrets": {"access_token": "two\nlines"}},
        {"settings": {"phone_number_id": "../me"}},
        {"settings": {}},
    ],
)
def test_without_a_usable_account_nothing_is_called(
    vendor: Vendor, changed: dict[str, Any]
) -> None:
    with pytest.raises(SendError) as failed:
        Adapter(replace(adapter(vendor).config, **changed)).send(reply())
    assert failed.value.kind == "auth"
    assert not vendor.calls


def test_the_reply_window_is_a_day() -> None:
    assert Adapter.capabilities.reply_window == timedelta(hours=24)


# --- files ----------------------------------------------------------------------------------------


def test_a_file_is_asked_for_by_its_id_and_comes_with_the_token(vendor: Vendor) -> None:
    data, mime = adapter(vendor).fetch_media(Attachment("image", media_ref="17/89"))
    assert (data[:4], mime) == (b"\x89PNG", "image/png")
    asked, fetched = vendor.calls
    assert asked.path.endswith("/17%2F89")
    assert "authorization" in asked.headers
    assert "authorization" in fetched.headers


def test_a_file_elsewhere_is_fetched_without_the_token(vendor: Vendor) -> None:
    with Vendor() as elsewhere:
        url = f"http://127.0.0.1:{elsewhere.port}/files/1"
        vendor.fail(Answer(200, json.dumps({"url": url}).encode()))
        with pytest.raises(ChannelError):
            adapter(vendor).fetch_media(Attachment("image", media_ref="1"))
        assert "authorization" not in elsewhere.calls[0].headers


@pytest.mark.parametrize(
    ("answer", "is_permanent"),
    [
        (refused(100, status=404), True),
        (Answer(200, b"{}"), True),
        (refused(2, status=500), False),
        (Answer(503), False),
    ],
)
def test_a_file_that_does_not_come_is_missing_or_tried_again(
    vendor: Vendor, answer: Answer, *, is_permanent: bool
) -> None:
    vendor.fail(answer)
    with pytest.raises(ChannelError) as failed:
        adapter(vendor).fetch_media(Attachment("image", media_ref="1"))
    assert failed.value.permanent is is_permanent


def test_the_connection_is_tested_by_asking_for_the_number(vendor: Vendor) -> None:
    assert "Everydesk +1 555-078-3881" in adapter(vendor).test_connection()
    for answer in (Answer(200, b"<html>"), Answer(200, b'{"verified_name":7}')):
        vendor.fail(answer)
        with pytest.raises(ChannelError) as stranger:
            adapter(vendor).test_connection()
        assert "not Meta" in str(stranger.value.message)
    vendor.fail(refused(190, "The session has expired", status=401))
    with pytest.raises(SendError) as expired:
        adapter(vendor).test_connection()
    assert "The session has expired" in str(expired.value.message)


# --- from end to end ------------------------------------------------------------------------------


@pytest.fixture
def whatsapp(world: World, vendor: Vendor) -> Channel:
    secrets = json.dumps({"secret": "the app secret", **vendor.named_secrets})
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="whatsapp", name="WhatsApp", secret=secrets, settings=vendor.settings)
        )


def call(client: Client, channel: Channel, body: bytes, secret: str = "the app secret") -> int:
    answer = client.post(
        f"/channels/{channel.public_id}/",
        body,
        content_type="application/json",
        HTTP_X_HUB_SIGNATURE_256=meta.signature(secret, body),
    )
    return answer.status_code


def asked(world: World, client: Client, vendor: Vendor, channel: Channel) -> int:
    assert call(client, channel, vendor.message("wamid.1", text="怎么退货?")) == 200
    process_due()
    with world.transaction():
        return int(Message.objects.get(direction=Direction.IN).conversation_id)


def test_the_address_is_proved_and_calls_of_others_are_turned_away(
    client: Client, vendor: Vendor, whatsapp: Channel
) -> None:
    address = f"/channels/{whatsapp.public_id}/"
    query = {
        "hub.mode": "subscribe",
        "hub.challenge": "1158201444",
        "hub.verify_token": "a word of our own",
    }
    assert client.get(address, query).content == b"1158201444"
    assert client.get(address, {**query, "hub.verify_token": "a guess"}).status_code == 401
    assert call(client, whatsapp, vendor.message("wamid.1"), secret="a guess") == 401


def test_a_customer_is_answered_in_parts_and_reads_it(
    world: World, client: Client, vendor: Vendor, whatsapp: Channel
) -> None:
    conversation_id = asked(world, client, vendor, whatsapp)
    replying.reply(world.access("carol"), conversation_id, text="好" * 5000)
    deliver_due()
    first, last = vendor.calls
    assert [len(vendor.text_of(each) or "") for each in (first, last)] == [4096, 904]
    reached = []
    # In an order that happens; of an earlier part it says nothing of the whole.
    for told, status in ((first, "read"), (last, "delivered"), (last, "sent"), (last, "read")):
        assert call(client, whatsapp, vendor.receipt(told, status)) == 200
        process_due()
        reached += states(world)
    assert reached == ["sent", "delivered", "delivered", "read"]


def test_a_receipt_finds_a_message_of_which_nobody_knew_whether_it_was_taken(
    world: World, client: Client, vendor: Vendor, whatsapp: Channel
) -> None:
    conversation_id = asked(world, client, vendor, whatsapp)
    replying.reply(world.access("carol"), conversation_id, text="好")
    vendor.fail(Answer(is_dropped=True))
    deliver_due()
    assert states(world) == [str(Delivery.UNKNOWN)]
    assert call(client, whatsapp, vendor.receipt(vendor.calls[0], "delivered")) == 200
    process_due()
    assert states(world) == [str(Delivery.DELIVERED)]


def test_a_failure_that_is_told_later_is_shown_with_its_reason(
    world: World, client: Client, vendor: Vendor, whatsapp: Channel
) -> None:
    conversation_id = asked(world, client, vendor, whatsapp)
    replying.reply(world.access("carol"), conversation_id, text="好")
    deliver_due()
    errors = [{"code": 131047, "title": "Re-engagement message"}]
    failed = vendor.receipt(vendor.calls[0], "failed", errors=errors)
    assert call(client, whatsapp, failed) == 200
    process_due()
    assert states(world) == [str(Delivery.FAILED)]
    with world.transaction():
        assert "Re-engagement message (131047)" in Outbox.objects.get().error


def test_a_picture_is_kept_and_a_person_without_a_number_stays_the_same_person(
    world: World, client: Client, vendor: Vendor, whatsapp: Channel
) -> None:
    picture = vendor.written("wamid.2", "image", image={"id": "17", "mime_type": "image/png"})
    hidden = {
        name: value
        for name, value in vendor.written("wamid.3", "text", text={"body": "退货"}).items()
        if name != "from"
    }
    hidden["from_user_id"] = PERSON
    contacts = [{"profile": {"username": "fang"}, "user_id": PERSON}]
    for body in (
        vendor.reports(messages=[picture]),
        vendor.reports(messages=[hidden], contacts=contacts),
        vendor.reports(
            field="smb_message_echoes",
            message_echoes=[
                {**picture, "from": "15550783881", "to": vendor.phone, "id": "wamid.4"}
            ],
        ),
        vendor.reports(number="999", messages=[{**picture, "id": "wamid.5"}]),
    ):
        assert call(client, whatsapp, body) == 200
    process_due()
    with world.transaction():
        shown, said = Message.objects.order_by("pk")
        assert shown.attachments.get().mime == "image/png"
        assert (said.text, said.conversation_id) == ("退货", shown.conversation_id)
        known = Identity.objects.get(channel=whatsapp)
        assert (known.external_id, known.customer.phone) == (PERSON, f"+{vendor.phone}")
    assert NUMBER in str(whatsapp.settings)
