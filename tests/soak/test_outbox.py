"""A vendor is away for an hour by a moved clock, and slow, rude and unclear before and after: nothing is lost.

The vendors are real servers on loopback, which remember each call with its key.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from channels_app.leaving import sweeping
from channels_app.models import ChannelHealth, DeliveryAttempt
from helpdesk.models import Channel, Delivery, Outbox, Staff
from helpdesk.registries import invariant_checks
from helpdesk.services import organizations, replying
from tests.channels_app import vendors
from tests.channels_app.vendors import Clock
from tests.factories import World
from tests.mail_servers import SmtpServer, smtp_server
from tests.soak.peers import TAKEN, Answer, Call, Peer
from tests.soak.traffic import SECRET

pytestmark = [pytest.mark.soak, pytest.mark.django_db(transaction=True)]

SEED = 4711
CONVERSATIONS, ROUNDS = 20, 10
HOUR, STEP = 3_600.0, 5.0
OUTAGE_BEGINS = 300.0
OUTAGE_ENDS = OUTAGE_BEGINS + HOUR
# After the vendor is back, everything has left by then.
RECOVERED = OUTAGE_ENDS + 300.0
BEGIN = datetime(2030, 5, 6, 9, tzinfo=UTC)
HUGE = b'{"id": "' + b"x" * 70_000 + b'"}'


@dataclass
class Hour:
    """What the vendor does at which second, by the seed."""

    clock: Clock
    luck: random.Random = field(default_factory=lambda: random.Random(SEED))

    @property
    def second(self) -> float:
        return (self.clock.now - BEGIN).total_seconds()

    def answer(self, number: int, said: dict[str, Any]) -> Answer:
        """Take nine of ten calls; during the hour none, in three different ways."""
        if OUTAGE_BEGINS <= self.second < OUTAGE_ENDS:
            third = int((self.second - OUTAGE_BEGINS) // (HOUR / 3))
            return [(503, {}, b""), (502, {}, b"<html>gateway</html>"), (500, {}, b"")][third]
        if OUTAGE_ENDS <= self.second < OUTAGE_ENDS + 20:
            return 429, {"Retry-After": "30"}, b""
        return self.luck.choices(
            [TAKEN, (200, {}, b'{"error": "no such user"}'), (200, {}, HUGE), (500, {}, b""), None],
            [80, 10, 3, 4, 3],
        )[0]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Clock:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    clock = Clock(BEGIN)
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def hour(clock: Clock) -> Hour:
    return Hour(clock)


@pytest.fixture
def away(hour: Hour) -> Iterator[Peer]:
    with Peer(answer=hour.answer, clock=lambda: hour.second) as peer:
        yield peer


@pytest.fixture
def neighbour(hour: Hour) -> Iterator[Peer]:
    with Peer(clock=lambda: hour.second) as peer:
        yield peer


def opened(world: World, kind: str, name: str, **facts: Any) -> Channel:
    with world.transaction():
        Staff.objects.update(capacity=9_000)
        settings = {**facts.pop("settings"), "rate_per_minute": 6_000}
        return organizations.open_channel(Channel(kind=kind, name=name, settings=settings, **facts))


def hook(world: World, name: str, peer: Peer) -> Channel:
    return opened(world, "webhook", name, settings={"callback_url": peer.url}, secret=SECRET)


class Desk:
    """Carol answers, and the connector sends, while the clock moves."""

    def __init__(self, world: World, clock: Clock) -> None:
        self.world, self.clock = world, clock
        self.carol = world.access("carol")
        self.conversations: dict[int, list[int]] = {}
        self.written: dict[int, list[str]] = defaultdict(list)

    def open(self, at: Channel, count: int = CONVERSATIONS) -> None:
        found = [
            vendors.write(self.world, at, "0", visitor=f"v{each}@x.example")
            for each in range(count)
        ]
        self.conversations[at.pk] = found
        for pk in found:
            self.written[pk].append("0")

    def answer(self, at: Channel, turn: int) -> None:
        for pk in self.conversations[at.pk]:
            replying.reply(self.carol, pk, text=str(turn))
            self.written[pk].append(str(turn))

    def pass_by(self, until: float) -> None:
        """Send what is due every few seconds, as the connector and the sweeper do."""
        while self.clock.now < BEGIN + timedelta(seconds=until):
            vendors.send_due(self.world)
            self.clock.tick(seconds=STEP)
        sweeping.give_back(self.clock.now)

    def rows(self, at: Channel) -> list[Outbox]:
        with self.world.transaction():
            return list(Outbox.objects.filter(channel=at).order_by("message_id"))


def by_key(calls: list[Call]) -> dict[str, list[Call]]:
    found: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        found[call.key].append(call)
    return found


def test_an_hour_without_the_vendor_loses_nothing_and_keeps_the_order(
    world: World, clock: Clock, hour: Hour, away: Peer, neighbour: Peer
) -> None:
    at, other = hook(world, "away", away), hook(world, "neighbour", neighbour)
    desk = Desk(world, clock)
    desk.open(at)
    desk.open(other)
    for turn in range(1, ROUNDS):
        desk.pass_by(turn * OUTAGE_ENDS / ROUNDS)
        desk.answer(at, turn)
        desk.answer(other, turn)
        vendors.send_due(world)
        assert {row.state for row in desk.rows(other)} == {Delivery.SENT}, "nobody else waits"
    desk.pass_by(RECOVERED)
    replies = CONVERSATIONS * ROUNDS
    rows = desk.rows(at)
    assert Counter(row.state for row in rows) == {Delivery.SENT: replies}
    calls = by_key(away.calls)
    assert set(calls) == {str(row.client_ref) for row in rows}
    for made in calls.values():
        # Whoever was told that it is taken is not told again; whatever went wrong, the text stays.
        clear = [call for call in made if 200 <= call.status < 300]
        assert len({(call.text, call.to) for call in made}) == 1
        assert 1 <= len(clear) <= 1 + _unclear(world, made[0].key)
    check_order(away.calls, desk)
    during = [call for call in away.calls if OUTAGE_BEGINS <= call.at < OUTAGE_ENDS]
    last = max(call.at for call in away.calls)
    assert len(away.calls) <= 2 * replies
    check_laws(world)
    print(
        f"soak: {replies} replies through an hour away: {len(away.calls)} calls, {len(during)} of them"
        f" in the hour; all taken {last - OUTAGE_ENDS:.0f} s after it; a neighbour's {replies} at once"
    )


def _unclear(world: World, key: str) -> int:
    """Return how often the vendor may have taken this reply without our knowing."""
    with world.transaction():
        row = Outbox.objects.get(client_ref=key)
        tries = DeliveryAttempt.objects.filter(message_id=row.pk, outcome=Delivery.QUEUED)
        return int(tries.count())


def check_order(calls: list[Call], desk: Desk) -> None:
    """What one customer was told first came first, by the first call that was taken."""
    said: dict[str, list[str]] = defaultdict(list)
    for call in calls:
        if 200 <= call.status < 300 and call.text not in said[call.to]:
            said[call.to].append(call.text)
    assert len(said) == CONVERSATIONS
    assert all(texts == [str(turn) for turn in range(ROUNDS)] for texts in said.values())


def check_laws(world: World) -> None:
    with world.transaction():
        broken = [line for _n, check in invariant_checks.items() for line in check.violations()]
    assert broken == []


def test_the_last_reply_of_an_hour_leaves_within_five_minutes(
    world: World, clock: Clock, hour: Hour, away: Peer
) -> None:
    at = hook(world, "away", away)
    desk = Desk(world, clock)
    desk.pass_by(OUTAGE_BEGINS)
    desk.open(at, 1)
    desk.pass_by(RECOVERED)
    assert [row.state for row in desk.rows(at)] == [Delivery.SENT]
    print(f"soak: one reply alone: {len(away.calls)} calls in an hour away")


def test_a_mail_server_that_drops_the_line_gets_no_mail_twice(
    world: World, clock: Clock, neighbour: Peer
) -> None:
    with smtp_server() as server:
        settings = {
            "address": "help@ours.example",
            "smtp_host": "127.0.0.1",
            "smtp_port": server.port,
            "smtp_security": "none",
        }
        at = opened(world, "mail", "letters", settings=settings)
        other = hook(world, "neighbour", neighbour)
        desk = Desk(world, clock)
        desk.open(at)
        desk.open(other)
        script(desk, server)
        rows = desk.rows(at)
        assert {row.state for row in desk.rows(other)} == {Delivery.SENT}
        states = Counter(row.state for row in rows)
        assert set(states) == {Delivery.SENT, Delivery.UNKNOWN}
        unknown = [row for row in rows if row.state == Delivery.UNKNOWN]
        assert all(row.error for row in unknown)
        ids = [message_from_bytes(each.content)["Message-ID"] for each in server.received]
        assert (len(ids), len(set(ids))) == (len(rows), len(rows)), "each once, and under one id"
        resend(desk, unknown)
        assert {row.state for row in desk.rows(at)} == {Delivery.SENT}
        ids = [message_from_bytes(each.content)["Message-ID"] for each in server.received]
        assert len(ids) - len(set(ids)) == len(unknown), "by hand, once more under the same id"
        check_laws(world)
    print(f"soak: {len(rows)} letters, {len(unknown)} of unknown fate, none doubled but by hand")


def script(desk: Desk, server: SmtpServer) -> None:
    """Let letters leave in good times, with the line cut after the dot, and refused for an hour."""
    for turn, answers in enumerate(
        (
            {},
            {"DATA": "drop"},
            {"MAIL": "451 come back later"},
            {"EHLO": "drop"},
            {"RCPT": "452 full"},
        )
    ):
        at = next(pk for pk in desk.conversations)
        server.script = answers
        for pk in desk.conversations[at]:
            replying.reply(desk.carol, pk, text=str(turn + 1))
        desk.pass_by(OUTAGE_BEGINS + (turn + 1) * HOUR / 5)
    server.script = {}
    # A recipient who was full is tried again later and later.
    desk.pass_by(RECOVERED + HOUR / 2)


def resend(desk: Desk, rows: list[Outbox]) -> None:
    with desk.world.transaction():
        places = [(row.conversation_id, row.message.entry.number) for row in rows]
    for pk, number in places:
        replying.resend(desk.carol, pk, number)
    with desk.world.transaction():
        ChannelHealth.objects.update(open_until=None)
    desk.pass_by(RECOVERED + HOUR / 2 + 120)
