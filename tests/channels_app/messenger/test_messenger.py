"""Messenger: what we tell it, and one conversation from end to end against a played vendor."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from channels_app import meta
from channels_app.adapters.messenger.adapter import Adapter
from channels_app.adapters.messenger.fake import Vendor
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
from helpdesk.models import Channel, Delivery, Direction, Message
from helpdesk.services import organizations, replying
from tests.channels_app.vendors import states
from tests.delivering import deliver_due
from tests.factories import World

PERSON = Vendor.customer
LATE = refused(10, "This message is sent outside of allowed window.", error_subcode=2018278)


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


def adapter(vendor: Vendor, **settings: object) -> Adapter:
    return Adapter(
        ChannelConfig(
            "c",
            settings={**vendor.settings, **settings},
            secrets=("s",),
            named_secrets=vendor.named_secrets,
        )
    )


def reply(text: str = "好的 👍", **facts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref=str(uuid4()), to=ContactIdentity(PERSON), text=text, **facts)


def bodies(vendor: Vendor) -> list[dict[str, Any]]:
    return [json.loads(call.body) for call in vendor.calls]


# --- what we tell it ------------------------------------------------------------------------------


def test_a_reply_goes_to_the_person_and_carries_its_key(vendor: Vendor) -> None:
    message = reply()
    result = adapter(vendor).send(message)
    assert vendor.calls[0].path == f"/v26.0/{Vendor.account}/messages"
    assert bodies(vendor) == [
        {
            "recipient": {"id": PERSON},
            "messaging_type": "RESPONSE",
            "message": {"text": "好的 👍", "metadata": message.client_ref},
        }
    ]
    assert (result.status, result.provider_ids) == ("sent", ("m_1",))


@pytest.mark.parametrize(
    ("mime", "kind"),
    [
        ("image/png", "image"),
        ("video/mp4", "video"),
        ("audio/mpeg", "audio"),
        ("application/pdf", "file"),
    ],
)
def test_files_go_by_address(vendor: Vendor, mime: str, kind: str) -> None:
    file = Attachment("file", filename="a", mime=mime, size=10, url="https://desk.example/a")
    adapter(vendor).send(reply("", attachments=(file,)))
    assert bodies(vendor)[0]["message"]["attachment"] == {
        "type": kind,
        "payload": {"url": "https://desk.example/a", "is_reusable": False},
    }


def test_a_file_that_is_too_large_for_them_goes_as_a_link(vendor: Vendor) -> None:
    file = Attachment("file", filename="a", size=26 * 1024**2, url="https://desk.example/a")
    adapter(vendor).send(reply("", attachments=(file,)))
    assert bodies(vendor)[0]["message"]["text"] == "a\nhttps://desk.example/a"


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        (LATE, "window", False),
        (refused(551), "blocked", False),
        (refused(190, status=401), "auth", False),
        (refused(613), "rate", True),
        (refused(100, error_subcode=2018001), "undeliverable", False),
        (refused(1200, status=500), "server", True),
        (Answer(200, LATE.body), "window", False),
    ],
)
def test_each_refusal_says_what_it_means(
    vendor: Vendor, answer: Answer, kind: str, *, retryable: bool
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as failed:
        adapter(vendor).send(reply(context={"author": "Carol"}))
    assert (failed.value.kind, failed.value.retryable) == (kind, retryable)
    assert len(vendor.calls) == 1


@pytest.mark.parametrize("answer", [Answer(is_dropped=True), Answer(200, b"{}"), Answer(200, b"x")])
def test_where_nobody_knows_whether_it_was_taken_that_is_said(
    vendor: Vendor, answer: Answer
) -> None:
    vendor.fail(answer)
    with pytest.raises(SendError) as lost:
        adapter(vendor).send(reply())
    assert lost.value.ambiguous


def test_a_person_may_answer_later_where_meta_allows_it(vendor: Vendor) -> None:
    sending = adapter(vendor, human_agent=True)
    assert sending.capabilities.reply_window == timedelta(days=7)
    assert adapter(vendor).capabilities.reply_window == timedelta(hours=24)
    vendor.fail(LATE)
    sending.send(reply(context={"author": "Carol"}))
    first, second = bodies(vendor)
    assert "tag" not in first
    assert (second["messaging_type"], second["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
    assert first["message"] == second["message"]


def test_what_nobody_wrote_is_not_sent_as_a_persons(vendor: Vendor) -> None:
    vendor.fail(LATE)
    with pytest.raises(SendError) as failed:
        adapter(vendor, human_agent=True).send(reply())
    assert (failed.value.kind, len(vendor.calls)) == ("window", 1)


def test_without_a_page_nothing_is_called(vendor: Vendor) -> None:
    with pytest.raises(SendError) as failed:
        adapter(vendor, page_id="").send(reply())
    assert failed.value.kind == "auth"
    assert not vendor.calls


def test_a_file_is_fetched_from_its_address_without_the_token(vendor: Vendor) -> None:
    url = f"http://127.0.0.1:{vendor.port}/files/1"
    _data, mime = adapter(vendor).fetch_media(Attachment("file", url=url))
    assert mime == "application/pdf"
    assert "authorization" not in vendor.calls[0].headers


def test_the_connection_is_tested_by_asking_for_the_page(vendor: Vendor) -> None:
    assert "Everydesk" in adapter(vendor).test_connection()
    vendor.fail(Answer(200, b'{"name":7}'))
    with pytest.raises(ChannelError):
        adapter(vendor).test_connection()
    vendor.fail(refused(190, "The session has expired", status=401))
    with pytest.raises(SendError) as expired:
        adapter(vendor).test_connection()
    assert "The session has expired" in str(expired.value.message)


# --- from end to end ------------------------------------------------------------------------------


@pytest.fixture
def messenger(world: World, vendor: Vendor) -> Channel:
    secrets = json.dumps({"secret": "the app secret", **vendor.named_secrets})
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="messenger", name="Messenger", secret=secrets, settings=vendor.settings)
        )


def call(client: Client, channel: Channel, body: bytes, secret: str = "the app secret") -> int:
    answer = client.post(
        f"/channels/{channel.public_id}/",
        body,
        content_type="application/json",
        HTTP_X_HUB_SIGNATURE_256=meta.signature(secret, body),
    )
    process_due()
    return answer.status_code


def replied(world: World, text: str) -> None:
    with world.transaction():
        asked = Message.objects.filter(direction=Direction.IN).latest("pk")
    replying.reply(world.access("carol"), asked.conversation_id, text=text)
    deliver_due()


def test_a_customer_is_answered_and_reads_it(
    world: World, client: Client, vendor: Vendor, messenger: Channel
) -> None:
    question = vendor.message("m-1", text="怎么退货?")
    assert [call(client, messenger, question) for _each in range(3)] == [200] * 3
    assert call(client, messenger, question, secret="a guess") == 401
    replied(world, "好" * 2500)
    first, last = vendor.calls
    assert [len(vendor.text_of(each) or "") for each in (first, last)] == [2000, 500]
    # They report what we sent, in parts too, and it stays one reply.
    for each in (first, last):
        assert call(client, messenger, vendor.echo(each)) == 200
    assert states(world) == [str(Delivery.SENT)]
    mids = [vendor.id_of(last)]
    assert call(client, messenger, vendor.reports(vendor.row(delivery={"mids": mids}))) == 200
    assert states(world) == [str(Delivery.DELIVERED)]
    now = int(timezone.now().timestamp() * 1000)
    early = vendor.reports(vendor.row(read={"watermark": now - 3_600_000}))
    assert call(client, messenger, early) == 200
    assert states(world) == [str(Delivery.DELIVERED)]
    assert call(client, messenger, vendor.reports(vendor.row(read={"watermark": now}))) == 200
    assert states(world) == [str(Delivery.READ)]
    with world.transaction():
        assert Message.objects.count() == 2


def test_an_echo_tells_that_a_message_was_taken_of_which_nobody_knew(
    world: World, client: Client, vendor: Vendor, messenger: Channel
) -> None:
    assert call(client, messenger, vendor.message("m-1")) == 200
    vendor.fail(Answer(is_dropped=True))
    replied(world, "好")
    assert states(world) == [str(Delivery.UNKNOWN)]
    assert call(client, messenger, vendor.echo(vendor.calls[0])) == 200
    assert states(world) == [str(Delivery.SENT)]


def test_a_file_is_kept_an_edit_is_shown_and_an_answer_elsewhere_is_nobodys_question(
    world: World, client: Client, vendor: Vendor, messenger: Channel
) -> None:
    file = {"type": "file", "payload": {"url": f"http://127.0.0.1:{vendor.port}/files/1"}}
    ends = {"sender": {"id": vendor.account}, "recipient": {"id": vendor.customer}}
    rows = [
        vendor.row(message={"mid": "m-1", "attachments": [file]}),
        vendor.row(message={"mid": "m-2", "text": "wrong"}),
        vendor.row(message_edit={"mid": "m-2", "text": "right", "num_edit": 1}),
        vendor.row(**ends, message={"mid": "m-3", "text": "by hand", "is_echo": True}),
    ]
    assert call(client, messenger, vendor.reports(*rows)) == 200
    with world.transaction():
        kept, edited = Message.objects.order_by("pk")
        assert kept.attachments.get().mime == "application/pdf"
        assert (edited.text, edited.direction) == ("right", Direction.IN)
