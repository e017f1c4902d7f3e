"""WhatsApp takes approved texts when the day for answers is over: told by name, refused with a reason, receipted."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from channels_app import meta
from channels_app.adapters.whatsapp.adapter import Adapter
from channels_app.adapters.whatsapp.fake import Vendor
from channels_app.http import Reply
from channels_app.leaving.parts import parts_of
from channels_app.meta_fake import refused
from channels_app.outbound import OutboundTemplate
from channels_app.processing import process_due
from channels_app.protocol import ContactIdentity, OutboundMessage
from helpdesk.errors import Refused
from helpdesk.models import Channel, Direction, Message, MessageTemplate, Outbox
from helpdesk.services import organizations, replying
from helpdesk.services.message_templates import Chosen
from tests.channels_app.vendors import states
from tests.delivering import deliver_due
from tests.factories import World

SHIPPED = "{{1}}，您好！您的订单 {{2}} 已经发货。"


@pytest.fixture
def vendor(settings: LazySettings) -> Iterator[Vendor]:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor, override("en"):
        yield vendor


@pytest.fixture
def whatsapp(world: World, vendor: Vendor) -> Channel:
    secrets = json.dumps({"secret": "the app secret", **vendor.named_secrets})
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="whatsapp", name="WhatsApp", secret=secrets, settings=vendor.settings)
        )


def call(client: Client, channel: Channel, body: bytes) -> None:
    signed = meta.signature("the app secret", body)
    address = f"/channels/{channel.public_id}/"
    answer = client.post(
        address, body, content_type="application/json", HTTP_X_HUB_SIGNATURE_256=signed
    )
    assert answer.status_code == 200
    process_due()


@pytest.fixture
def asked(
    world: World,
    client: Client,
    vendor: Vendor,
    whatsapp: Channel,
    monkeypatch: pytest.MonkeyPatch,
) -> int:
    """Return a conversation whose customer wrote 25 hours ago."""
    now = timezone.now()
    clock: list[datetime] = [now - timedelta(hours=25)]
    monkeypatch.setattr("django.utils.timezone.now", lambda: clock[0])
    call(client, whatsapp, vendor.message("wamid.1"))
    clock[0] = now
    with world.transaction():
        return int(Message.objects.get(direction=Direction.IN).conversation_id)


def template(world: World, channel: Channel, **facts: Any) -> Chosen:
    facts = {"name": "order_shipped", "language_code": "zh_CN", "text": SHIPPED, **facts}
    with world.transaction():
        made = MessageTemplate.objects.create(channel=channel, **facts)
    return Chosen(made.pk, ["李女士", "A-17"][: len(made.places)])


def test_a_template_leaves_by_its_name_and_is_read(
    world: World, client: Client, vendor: Vendor, whatsapp: Channel, asked: int
) -> None:
    with pytest.raises(Refused):
        replying.reply(world.access("carol"), asked, text="在的")
    replying.reply(world.access("carol"), asked, template=template(world, whatsapp))
    deliver_due()
    (sent,) = vendor.calls
    body = json.loads(sent.body)
    assert body["type"] == "template"
    assert body["template"] == {
        "name": "order_shipped",
        "language": {"code": "zh_CN"},
        "components": [
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": "李女士"},
                    {"type": "text", "text": "A-17"},
                ],
            }
        ],
    }
    assert "text" not in body
    with world.transaction():
        shown = Message.objects.get(direction=Direction.OUT).text
    assert vendor.text_of(sent) == shown == "李女士，您好！您的订单 A-17 已经发货。"
    call(client, whatsapp, vendor.receipt(sent, "read"))
    assert states(world) == ["read"]


def test_a_template_without_places_has_no_parts(
    world: World, vendor: Vendor, whatsapp: Channel, asked: int
) -> None:
    text = vendor.templates["still_there", "zh_CN"]
    chosen = template(world, whatsapp, name="still_there", text=text)
    replying.reply(world.access("carol"), asked, template=chosen)
    deliver_due()
    assert "components" not in json.loads(vendor.calls[0].body)["template"]
    assert states(world) == ["sent"]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"name": "order_lost"}, "no approved template of this name"),
        ({"language_code": "de"}, "no approved template of this name"),
        ({"text": "{{1}}"}, "another number of places"),
    ],
)
def test_what_meta_does_not_know_has_failed_for_good_and_says_why(
    world: World, vendor: Vendor, whatsapp: Channel, asked: int, facts: dict[str, Any], said: str
) -> None:
    chosen = template(world, whatsapp, **facts)
    sent = replying.reply(world.access("carol"), asked, template=chosen)
    deliver_due()
    deliver_due()
    assert (len(vendor.calls), states(world)) == (1, ["failed"])
    with world.transaction():
        assert said in Outbox.objects.get().error
        assert not Channel.objects.get(pk=whatsapp.pk).disabled_reason
    replying.resend(world.access("carol"), asked, sent.number)
    deliver_due()
    assert len(vendor.calls) == 2
    assert vendor.calls[0].body == vendor.calls[1].body


@pytest.mark.parametrize("code", [132000, 132001, 132005, 132007, 132012, 132015, 132016])
def test_each_refusal_of_a_template_is_for_good(code: int) -> None:
    with override("en"):
        error = meta.refusal(Reply(400, {}, refused(code).body))
    assert (error.kind, error.retryable) == ("undeliverable", False)
    assert f"({code})" in str(error.message)


def test_a_template_leaves_whole_however_long_it_is() -> None:
    message = OutboundMessage(
        "c", ContactIdentity("1"), "好" * 9000, template=OutboundTemplate("a", "zh_CN")
    )
    assert parts_of(message, Adapter.capabilities) == [message]
