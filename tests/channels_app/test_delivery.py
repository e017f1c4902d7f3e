from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations

import pytest
from django.db import connection
from django.utils import timezone

from channels_app import delivery
from channels_app.adapters.webchat.adapter import Adapter
from channels_app.leaving import claims
from channels_app.protocol import Capabilities, SendError, SendResult
from channels_app.services import receipts
from helpdesk.models import Delivery, Outbox
from helpdesk.services import replying
from helpdesk.tenancy import organization_scope
from tests.delivering import deliver_due


@pytest.fixture
def sent(monkeypatch):
    """What was handed to the vendor."""
    calls = []
    monkeypatch.setattr(
        Adapter, "send", lambda self, message: calls.append(message) or SendResult()
    )
    return calls


@pytest.fixture
def conversation_id(world):
    return world.message().conversation_id


def row(world):
    with world.transaction():
        return Outbox.objects.order_by("message_id").first()


def failing(monkeypatch, error):
    def send(self, message):
        raise error

    monkeypatch.setattr(Adapter, "send", send)


def test_a_reply_is_sent_once_whoever_looks(world, conversation_id, sent):
    replying.reply(world.access("carol"), conversation_id, text="only once")

    def look(_number):
        try:
            with organization_scope(world.organization.pk):
                while claim := claims.claim_next(world.channel.pk, timezone.now()):
                    delivery.deliver(claim)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(look, range(8)))
    assert [message.text for message in sent] == ["only once"]
    assert row(world).state == Delivery.SENT


def test_replies_of_one_conversation_leave_in_order(world, conversation_id, sent):
    carol = world.access("carol")
    for text in ("one", "two", "three"):
        replying.reply(carol, conversation_id, text=text)
    assert claims.claim_next(world.channel.pk, timezone.now()).message.text == "one"
    assert claims.claim_next(world.channel.pk, timezone.now()) is None
    with world.transaction():
        Outbox.objects.update(state=Delivery.QUEUED, due_at=timezone.now())
    deliver_due()
    assert [message.text for message in sent] == ["one", "two", "three"]


def test_a_reply_waits_until_its_hold_is_over(world, conversation_id, sent):
    with world.transaction():
        world.channel.hold_seconds = 20
        world.channel.save()
    replying.reply(world.access("carol"), conversation_id, text="held")
    deliver_due()
    assert sent == []
    assert claims.claim_next(world.channel.pk, timezone.now() + timedelta(seconds=21))


def test_who_lost_the_lease_changes_nothing(world, conversation_id, sent):
    replying.reply(world.access("carol"), conversation_id, text="slow")
    slow = claims.claim_next(world.channel.pk, timezone.now())
    later = timezone.now() + claims.lease(slow.adapter) * 2
    assert claims.end_lapsed(later) == 1
    fast = claims.claim_next(world.channel.pk, later)
    assert fast.message.client_ref == slow.message.client_ref
    delivery.deliver(slow)
    assert row(world).state == Delivery.SENDING
    delivery.deliver(fast)
    assert row(world).state == Delivery.SENT


def test_a_retryable_failure_comes_back_later_under_the_same_reference(
    world, conversation_id, monkeypatch
):
    failing(
        monkeypatch,
        SendError("busy", kind="rate", retryable=True, retry_after=timedelta(seconds=30)),
    )
    replying.reply(world.access("carol"), conversation_id, text="again")
    before = row(world).client_ref
    deliver_due()
    kept = row(world)
    assert (kept.state, kept.error_code, kept.attempts) == (Delivery.QUEUED, "rate", 1)
    assert kept.due_at > timezone.now() + timedelta(seconds=20)
    assert kept.client_ref == before


def test_a_permanent_failure_says_why(world, conversation_id, monkeypatch):
    failing(monkeypatch, SendError("The visitor has blocked us", kind="blocked"))
    replying.reply(world.access("carol"), conversation_id, text="no")
    deliver_due()
    kept = row(world)
    assert (kept.state, kept.error) == (Delivery.FAILED, "The visitor has blocked us")


def test_what_may_have_arrived_is_not_sent_twice(world, conversation_id, monkeypatch):
    monkeypatch.setattr(Adapter, "capabilities", Capabilities(idempotent_send=False))
    failing(monkeypatch, SendError("no answer", ambiguous=True))
    replying.reply(world.access("carol"), conversation_id, text="who knows")
    deliver_due()
    assert row(world).state == Delivery.UNKNOWN
    assert claims.claim_next(world.channel.pk, timezone.now() + timedelta(days=1)) is None


@pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "read", "failed"])))
def test_receipts_in_any_order_end_alike(world, conversation_id, order):
    replying.reply(world.access("carol"), conversation_id, text="hi")
    reached = []
    for status in order:
        with world.transaction():
            receipts.advance(Outbox.objects.all(), status)
        reached.append(row(world).state)
    ranks = ["sent", "failed", "delivered", "read"]
    assert reached == sorted(reached, key=ranks.index)
    assert reached[-1] == "read"
