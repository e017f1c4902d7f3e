"""Several connectors, killed ones, lost leases: everything leaves once, in order, and nobody waits for another."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event, Semaphore
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from channels_app import delivery, http
from channels_app.adapters.mail import adapter as mail
from channels_app.adapters.mail import smtp
from channels_app.adapters.webhook import adapter as webhook
from channels_app.leaving import claims, outcomes
from channels_app.leaving.crew import Crew
from channels_app.models import Dispatch
from channels_app.protocol import Capabilities, ChannelConfig, SendError, SendResult
from channels_app.services import dispatching
from helpdesk.models import Channel, Conversation, Delivery, Outbox
from helpdesk.services import replying
from helpdesk.tenancy import organization_scope
from tests.channels_app import vendors
from tests.channels_app.letters_sent import arrive, letter, open_mailbox
from tests.channels_app.vendors import QUEUED, SENT, Vendor, states
from tests.delivering import deliver_due
from tests.factories import World

UNKNOWN = str(Delivery.UNKNOWN)


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Vendor:
    vendor = Vendor()
    vendors.connect(monkeypatch, fake=vendor)
    return vendor


@pytest.fixture
def fake(world: World, vendor: Vendor) -> Channel:
    return vendors.channel(world, "fake", settings={"rate_per_minute": 60_000})


def in_threads(world: World, channel: Channel, count: int) -> None:
    def look(_number: int) -> None:
        try:
            delivery.deliver_channel(world.organization.pk, channel.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(look, range(count)))


def test_many_connectors_send_everything_once_and_in_order(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    carol = world.access("carol")
    for visitor in range(4):
        conversation_id = vendors.write(world, fake, "0", visitor=f"v{visitor}")
        for number in range(1, 5):
            replying.reply(world.access("carol"), conversation_id, text=f"{number}")
    with world.transaction():
        for number in range(10):
            dispatching.dispatch(
                fake,
                Dispatch.Kind.NOTICE,
                dedup_key=f"{number}",
                recipient="a@x.example",
                payload={},
            )
    assert carol.is_active
    for _round in range(3):
        in_threads(world, fake, 4)
    assert states(world) == [SENT] * 20
    sent = [message for _at, _account, message in vendor.calls]
    assert len(sent) == len({message.client_ref for message in sent}) == 30
    for visitor in range(4):
        texts = [each.text for each in sent if each.to.external_id == f"v{visitor}"]
        assert texts == ["0", "1", "2", "3", "4"]


def test_the_first_reply_holds_its_own_conversation_and_no_other(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    vendor.fail_text("first", kind="server", retryable=True)
    conversation_id = vendors.write(world, fake, "first")
    replying.reply(world.access("carol"), conversation_id, text="second")
    vendors.write(world, fake, "elsewhere", visitor="v2")
    deliver_due()
    assert states(world) == [QUEUED, QUEUED, SENT]
    vendor.recover()
    with world.transaction():
        Outbox.objects.filter(state=Delivery.QUEUED).update(due_at=timezone.now())
    deliver_due()
    assert vendor.texts == ["first", "elsewhere", "first", "second"]


@pytest.mark.parametrize("kind", ["reply", "dispatch"])
@pytest.mark.parametrize("is_idempotent", [True, False])
def test_killed_between_sending_and_storing_costs_one_call_at_most(
    world: World, fake: Channel, vendor: Vendor, kind: str, is_idempotent: bool
) -> None:
    vendor.capabilities = Capabilities(idempotent_send=is_idempotent)
    if kind == "reply":
        vendors.write(world, fake, "hello")
    else:
        with world.transaction():
            dispatching.dispatch(fake, Dispatch.Kind.NOTICE, dedup_key="a", payload={})
    claim = claims.claim_next(fake.pk, timezone.now())
    assert claim is not None
    claim.adapter.send(claim.message)
    # The process ends here; another looks when the lease has ended.
    later = timezone.now() + claims.lease(claim.adapter) + timedelta(seconds=1)
    assert claims.end_lapsed(timezone.now()) == 0
    assert claims.end_lapsed(later) == 1
    again = claims.claim_next(fake.pk, later)
    assert (again is not None) == is_idempotent
    if again is not None:
        delivery.deliver(again)
    references = {message.client_ref for _at, _account, message in vendor.calls}
    assert (len(vendor.calls), len(references)) == (2 if is_idempotent else 1, 1)
    with world.transaction():
        (state,) = claim.model.objects.values_list("state", flat=True)  # type: ignore[attr-defined]  # either kind
    assert state == (Delivery.SENT if is_idempotent else Delivery.UNKNOWN)


def test_who_comes_back_too_late_changes_nothing(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    vendors.write(world, fake, "hello")
    late = claims.claim_next(fake.pk, timezone.now())
    assert late is not None
    later = timezone.now() + claims.lease(late.adapter) * 2
    claims.end_lapsed(later)
    fast = claims.claim_next(fake.pk, later)
    assert fast is not None
    outcomes.store(late, SendResult(provider_ids=("late",)), 1)
    assert (states(world), vendors.row(world).provider_id) == ([str(Delivery.SENDING)], "")
    outcomes.store(fast, SendResult(provider_ids=("fast",)), 1)
    assert (states(world), vendors.row(world).provider_id) == ([SENT], "fast")


def lapsed(world: World, channel: Channel, vendor: Vendor) -> claims.Claim:
    """Return a claim whose lease has ended before its sender came back, so that nobody knows."""
    vendor.capabilities = Capabilities(idempotent_send=False)
    vendors.write(world, channel, "hello")
    claim = claims.claim_next(channel.pk, timezone.now())
    assert claim is not None
    claims.end_lapsed(timezone.now() + claims.lease(claim.adapter))
    assert states(world) == [UNKNOWN]
    return claim


def test_what_was_sent_after_all_is_not_unknown(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    claim = lapsed(world, fake, vendor)
    outcomes.store(claim, SendResult(provider_ids=("late",)), 1)
    kept = vendors.row(world)
    assert (kept.state, kept.provider_id, kept.error) == (SENT, "late", "")
    outcomes.store(claim, SendError("no", ambiguous=True), 1)
    assert states(world) == [SENT]


@pytest.mark.parametrize("facts", [{"ambiguous": True}, {"retryable": True}, {}])
def test_what_failed_late_stays_unknown(
    world: World, fake: Channel, vendor: Vendor, facts: dict[str, bool]
) -> None:
    claim = lapsed(world, fake, vendor)
    outcomes.store(claim, SendError("no", **facts), 1)
    assert states(world) == [UNKNOWN]


def test_what_is_sent_again_is_not_settled_by_the_first_try(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    first = lapsed(world, fake, vendor)
    with world.transaction():
        Outbox.objects.update(state=Delivery.QUEUED, due_at=timezone.now())
    second = claims.claim_next(fake.pk, timezone.now())
    assert second is not None
    outcomes.store(first, SendResult(), 1)
    assert states(world) == [str(Delivery.SENDING)]
    outcomes.store(second, SendError("no", ambiguous=True), 1)
    outcomes.store(first, SendResult(), 1)
    assert states(world) == [UNKNOWN]


@pytest.mark.parametrize(
    ("adapter", "seconds"),
    [
        (mail.Adapter, smtp.WHOLE_SECONDS),
        (webhook.Adapter, http.WHOLE_CALL_SECONDS),
    ],
)
def test_a_lease_is_longer_than_the_longest_call(adapter: type[Any], seconds: float) -> None:
    assert claims.lease(adapter(ChannelConfig("box-1"))) >= timedelta(seconds=seconds + 30)


def test_a_mail_that_takes_its_time_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = open_mailbox(world)
    arrive(box, letter())
    with world.transaction():
        conversation_id = Conversation.objects.get().pk
    replying.reply(world.access("carol"), conversation_id, text="It comes tomorrow.")
    begun = timezone.now()

    def send(self: mail.Adapter, message: vendors.OutboundMessage) -> SendResult:
        claims.end_lapsed(begun + timedelta(seconds=smtp.WHOLE_SECONDS))
        return SendResult(warning="Not accepted for: bob@shop.example")

    monkeypatch.setattr(mail.Adapter, "send", send)
    claim = claims.claim_next(box.pk, begun)
    assert claim is not None
    delivery.deliver(claim)
    kept = vendors.row(world)
    assert (kept.state, kept.error) == (SENT, "Not accepted for: bob@shop.example")


def test_what_kills_its_sender_each_time_is_given_up(
    world: World, fake: Channel, vendor: Vendor
) -> None:
    vendors.write(world, fake, "deadly")
    at = timezone.now()
    tries = 0
    while claim := claims.claim_next(fake.pk, at):
        tries += 1
        at += claims.lease(claim.adapter) * 2
        claims.end_lapsed(at)
    assert tries == claims.MOST_ATTEMPTS
    assert (states(world), vendors.row(world).error_code) == ([vendors.FAILED], "interrupted")


def test_a_slow_vendor_holds_no_other_channel_up(
    world: World, fake: Channel, monkeypatch: pytest.MonkeyPatch, vendor: Vendor
) -> None:
    slow, done, may_end = Vendor(), Semaphore(0), Event()
    vendors.connect(monkeypatch, slow=slow, fake=vendor)
    slow_channel = vendors.channel(world, "slow", language="en")

    def answer_late(message: vendors.OutboundMessage) -> SendResult:
        assert may_end.wait(30)
        done.release()
        return SendResult()

    def answer(message: vendors.OutboundMessage) -> SendResult:
        done.release()
        return SendResult()

    slow.answer, vendor.answer = answer_late, answer
    vendors.write(world, slow_channel, "slow", visitor="v1")
    vendors.write(world, fake, "fast", visitor="v2")
    crew = Crew(workers=2)
    try:
        assert crew.send_due() == 2
        assert done.acquire(timeout=30)
        assert vendor.texts == ["fast"]
        # The slow one is being worked on; nobody else starts on it.
        vendors.write(world, slow_channel, "slow too", visitor="v3")
        assert crew.send_due() <= 1
        assert slow.texts == ["slow"]
    finally:
        may_end.set()
        crew.close()
    assert slow.texts[0] == "slow"
    with organization_scope(world.organization.pk):
        assert set(states(world)) <= {SENT, QUEUED}
