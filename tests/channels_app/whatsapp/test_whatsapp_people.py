"""WhatsApp: one person under number and id, whichever comes first, and after another number."""

import json
from typing import Any

import pytest
from django.test import Client

from channels_app import meta
from channels_app.adapters.whatsapp.fake import Vendor
from channels_app.processing import process_due
from helpdesk.models import Channel, Conversation, Identity, Message
from helpdesk.services import organizations, replying
from tests.delivering import deliver_due
from tests.factories import World

SECRET = "the app secret"
NEWER_PHONE, NEWER_USER = "491729999999", "DE.2200000000000000000"


@pytest.fixture
def vendor(settings: Any) -> Any:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def whatsapp(world: World, vendor: Vendor) -> Channel:
    secrets = json.dumps({"secret": SECRET, **vendor.named_secrets})
    with world.transaction():
        return organizations.open_channel(
            Channel(kind="whatsapp", name="WhatsApp", secret=secrets, settings=vendor.settings)
        )


def told(client: Client, channel: Channel, body: bytes) -> None:
    headers = {"x-hub-signature-256": meta.signature(SECRET, body)}
    address = f"/channels/{channel.public_id}/"
    answer = client.post(address, body, content_type="application/json", headers=headers)
    assert answer.status_code == 200, answer.content
    process_due()


def without_id(vendor: Vendor, reference: str) -> bytes:
    """Return a message as calls were before there were ids."""
    contacts = [{"profile": {"name": "王芳"}, "wa_id": vendor.phone}]
    return vendor.reports(
        messages=[vendor.written(reference, "text", text={"body": "在吗"})], contacts=contacts
    )


@pytest.mark.parametrize("is_number_first", [True, False])
def test_number_and_id_are_the_same_person(
    world: World, client: Client, vendor: Vendor, whatsapp: Channel, is_number_first: bool
) -> None:
    bodies = [without_id(vendor, "wamid.1"), vendor.message("wamid.2")]
    for body in bodies if is_number_first else reversed(bodies):
        told(client, whatsapp, body)
    with world.transaction():
        assert Identity.objects.get(channel=whatsapp).external_id == vendor.customer
        assert Conversation.objects.get(channel=whatsapp).messages.count() == 2


def test_a_reply_goes_to_the_number_that_somebody_has_now(
    world: World, client: Client, vendor: Vendor, whatsapp: Channel
) -> None:
    told(client, whatsapp, vendor.message("wamid.1"))
    moved = vendor.written(
        "wamid.2",
        "system",
        system={
            "type": "user_changed_number",
            "wa_id": NEWER_PHONE,
            "user_id": NEWER_USER,
        },
    )
    told(client, whatsapp, vendor.reports(messages=[moved]))
    with world.transaction():
        conversation = Conversation.objects.get(channel=whatsapp)
    replying.reply(world.access("carol"), conversation.pk, text="好的")
    deliver_due()
    assert json.loads(vendor.calls[-1].body)["recipient"] == NEWER_USER
    after = vendor.written("wamid.3", "text", text={"body": "换号了"}) | {"from": NEWER_PHONE}
    contacts = [{"wa_id": NEWER_PHONE, "user_id": NEWER_USER}]
    told(client, whatsapp, vendor.reports(messages=[after], contacts=contacts))
    with world.transaction():
        assert Identity.objects.filter(channel=whatsapp).count() == 1
        assert Message.objects.filter(conversation=conversation, text="换号了").exists()


def test_a_message_is_corrected_by_whoever_wrote_it_under_either_name(
    world: World, client: Client, vendor: Vendor, whatsapp: Channel
) -> None:
    told(client, whatsapp, vendor.message("wamid.1", text="错字"))
    contacts = [{"profile": {"name": "王芳"}, "wa_id": vendor.phone}]
    edit = {
        "original_message_id": "wamid.1",
        "message": {"type": "text", "text": {"body": "正字"}},
    }
    told(
        client,
        whatsapp,
        vendor.reports(messages=[vendor.written("wamid.9", "edit", edit=edit)], contacts=contacts),
    )
    with world.transaction():
        assert Message.objects.get(provider_id="wamid.1").text == "正字"
