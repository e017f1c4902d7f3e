"""A vendor that is away is asked seldom, costs no message its attempts, and is in nobody else's way."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from channels_app.leaving import claims, sweeping
from channels_app.models import ChannelHealth
from channels_app.protocol import Capabilities, SendError
from channels_app.services import health
from helpdesk.models import AuditEntry, Channel, Delivery, Outbox
from helpdesk.services import replying
from tests.channels_app import vendors
from tests.channels_app.vendors import FAILED, QUEUED, SENT, Clock, Vendor, send_due, states
from tests.factories import World

AWAY = {"kind": "server", "retryable": True}
# After five failures one call after 10, 20, 40, 80, 160 and then every 300 seconds.
IDEAL_CALLS = 5 + 5 + (3600 - 310) // 300


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(datetime(2030, 5, 6, 9, tzinfo=UTC))
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Vendor:
    vendor, other = Vendor(), Vendor()
    vendors.connect(monkeypatch, fake=vendor, other=other)
    return vendor


@pytest.fixture
def fake(world: World, vendor: Vendor) -> Channel:
    return vendors.channel(world, "fake")


def wait(world: World, clock: Clock, *, seconds: float, step_seconds: float = 1) -> None:
    """Let the time pass with somebody who looks all the time, and whom nothing escapes.

    They look again after a step while something is due that could not be sent.
    """
    end = clock.now + timedelta(seconds=seconds)
    while clock.now < end:
        send_due(world)
        clock.now = min([end, *_instants(world, clock.now, timedelta(seconds=step_seconds))])
    send_due(world)


def wait_roughly(world: World, clock: Clock, *, half_hours: int) -> None:
    for _half_hour in range(half_hours):
        send_due(world)
        sweeping.give_back(clock.tick(minutes=30))


def _instants(world: World, now: datetime, step: timedelta) -> list[datetime]:
    """Return when something may change; the bucket fills all the time."""
    with world.transaction():
        resting = ChannelHealth.objects.filter(open_until__gt=now)
        found = list(resting.values_list("open_until", flat=True))
        waiting = Outbox.objects.filter(due_at__isnull=False, channel__disabled_reason="")
        waiting = waiting.exclude(channel__health__in=resting)
        found += waiting.filter(due_at__gt=now).values_list("due_at", flat=True)
        if waiting.filter(due_at__lte=now).exists():
            found.append(now + step)
        return found


def health_of(world: World, channel: Channel) -> ChannelHealth:
    with world.transaction():
        found: ChannelHealth = ChannelHealth.objects.get(pk=channel.pk)
        return found


def test_an_hour_away_costs_few_calls_and_no_message(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail(**AWAY)
    for number in range(20):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
    wait(world, clock, seconds=3600)
    assert IDEAL_CALLS / 2 <= len(vendor.calls) <= IDEAL_CALLS * 2
    assert states(world) == [QUEUED] * 20
    vendor.recover()
    wait(world, clock, seconds=301)
    assert states(world) == [SENT] * 20
    assert len({message.client_ref for _at, _account, message in vendor.calls}) == 20


def test_what_only_waits_uses_up_no_attempts(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail(**AWAY)
    for number in range(20):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
    wait(world, clock, seconds=60)
    with world.transaction():
        attempts = list(Outbox.objects.values_list("attempts", flat=True))
    assert sum(attempts) == len(vendor.calls)
    assert 0 in attempts


def test_another_channel_of_the_same_and_another_kind_goes_on(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    second = vendors.channel(world, "fake", language="en")
    vendor.answer = _failing_for(fake, vendor)
    for number in range(6):
        vendors.write(world, fake, f"away {number}", visitor=f"v{number}")
    wait(world, clock, seconds=30)
    vendors.write(world, second, "there")
    send_due(world)
    assert states(world)[-1] == SENT


def _failing_for(channel: Channel, vendor: Vendor) -> vendors.Answer:
    def answer(message: vendors.OutboundMessage) -> vendors.SendResult:
        if vendor.calls[-1][1] == channel.public_id:
            raise SendError("away", kind="server", retryable=True)
        return vendors.SendResult()

    return answer


def test_only_one_message_tries_whether_the_channel_is_back(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail(**AWAY)
    for number in range(9):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
    send_due(world)
    assert len(vendor.calls) == health.OPENS_AT
    later = clock.tick(seconds=15)
    probe = claims.claim_next(fake.pk, later)
    assert probe is not None
    assert probe.is_probe
    assert claims.claim_next(fake.pk, later) is None


def test_a_probe_that_never_comes_back_is_followed_by_another(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail(**AWAY)
    for number in range(6):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
    send_due(world)
    assert claims.claim_next(fake.pk, clock.tick(seconds=15))
    vendor.recover()
    clock.tick(seconds=61)
    send_due(world)
    assert states(world) == [SENT] * 6


def test_a_message_that_fails_by_itself_is_given_up_and_the_channel_goes_on(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail_text("poison", **AWAY)
    vendors.write(world, fake, "poison", visitor="victim")
    for number in range(claims.MOST_ATTEMPTS + 1):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
        send_due(world)
        clock.tick(minutes=20)
    assert states(world) == [FAILED] + [SENT] * (claims.MOST_ATTEMPTS + 1)
    assert vendor.texts.count("poison") == claims.MOST_ATTEMPTS


def test_after_a_day_without_any_success_what_waits_is_given_back_with_a_reason(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail(**AWAY)
    for number in range(7):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
    wait_roughly(world, clock, half_hours=46)
    assert set(states(world)) == {QUEUED}
    wait_roughly(world, clock, half_hours=4)
    assert set(states(world)) == {FAILED}
    with world.transaction():
        assert all(Outbox.objects.values_list("error", flat=True))


def test_recipients_who_cannot_be_reached_for_now_hold_nobody_else(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail_text("nobody", kind="undeliverable", retryable=True)
    for number in range(health.OPENS_AT * 3):
        vendors.write(world, fake, "nobody", visitor=f"n{number}")
    vendors.write(world, fake, "there")
    send_due(world)
    assert states(world) == [QUEUED] * health.OPENS_AT * 3 + [SENT]
    with world.transaction():
        assert not ChannelHealth.objects.filter(failures__gt=0).exists()
    vendor.recover()
    wait(world, clock, seconds=10)
    assert set(states(world)) == {SENT}


def test_a_recipient_who_cannot_be_reached_for_an_hour_is_given_up(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail_text("nobody", kind="undeliverable", retryable=True)
    conversation_id = vendors.write(world, fake, "nobody")
    replying.reply(world.access("carol"), conversation_id, text="after it")
    # The second is due all the time, and behind the first.
    wait(world, clock, seconds=1800, step_seconds=60)
    assert states(world) == [QUEUED, QUEUED]
    wait(world, clock, seconds=5400, step_seconds=60)
    assert states(world) == [FAILED, SENT]
    assert vendor.texts == ["nobody"] * claims.MOST_ATTEMPTS + ["after it"]


def test_a_probe_to_such_a_recipient_leaves_the_channel_to_the_next(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail(**AWAY)
    vendors.write(world, fake, "nobody", visitor="n")
    for number in range(health.OPENS_AT):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
    send_due(world)
    vendor.fail_text("nobody", kind="undeliverable", retryable=True)
    clock.tick(seconds=15)
    send_due(world)
    assert states(world) == [QUEUED] + [SENT] * health.OPENS_AT


def test_retry_after_holds_the_whole_channel(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail(kind="rate", retryable=True, retry_after=timedelta(seconds=90))
    for number in range(3):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
    send_due(world)
    assert len(vendor.calls) == 1
    vendor.recover()
    wait(world, clock, seconds=89)
    assert len(vendor.calls) == 1
    wait(world, clock, seconds=40)
    assert states(world) == [SENT] * 3


def test_the_bucket_lets_a_burst_through_and_then_the_rate(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    with world.transaction():
        Channel.objects.filter(pk=fake.pk).update(settings={"rate_per_minute": 60})
    for number in range(15):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
    send_due(world)
    assert len(vendor.calls) == 10
    with world.transaction():
        waiting = Outbox.objects.filter(state=Delivery.QUEUED)
        assert set(waiting.values_list("attempts", flat=True)) == {0}
    clock.tick(seconds=2)
    send_due(world)
    assert len(vendor.calls) == 12


def test_a_slow_channel_may_send_five_at_once(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.capabilities = Capabilities(idempotent_send=True, rate_per_minute=1)
    for number in range(7):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
    send_due(world)
    assert len(vendor.calls) == 5
    clock.tick(seconds=61)
    send_due(world)
    assert len(vendor.calls) == 6


def test_a_channel_that_refuses_us_three_times_is_switched_off_and_loses_nothing(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail(reason="The password of a.b@c.example is wrong", kind="auth")
    for number in range(2):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
    wait(world, clock, seconds=600)
    assert len(vendor.calls) == health.MOST_REFUSALS
    assert states(world) == [QUEUED] * 2
    with world.transaction():
        assert Channel.objects.get(pk=fake.pk).disabled_reason == "The password of … is wrong"
        trail = AuditEntry.objects.get(action="channel.stopped")
        assert (trail.actor, trail.subject_id) == (AuditEntry.Actor.SYSTEM, fake.pk)


def test_a_success_between_refusals_keeps_the_channel(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    for _round in range(3):
        vendor.fail(kind="auth")
        vendors.write(world, fake, f"refused {_round}", visitor=f"v{_round}")
        send_due(world)
        vendor.recover()
        wait(world, clock, seconds=20)
    with world.transaction():
        assert Channel.objects.get(pk=fake.pk).disabled_reason == ""
    assert states(world) == [SENT] * 3


def test_a_system_that_wants_no_more_is_believed_at_once(
    world: World, vendor: Vendor, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendors.connect(monkeypatch, webhook=vendor)
    peer = vendors.channel(world, "webhook")
    vendor.fail(reason="gone (410)", kind="blocked")
    vendors.write(world, peer, "hello")
    send_due(world)
    assert states(world) == [QUEUED]
    with world.transaction():
        assert Channel.objects.get(pk=peer.pk).disabled_reason == "gone (410)"


def test_somebody_who_blocked_us_does_not_end_the_channel(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail(reason="blocked", kind="blocked")
    vendors.write(world, fake, "hello")
    send_due(world)
    assert states(world) == [FAILED]
    with world.transaction():
        assert Channel.objects.get(pk=fake.pk).disabled_reason == ""


@pytest.mark.parametrize("fact", [{"is_active": False}, {"disabled_reason": "broken"}])
def test_what_waits_for_a_channel_that_is_off_goes_on_waiting(
    world: World, fake: Channel, vendor: Vendor, clock: Clock, fact: dict[str, object]
) -> None:
    vendors.write(world, fake, "wait")
    with world.transaction():
        Channel.objects.filter(pk=fake.pk).update(**fact)
    for _day in range(3):
        clock.tick(days=1)
        send_due(world)
        sweeping.give_back(clock.now)
    assert (states(world), vendor.calls) == ([QUEUED], [])
    with world.transaction():
        Channel.objects.filter(pk=fake.pk).update(is_active=True, disabled_reason="")
    send_due(world)
    assert states(world) == [SENT]


def test_a_sender_that_vanished_is_noticed_while_its_channel_rests(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.capabilities = Capabilities(idempotent_send=False)
    vendors.write(world, fake, "who knows")
    assert claims.claim_next(fake.pk, clock.now)
    with world.transaction():
        Channel.objects.filter(pk=fake.pk).update(disabled_reason="broken")
    clock.tick(seconds=61)
    send_due(world)
    assert states(world) == [str(Delivery.UNKNOWN)]
    assert vendor.calls == []


def test_mending_closes_the_breaker(
    world: World, fake: Channel, vendor: Vendor, clock: Clock
) -> None:
    vendor.fail(**AWAY)
    for number in range(6):
        vendors.write(world, fake, f"{number}", visitor=f"v{number}")
    send_due(world)
    assert health_of(world, fake).open_until
    with world.transaction():
        health.mend(fake.pk)
    vendor.recover()
    clock.tick(seconds=5)
    send_due(world)
    assert states(world) == [SENT] * 6
