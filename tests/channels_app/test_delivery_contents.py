"""What an adapter is handed: everything of a reply, as plain values."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from channels_app.protocol import OutboundMessage
from channels_app.services.reply_addresses import customer_address
from helpdesk.models import Channel, Conversation, Identity, Letter, Message, Outbox
from helpdesk.services import files, receiving, replying
from helpdesk.services.identifying import Sender
from tests.channels_app import vendors
from tests.channels_app.vendors import Vendor
from tests.delivering import deliver_due
from tests.factories import World


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Vendor:
    vendor = Vendor()
    vendors.connect(monkeypatch, fake=vendor, webchat=vendor)
    return vendor


@pytest.fixture
def fake(world: World, vendor: Vendor) -> Channel:
    facts = {"address": "help@acme.example", "plus_addressing": True}
    return vendors.channel(world, "fake", settings=facts)


def delivered(vendor: Vendor) -> OutboundMessage:
    deliver_due()
    ((_at, _account, message),) = vendor.calls
    return message


def as_letter(world: World, **facts: Any) -> Letter:
    with world.transaction():
        written = Outbox.objects.get().message
        letter: Letter = Letter.objects.create(message=written, **facts)
        return letter


def test_a_letter_leaves_with_its_addresses_its_thread_and_all_that_it_says(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    conversation_id = vendors.write(world, fake, "the new part")
    as_letter(
        world,
        mail_id="ours@acme.example",
        references=["first@x.example", "last@x.example"],
        subject="Re: parcel",
        sender_name="Carol of Acme",
        to=[["kim@x.example", "Kim"]],
        cc=[["ann@x.example", ""]],
        full_text="the new part\n\n> the old part",
        html="<p>the new part</p>",
    )
    message = delivered(vendor)
    letter = message.letter
    assert letter is not None
    assert message.text == "the new part\n\n> the old part"
    assert (message.html, message.subject) == ("<p>the new part</p>", "Re: parcel")
    assert letter.mail_id == "ours@acme.example"
    assert letter.references == ("first@x.example", "last@x.example")
    assert (letter.to, letter.cc) == ((("kim@x.example", "Kim"),), (("ann@x.example", ""),))
    assert letter.sender_name == "Carol of Acme"
    assert not letter.is_automatic
    assert letter.reply_address == customer_address(
        "help@acme.example",
        organization_id=world.organization.pk,
        conversation_id=conversation_id,
        identity_id=world.conversation(conversation_id).identity_id,
    )


def test_without_plus_addressing_answers_come_back_to_the_mailbox(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    with world.transaction():
        Channel.objects.filter(pk=fake.pk).update(settings={"address": "help@acme.example"})
    vendors.write(world, fake, "hello")
    as_letter(world, mail_id="ours@acme.example")
    message = delivered(vendor)
    assert message.letter is not None
    assert (message.letter.reply_address, message.text) == ("", "hello")


def test_a_reply_names_the_message_it_answers_its_thread_and_its_author(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    conversation_id = vendors.write(world, fake, "hello")
    with world.transaction():
        Conversation.objects.update(thread_key="order 7", subject="Order 7")
        Message.objects.filter(direction="in").update(provider_id="theirs-1")
    with world.transaction():
        receiving.receive(fake, Sender(external_id="v1"), text="later", client_ref="later")
        Message.objects.filter(text="later").update(provider_id="theirs-2")
    message = delivered(vendor)
    assert message.reply_to == "theirs-1"
    assert (message.thread_key, message.subject) == ("order 7", "Order 7")
    assert message.to.external_id == "v1"
    assert message.context["author"] == "Carol"
    assert world.conversation(conversation_id).pk == conversation_id


def with_file(world: World, channel: Channel) -> Any:
    with world.transaction():
        got = receiving.receive(channel, Sender(external_id="v1"), text="?", client_ref="in")
    stored = files.store(b"plain words", "notes.txt", staff_id=world.carol.pk)
    carol = world.access("carol")
    replying.reply(carol, got.conversation_id, text="see", attachment_ids=[str(stored.public_id)])
    return stored


def test_files_come_with_their_place_and_an_address_that_proves_itself(
    world: World, vendor: Vendor
) -> None:
    with_file(world, world.channel)
    (file,) = delivered(vendor).attachments
    assert (file.filename, file.mime, file.size) == ("notes.txt", "text/plain", 11)
    assert Path(file.path).read_bytes() == b"plain words"
    address = file.url.removeprefix(settings.PUBLIC_URL)
    assert address.startswith("/")
    got = Client().get(address)
    assert (got.status_code, b"".join(got.streaming_content)) == (200, b"plain words")  # type: ignore[attr-defined]  # a file
    assert Client().get(f"{address}x").status_code == 404


def test_a_reply_whose_file_is_gone_fails_with_a_reason_and_holds_nobody_up(
    world: World, vendor: Vendor
) -> None:
    stored = with_file(world, world.channel)
    files.path_of(stored).unlink()
    vendors.write(world, world.channel, "next", visitor="v2")
    deliver_due()
    assert vendors.states(world) == [vendors.FAILED, vendors.SENT]
    assert vendors.row(world).error
    assert vendors.row(world).attempts == 0


def test_a_kind_that_nobody_knows_fails_with_a_reason(world: World, vendor: Vendor) -> None:
    vendors.write(world, world.channel, "hello")
    with world.transaction():
        Channel.objects.update(kind="telegraph")
    deliver_due()
    kept = vendors.row(world)
    assert (kept.state, kept.error_code) == (vendors.FAILED, "unwritable")
    assert kept.error


def test_replies_wait_until_the_address_is_proved(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    vendors.write(world, fake, "hello")
    with world.transaction():
        Identity.objects.update(awaits_proof=True)
    assert deliver_due() == 0
    with world.transaction():
        Identity.objects.update(awaits_proof=False)
    assert delivered(vendor).text == "hello"


def test_our_reference_is_a_uuid(world: World, fake: Channel, vendor: Vendor) -> None:
    vendors.write(world, fake, "hello")
    assert uuid.UUID(delivered(vendor).client_ref) == vendors.row(world).client_ref
