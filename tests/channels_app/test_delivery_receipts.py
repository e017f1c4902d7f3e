"""Receipts find what they are about by any of its names, in its own channel, and never lead back."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import Dispatch
from channels_app.protocol import ContactIdentity, Event, SendResult
from channels_app.services import dispatching, receipts
from helpdesk.models import Channel, Delivery, Letter, Outbox
from tests.channels_app import vendors
from tests.channels_app.vendors import FAILED, SENT, Vendor, states
from tests.delivering import deliver_due
from tests.factories import World


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Vendor:
    vendor = Vendor()
    vendor.answer = lambda message: SendResult(provider_ids=(f"theirs {message.text}",))
    vendors.connect(monkeypatch, fake=vendor)
    return vendor


@pytest.fixture
def fake(world: World, vendor: Vendor) -> Channel:
    """A channel through which three replies to two people have left."""
    made = vendors.channel(world, "fake")
    for text, visitor in (("a", "v1"), ("b", "v1"), ("c", "v2")):
        vendors.write(world, made, text, visitor=visitor)
    for _each in range(2):
        deliver_due()
    assert states(world) == [SENT] * 3
    return made


def receipt(world: World, channel: Channel, status: str = "delivered", **facts: Any) -> int | None:
    event = Event(kind="receipt", dedup_key="r", status=status, **facts)
    with world.transaction():
        return receipts.apply(event, channel.pk)


def test_the_vendors_id_finds_a_reply(world: World, fake: Channel) -> None:
    assert receipt(world, fake, references=("theirs b", "unknown")) == 1
    assert states(world) == [SENT, str(Delivery.DELIVERED), SENT]


def test_our_own_id_finds_a_reply_wherever_it_stands(world: World, fake: Channel) -> None:
    ours = str(vendors.row(world).client_ref)
    assert receipt(world, fake, client_ref=ours) == 1
    assert receipt(world, fake, "read", references=(ours,)) == 1
    assert states(world) == [str(Delivery.READ), SENT, SENT]


def test_a_bounce_finds_the_letter(world: World, fake: Channel) -> None:
    with world.transaction():
        Letter.objects.create(
            message=Outbox.objects.order_by("pk")[1].message, mail_id="ours@acme.example"
        )
    bounce = {"references": ("ours@acme.example",), "error": "550 no such person"}
    assert receipt(world, fake, "failed", **bounce) == 1
    assert states(world) == [SENT, FAILED, SENT]
    with world.transaction():
        assert Outbox.objects.get(state=FAILED).error == "550 no such person"


def test_a_bounce_changes_nothing_that_was_delivered(world: World, fake: Channel) -> None:
    receipt(world, fake, references=("theirs a",))
    assert receipt(world, fake, "failed", references=("theirs a",)) == 1
    assert states(world)[0] == Delivery.DELIVERED


def test_a_watermark_is_about_one_person_up_to_a_time(world: World, fake: Channel) -> None:
    now = timezone.now()
    who = ContactIdentity(external_id="v1")
    assert receipt(world, fake, "read", watermark=now) == 0
    assert receipt(world, fake, "read", watermark=now - timedelta(hours=1), sender=who) == 0
    assert receipt(world, fake, "read", watermark=now, sender=who, thread_key="other") == 0
    assert receipt(world, fake, "read", watermark=now, sender=who) == 2
    assert states(world) == [str(Delivery.READ)] * 2 + [SENT]


def test_another_channel_finds_nothing(world: World, fake: Channel) -> None:
    assert receipt(world, world.channel, references=("theirs a",)) == 0
    assert receipt(world, world.channel, client_ref=str(vendors.row(world).client_ref)) == 0
    assert states(world) == [SENT] * 3


def test_what_names_nothing_or_says_nothing_finds_nothing(world: World, fake: Channel) -> None:
    assert receipt(world, fake) == 0
    assert receipt(world, fake, "thrown away", references=("theirs a",)) is None


def test_a_receipt_finds_a_dispatch(world: World, fake: Channel) -> None:
    with world.transaction():
        made = dispatching.dispatch(
            fake, Dispatch.Kind.NOTICE, dedup_key="n", payload={"mail_id": "n@acme.example"}
        )
        assert made is not None
    assert receipt(world, fake, "failed", references=("n@acme.example",), error="no") == 1
    with world.transaction():
        kept = Dispatch.objects.get()
    assert (kept.state, kept.error, kept.due_at) == (Delivery.FAILED, "no", None)


def test_a_receipt_that_is_faster_than_our_own_note_stays(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    def read_at_once(message: vendors.OutboundMessage) -> SendResult:
        receipt(world, fake, "read", client_ref=message.client_ref)
        return SendResult(provider_ids=("fast",))

    vendor.answer = read_at_once
    vendors.write(world, fake, "d", visitor="v3")
    deliver_due()
    with world.transaction():
        kept = Outbox.objects.order_by("-pk")[0]
    assert (kept.state, kept.provider_id) == (Delivery.READ, "fast")


def test_receipts_of_dispatches_end_alike_in_every_order(world: World, fake: Channel) -> None:
    for number, order in enumerate(permutations(["sent", "delivered", "read", "failed"])):
        with world.transaction():
            dispatching.dispatch(
                fake,
                Dispatch.Kind.NOTICE,
                dedup_key=f"{number}",
                payload={"mail_id": f"{number}@x"},
            )
        for status in order:
            receipt(world, fake, status, references=(f"{number}@x",))
    with world.transaction():
        assert set(Dispatch.objects.values_list("state", flat=True)) == {Delivery.READ}
