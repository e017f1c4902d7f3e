"""Once a vendor is back, what waited for it leaves within five minutes, however long it was away."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from channels_app.leaving import claims
from channels_app.models import ChannelHealth
from channels_app.services import health
from helpdesk.models import Channel, Outbox
from tests.channels_app import vendors
from tests.channels_app.vendors import QUEUED, SENT, Clock, Vendor, send_due, states
from tests.factories import World

AWAY = {"kind": "server", "retryable": True}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(datetime(2030, 5, 6, 9, tzinfo=UTC))
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Vendor:
    made = Vendor()
    vendors.connect(monkeypatch, fake=made)
    return made


@pytest.fixture
def fake(world: World, vendor: Vendor) -> Channel:
    return vendors.channel(world, "fake")


def test_a_channel_that_is_away_rests_five_minutes_at_most(
    world: World, fake: Channel, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health.random, "random", lambda: 1.0)
    with world.transaction():
        for _failure in range(20):
            state = health.failed(fake.pk, is_probe=True, reason="away", now=clock.now)
    assert state.open_until == clock.now + timedelta(minutes=5)


def test_the_first_success_has_everything_leave_that_waited_for_the_vendor(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail(**AWAY)
    for number in range(health.OPENS_AT):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
    send_due(world)
    with world.transaction():
        # They have waited for so long that they would wait for a quarter of an hour now.
        Outbox.objects.update(due_at=clock.now + timedelta(minutes=15))
    vendor.recover()
    clock.tick(minutes=5)
    vendors.write(world, fake, "new", visitor="new")
    send_due(world)
    assert states(world) == [SENT] * (health.OPENS_AT + 1)


def test_what_the_vendor_itself_put_off_is_not_hurried(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendors.write(world, fake, "later")
    vendor.fail(kind="rate", retryable=True, retry_after=timedelta(minutes=10))
    send_due(world)
    vendor.recover()
    with world.transaction():
        ChannelHealth.objects.update(open_until=None, failures=health.OPENS_AT)
    vendors.write(world, fake, "probe", visitor="v2")
    send_due(world)
    assert (vendor.texts, states(world)) == (["later", "probe"], [QUEUED, SENT])
    assert claims.claim_next(fake.pk, clock.tick(minutes=13)) is not None
