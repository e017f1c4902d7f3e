"""What leaves and is no reply: once for each key, not too often to one address, and exact about what happened."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from channels_app import outgoing_events
from channels_app.leaving import sweeping
from channels_app.models import DeliveryAttempt, Dispatch, EventFeed
from channels_app.services import dispatching
from helpdesk.errors import NotFound, WrongState
from helpdesk.models import AuditEntry, Channel, Delivery, Message
from helpdesk.services import lifecycle, replying
from tests.channels_app import vendors
from tests.channels_app.vendors import Vendor
from tests.delivering import deliver_due
from tests.factories import World

ACK, PROOF, EVENT = Dispatch.Kind.ACKNOWLEDGEMENT, Dispatch.Kind.PROOF, Dispatch.Kind.EVENT


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Vendor:
    vendor = Vendor()
    vendors.connect(monkeypatch, fake=vendor, webhook=vendor)
    return vendor


@pytest.fixture
def fake(world: World, vendor: Vendor) -> Channel:
    return vendors.channel(world, "fake", settings={"address": "help@acme.example"})


@pytest.fixture
def peer(world: World, vendor: Vendor) -> Channel:
    return vendors.channel(world, "webhook", settings={"events": True})


def mail(world: World, channel: Channel, key: str, **facts: Any) -> Dispatch | None:
    facts.setdefault("recipient", "Kim@Customer.example")
    facts.setdefault("payload", {"subject": "Got it", "text": "We read it."})
    with world.transaction():
        return dispatching.dispatch(channel, facts.pop("kind", ACK), dedup_key=key, **facts)


def kept(world: World) -> Dispatch:
    with world.transaction():
        found: Dispatch = Dispatch.objects.get()
        return found


def test_the_same_key_again_is_the_same_dispatch(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    assert mail(world, fake, "a") is not None
    assert mail(world, fake, "a") is None
    deliver_due()
    assert len(vendor.calls) == 1
    assert kept(world).state == Delivery.SENT


def test_a_mail_leaves_complete_under_an_id_that_was_kept_before(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    mail(world, fake, "a")
    mail_id = kept(world).provider_id
    deliver_due()
    ((_at, _account, message),) = vendor.calls
    assert (message.subject, message.text) == ("Got it", "We read it.")
    assert message.to.external_id == "kim@customer.example"
    assert message.letter is not None
    assert message.letter.mail_id == mail_id
    assert mail_id.endswith("@acme.example")
    assert message.letter.is_automatic
    assert message.letter.to == (("kim@customer.example", ""),)


def test_each_call_is_an_attempt_without_addresses_and_tokens(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    token = "sk_live_0123456789abcdefABCDEF"
    vendor.fail(
        reason=f"550 kim@customer.example: see https://v.example/x?key=1 {token}", kind="blocked"
    )
    mail(world, fake, "a")
    deliver_due()
    with world.transaction():
        made = DeliveryAttempt.objects.get()
    assert (made.outcome, made.code, made.number) == (Delivery.FAILED, "blocked", 1)
    assert made.detail == "550 …: see https://v.example/x… …"
    assert made.dispatch_id == kept(world).pk


def test_attempts_are_forgotten_after_a_month(world: World, fake: Channel, vendor: Vendor) -> None:
    mail(world, fake, "a")
    deliver_due()
    assert sweeping.forget_attempts(timezone.now() + timedelta(days=29)) == 0
    assert sweeping.forget_attempts(timezone.now() + timedelta(days=31)) == 1


def test_one_address_gets_three_automatic_mails_a_day(world: World, fake: Channel) -> None:
    now = timezone.now()

    def allowed(address: str = "KIM@customer.example", **facts: Any) -> bool:
        with world.transaction():
            return dispatching.automatic_allowed(address, facts.get("at", now), kind=ACK)

    for number in range(3):
        assert allowed()
        mail(world, fake, f"ack {number}")
    assert not allowed()
    assert allowed("ann@customer.example")
    assert allowed(at=now + timedelta(days=1, minutes=1))


@pytest.mark.parametrize(
    ("spellings", "other"),
    [
        (("kim+1@shop.example", "Kim+2@Shop.example", "KIM@shop.example"), "k.im@shop.example"),
        (("k.im@gmail.com", "kim+a@googlemail.com", "K.I.M@GoogleMail.com"), "kim@gmail.example"),
    ],
)
def test_all_spellings_of_an_address_share_the_limit(
    world: World, fake: Channel, spellings: tuple[str, ...], other: str
) -> None:
    for number, address in enumerate(spellings):
        mail(world, fake, f"{number}", recipient=address)
    with world.transaction():
        for address in spellings:
            assert not dispatching.automatic_allowed(address, timezone.now())
        assert dispatching.automatic_allowed(other, timezone.now())


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("Kim@Shop.example", "kim@shop.example"),
        ("kim+a+b@shop.example", "kim@shop.example"),
        ("k.i.m+a@googlemail.com", "kim@gmail.com"),
        ("k.im@mail.gmail.com", "k.im@mail.gmail.com"),
        ("+a@shop.example", "+a@shop.example"),
        ("", ""),
    ],
)
def test_an_address_tells_where_its_mails_end(address: str, mailbox: str) -> None:
    assert dispatching.mailbox_of(address) == mailbox


def test_notices_and_events_do_not_count_as_automatic(world: World, fake: Channel) -> None:
    for number in range(5):
        mail(world, fake, f"notice {number}", kind=Dispatch.Kind.NOTICE)
    with world.transaction():
        assert dispatching.automatic_allowed("kim@customer.example", timezone.now())


def test_one_address_gets_one_proof_a_day(world: World, fake: Channel) -> None:
    mail(world, fake, "proof", kind=PROOF)
    with world.transaction():
        now, address = timezone.now(), "kim@customer.example"
        assert not dispatching.automatic_allowed(address, now, kind=PROOF)
        assert dispatching.automatic_allowed(address, now, kind=ACK)


def test_those_who_ask_at_the_same_time_share_the_limit(world: World, fake: Channel) -> None:
    def ask(number: int) -> bool:
        try:
            with world.transaction():
                may = dispatching.automatic_allowed("kim@customer.example", timezone.now())
                if may:
                    dispatching.dispatch(
                        fake,
                        ACK,
                        dedup_key=f"{number}",
                        recipient="kim@customer.example",
                        payload={},
                    )
                return may
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(ask, range(12))) == 3


def test_an_administrator_sends_a_failed_one_again_and_nobody_else(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    vendor.fail(kind="undeliverable")
    mail(world, fake, "a")
    deliver_due()
    pk = kept(world).pk
    with pytest.raises(NotFound):
        dispatching.send_again(world.access("bob"), pk)
    dispatching.send_again(world.access("alice"), pk)
    with pytest.raises(WrongState):
        dispatching.send_again(world.access("alice"), pk)
    vendor.recover()
    deliver_due()
    assert kept(world).state == Delivery.SENT
    first, second = (message.client_ref for _at, _account, message in vendor.calls)
    assert first == second
    with world.transaction():
        assert AuditEntry.objects.get(action="dispatch.resent").staff_id == world.alice.pk


# --- events for the system behind a webhook ----------------------------------------------------


def told(vendor: Vendor) -> list[tuple[Any, ...]]:
    found = []
    for _at, _account, message in vendor.calls:
        event: Any = message.context.get("event")
        if event:
            found.append((event["type"], event["data"]["number"]))
    return found


def look() -> int:
    """Tell what is new, once no older transaction runs, in other tests' databases neither."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        own = cursor.fetchone()[0]
        for _try in range(2000):
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            if cursor.fetchone()[0] > own:
                break
            cursor.execute("SELECT pg_sleep(0.01)")
    return outgoing_events.tell_new(timezone.now())


def open_conversation(world: World, peer: Channel) -> int:
    look()
    conversation_id = vendors.write(world, peer, "The note stays here")
    replying.note(world.access("carol"), conversation_id, text="a secret note")
    return conversation_id


def test_what_happens_is_told_once_and_in_order(
    world: World, peer: Channel, vendor: Vendor
) -> None:
    conversation_id = open_conversation(world, peer)
    assert look() == 1
    lifecycle.resolve(world.access("carol"), conversation_id)
    assert look() == 1
    assert look() == 0
    deliver_due()
    names = [name for name, _number in told(vendor)]
    assert names == ["conversation.assigned", "conversation.resolved"]
    numbers = [number for _name, number in told(vendor)]
    assert numbers == sorted(numbers)
    event: Any = vendor.calls[-1][2].context["event"]
    assert event["data"]["conversation"] == conversation_id
    assert event["data"]["state"] == "resolved"
    assert "secret" not in str(vendor.calls)


def test_only_what_was_asked_for_is_told(world: World, peer: Channel, vendor: Vendor) -> None:
    with world.transaction():
        Channel.objects.update(settings={"events": ["conversation.assigned"]})
    open_conversation(world, peer)
    assert look() == 1
    deliver_due()
    event: Any = vendor.calls[-1][2].context["event"]
    assert (event["type"], event["data"]["owner"]["name"]) == ("conversation.assigned", "Carol")


def test_what_happened_before_it_was_asked_for_is_not_told(
    world: World, peer: Channel, vendor: Vendor
) -> None:
    vendors.write(world, peer, "before")
    assert look() == 0
    assert look() == 0


def test_other_channels_are_not_told_of(world: World, peer: Channel, vendor: Vendor) -> None:
    look()
    world.message()
    assert look() == 0


def test_a_transaction_that_commits_late_is_told_too(
    world: World, peer: Channel, vendor: Vendor
) -> None:
    conversation_id = open_conversation(world, peer)
    look()

    def other(work: Callable[[], Any]) -> Any:
        def inner() -> Any:
            try:
                return work()
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(inner).result()

    def later_and_sooner() -> int:
        with world.transaction():
            replying.note(world.access("carol"), other_id, text="later in number, sooner seen")
        with world.transaction():
            return outgoing_events.tell_new(timezone.now())

    other_id = vendors.write(world, peer, "another", visitor="v2")
    with world.transaction():
        lifecycle.resolve(world.access("carol"), conversation_id)
        other(later_and_sooner)
    assert look() >= 1
    with world.transaction():
        names = [row.payload["event"]["type"] for row in Dispatch.objects.order_by("pk")]
    assert names.count("conversation.resolved") == 1


def test_a_stored_message_is_told_of_with_the_id_its_sender_gave(
    world: World, peer: Channel, vendor: Vendor
) -> None:
    conversation_id = open_conversation(world, peer)
    with world.transaction():
        message = Message.objects.filter(conversation_id=conversation_id, direction="in").get()
        assert outgoing_events.message_stored(peer, message.pk) is not None
        assert outgoing_events.message_stored(peer, message.pk) is None
    deliver_due()
    event: Any = vendor.calls[-1][2].context["event"]
    assert (event["type"], event["data"]["id"]) == ("message.stored", message.client_ref)


def test_who_asks_for_nothing_is_told_nothing(world: World, peer: Channel, vendor: Vendor) -> None:
    open_conversation(world, peer)
    with world.transaction():
        Channel.objects.filter(pk=peer.pk).update(settings={})
    assert look() == 0
    with world.transaction():
        assert not EventFeed.objects.exists()
