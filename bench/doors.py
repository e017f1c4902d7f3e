"""What comes in at the doors of a running installation: signed webhooks, one by one and in a burst, and a mailbox."""

import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from bench.mail import mails_of
from bench.table import Figure, middle
from channels_app.signatures import signed_headers
from tests.mail_servers import ImapServer, imap_server
from tests.soak.installation import Installation
from tests.soak.stores import Store
from tests.soak.traffic import SECRET, Item, event

ROUNDS = 3
CALLS, CALLS_A_SECOND, LIMIT_P99_MS = 500, 50, 150
BURST, BURST_SECONDS, LIMIT_BACKLOG_SECONDS = 3_000, 10, 60
MAILS, LIMIT_MAILS_A_SECOND, LIMIT_URGENT_SECONDS = 10_000, 60, 5
LINES, PATIENCE_SECONDS, IMPORT_SECONDS = 32, 30, 900
ADDRESS = "help@ours.example"
URGENT = "急！！付款失败，马上要用，怎么办？"

_OPEN = "SELECT count(*) FROM channels_app_inboundevent WHERE state IN ('new', 'parked')"
_SAID = "SELECT count(*), count(DISTINCT provider_id) FROM helpdesk_message WHERE starts_with(provider_id, %s)"
_IMPORTED = (
    "SELECT count(*) FROM channels_app_inboundevent v JOIN helpdesk_channel k ON k.id = v.channel_id"
    " WHERE k.kind = 'mail' AND v.processed_at IS NOT NULL"
)
_PLACED = (
    "SELECT i.external_id FROM helpdesk_conversation c JOIN helpdesk_identity i ON i.id = c.identity_id"
    " WHERE starts_with(i.external_id, 'urgent-') AND c.owner_id IS NOT NULL"
)


def measure() -> list[Figure]:
    """Measure on an installation of its own, whose colleagues are there and have room."""
    from bench.measures import temporary_home  # noqa: PLC0415  (imports us)

    with temporary_home() as folder, _installed(folder / "home") as doors:
        rounds = [_steady(doors, f"steady-{at}") for at in range(ROUNDS + 1)][1:]
        bursts = [_burst(doors, f"burst-{at}") for at in range(ROUNDS)]
        rate, urgent = _import(doors)
    missing, backlog = (middle(list(each)) for each in zip(*bursts, strict=True))
    what = f"{BURST:,} signed webhooks in {BURST_SECONDS} s"
    return [
        Figure(
            f"signed webhook: answered, {CALLS_A_SECOND} a second, p99", middle(rounds), "ms", LIMIT_P99_MS
        ),
        Figure(f"{what}: lost or doubled", missing, "events", 0),
        Figure(f"{what}: backlog gone after the last", backlog, "s", LIMIT_BACKLOG_SECONDS),
        Figure(
            f"mailbox of {MAILS:,}, first import", rate, "mails/s", LIMIT_MAILS_A_SECOND, is_at_least=True
        ),
        Figure("urgent new message meanwhile: with a colleague, slowest", urgent, "s", LIMIT_URGENT_SECONDS),
    ]  # fmt: skip


@dataclass
class Doors:
    """An installation with a signed webhook; a mailbox is connected later."""

    own: Installation
    store: Store
    hook: str

    def count(self, statement: str) -> int:
        return int(self.store.rows(statement)[0][0])

    def until_read(self) -> None:
        """Wait until nothing is waiting to be read."""
        while self.count(_OPEN):
            time.sleep(0.1)


@contextmanager
def _installed(home: Path) -> Iterator[Doors]:
    own = Installation(home)
    own.start()
    try:
        own.await_ready()
        settings = {"callback_url": "", "rate_per_minute": 60_000}
        hook = {"kind": "webhook", "name": "hook", "secret": SECRET, "settings": settings}
        found = own.furnish("found", [hook])
        own.furnish("stay", ["carol", "dave", "erin"])
        with Store(own.home) as store:
            yield Doors(own, store, f"/channels/{found['hook']}/")
    finally:
        own.stop()


# --- signed webhooks ---------------------------------------------------------------------------


def _steady(doors: Doors, name: str) -> float:
    """Return the 99th percentile in milliseconds, from when a call is due to its answer."""
    calls = Calls(doors, _messages(name, CALLS))
    calls.make(1 / CALLS_A_SECOND)
    doors.until_read()
    assert set(calls.statuses) == {200}, calls.statuses
    return sorted(calls.delays)[int(len(calls.delays) * 0.99)] * 1000


def _burst(doors: Doors, name: str) -> tuple[float, float]:
    """Return how many events are lost or doubled, and the seconds until all were read."""
    calls = Calls(doors, _messages(name, BURST))
    calls.make(BURST_SECONDS / BURST)
    began = calls.began + BURST_SECONDS
    doors.until_read()
    said, different = doors.store.rows(_SAID, f"{name}-")[0]
    return abs(BURST - different) + said - different, time.monotonic() - began


def _messages(name: str, count: int) -> list[Item]:
    """Return first messages of as many people."""
    return [_message(f"{name}-{at}", "请问怎么退货？") for at in range(count)]


def _message(key: str, text: str) -> Item:
    data: dict[str, object] = {"id": key, "sender": {"id": key, "name": "顾客"}, "text": text}
    return event(key, key, "message.created", data)


@dataclass
class Calls:
    """Calls that are due one after the other, made over kept lines; whatever is refused is tried again."""

    doors: Doors
    items: list[Item]
    delays: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    began: float = 0.0

    def make(self, every_seconds: float) -> None:
        """Make all of them and return when the last is answered."""
        self.began = time.monotonic() + 0.1
        due: queue.SimpleQueue[tuple[float, Item]] = queue.SimpleQueue()
        for at, item in enumerate(self.items):
            due.put((self.began + at * every_seconds, item))
        lines = [threading.Thread(target=self._line, args=(due,)) for _ in range(LINES)]
        for line in lines:
            line.start()
        for line in lines:
            line.join()

    def _line(self, due: "queue.SimpleQueue[tuple[float, Item]]") -> None:
        line = HTTPConnection("127.0.0.1", urlsplit(self.doors.own.url).port, timeout=30)
        while True:
            try:
                at, item = due.get_nowait()
            except queue.Empty:
                line.close()
                return
            time.sleep(max(0.0, at - time.monotonic()))
            while self._call(line, item) != 200:
                assert time.monotonic() < at + PATIENCE_SECONDS, self.statuses
                time.sleep(0.5)
            self.delays.append(time.monotonic() - at)

    def _call(self, line: HTTPConnection, item: Item) -> int:
        signed = signed_headers(item.key, item.body, secrets=[SECRET], at=datetime.now(UTC))
        try:
            line.request("POST", self.doors.hook, item.body, signed)
            answer = line.getresponse()
            answer.read()
        except (OSError, HTTPException):
            line.close()
            self.statuses[0] += 1
            return 0
        self.statuses[answer.status] += 1
        return answer.status


# --- a full mailbox ----------------------------------------------------------------------------


def _import(doors: Doors) -> tuple[float, float]:
    """Return how many mails a second were read, and the slowest urgent message in seconds."""
    with imap_server() as imap:
        imap.append(*mails_of(MAILS, address=ADDRESS))
        doors.own.furnish("open", [_mailbox(imap)])
        urgent = Urgent(doors)
        began = time.monotonic()
        while (done := doors.count(_IMPORTED)) < MAILS:
            assert time.monotonic() - began < IMPORT_SECONDS, f"{done} mails read"
            urgent.look()
            time.sleep(0.05)
        seconds = time.monotonic() - began
        return MAILS / seconds, urgent.slowest()


def _mailbox(imap: ImapServer) -> dict[str, object]:
    settings = {
        "address": ADDRESS,
        "imap_host": "127.0.0.1",
        "imap_port": imap.port,
        "imap_user": imap.user,
        "imap_security": "none",
        "first_import": "all",
    }
    secret = json.dumps({"imap_password": imap.password})
    return {"kind": "mail", "name": "box", "secret": secret, "settings": settings}


@dataclass
class Urgent:
    """Somebody new writes every second that it is urgent, and somebody should have it."""

    doors: Doors
    sent: dict[str, float] = field(default_factory=dict)
    placed: dict[str, float] = field(default_factory=dict)

    def look(self) -> None:
        """Write when it is time, and note who has been placed."""
        now = time.monotonic()
        for (who,) in self.doors.store.rows(_PLACED):
            self.placed.setdefault(who, now)
        if now - max(self.sent.values(), default=0.0) >= 1:
            key = f"urgent-{len(self.sent)}"
            self.sent[key] = time.monotonic()
            Calls(self.doors, [_message(key, URGENT)]).make(0)

    def slowest(self) -> float:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.placed) < len(self.sent) and time.monotonic() < deadline:
            for (who,) in self.doors.store.rows(_PLACED):
                self.placed.setdefault(who, time.monotonic())
            time.sleep(0.05)
        return max(self.placed.get(who, deadline) - at for who, at in self.sent.items())
