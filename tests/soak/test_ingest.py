"""4,000 mails and events come three times each, shuffled, while processes die: each is there once, as it was sent.

What is promised about order: who sends one after the other is read in that order; whatever order is
kept at the door is kept in the conversation; of edits the newest counts, whenever it comes.
"""

import asyncio
import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.mail_servers import ImapServer, imap_server
from tests.soak.installation import Installation, Storm, drained
from tests.soak.peers import Peer
from tests.soak.stores import Store
from tests.soak.traffic import SECRET, Expected, Item, Sender, event, mail, message

SEED = 4711
PEOPLE, MESSAGES_EACH, EDITS, DELETIONS = 50, 24, 500, 100
RECEIPTS = ("delivered", "failed", "read", "delivered")
EVENTS = PEOPLE * MESSAGES_EACH + EDITS + DELETIONS + PEOPLE * len(RECEIPTS)
MAILS, LARGE_MAILS, REPEATS = 2_000, 10, 3
# They send one after the other first, and shuffled only again.
ORDERLY = 10
RECOVERY_SECONDS = 240.0

_OPEN = "SELECT count(*) FROM channels_app_inboundevent WHERE state IN ('new', 'parked')"
_PROCESSED = "SELECT count(*) FROM channels_app_inboundevent WHERE processed_at IS NOT NULL"
_MISSING = (
    f"SELECT greatest({EVENTS + MAILS} - count(*), 0) + count(*) FILTER"
    " (WHERE state IN ('new', 'parked')) FROM channels_app_inboundevent"
)
_UNSENT = "SELECT count(*) FROM helpdesk_outbox WHERE state IN ('queued', 'sending')"
_REPLIES = """
SELECT o.client_ref::text, i.external_id, o.state FROM helpdesk_outbox o
  JOIN helpdesk_conversation c ON c.id = o.conversation_id
  JOIN helpdesk_identity i ON i.id = c.identity_id ORDER BY i.external_id"""
_MESSAGES = """
SELECT m.provider_id, m.text, m.withdrawn_at IS NOT NULL FROM helpdesk_message m
  JOIN helpdesk_conversation c ON c.id = m.conversation_id
  JOIN helpdesk_channel k ON k.id = c.channel_id
  WHERE m.direction = 'in' AND k.kind = %s"""
_ORDER = """
SELECT e.conversation_id, i.external_id, v.id, (v.data->>'sequence')::int
  FROM channels_app_inboundevent v
  JOIN helpdesk_entry e ON e.id = v.entry_id
  JOIN helpdesk_conversation c ON c.id = e.conversation_id
  JOIN helpdesk_identity i ON i.id = c.identity_id
  WHERE v.kind = 'message' ORDER BY e.conversation_id, e.number"""
_RAW = """
SELECT coalesce(h.raw, v.raw), coalesce(h.raw_file, v.raw_file)::text FROM channels_app_inboundevent v
  LEFT JOIN channels_app_inboundevent h ON h.id = v.raw_of_id
  JOIN helpdesk_channel k ON k.id = v.channel_id WHERE k.kind = %s"""


@dataclass
class World:
    """An installation with a signed webhook and a mailbox, and all that is sent to them."""

    own: Installation
    store: Store
    hook: str
    box: str
    imap: ImapServer
    luck: random.Random = field(default_factory=lambda: random.Random(SEED))
    expected: Expected = field(default_factory=Expected)
    events: list[Item] = field(default_factory=list)
    mails: list[Item] = field(default_factory=list)


@contextmanager
def installed(home: Path) -> Iterator[World]:
    own = Installation(home)
    own.start()
    try:
        own.await_ready()
        with imap_server() as imap, Peer() as peer:
            keys = own.furnish("found", [_webhook(peer.url), _mailbox(imap)])
            with Store(own.home) as store:
                yield World(own, store, keys["hook"], keys["box"], imap)
    finally:
        own.stop()


def _webhook(url: str) -> dict[str, object]:
    settings = {"callback_url": url, "rate_per_minute": 60_000}
    return {"kind": "webhook", "name": "hook", "secret": SECRET, "settings": settings}


def _mailbox(imap: ImapServer) -> dict[str, object]:
    settings = {
        "address": "help@ours.example",
        "imap_host": "127.0.0.1",
        "imap_port": imap.port,
        "imap_user": imap.user,
        "imap_security": "none",
        "first_import": "all",
    }
    secret = json.dumps({"secret": SECRET, "imap_password": imap.password})
    return {"kind": "mail", "name": "box", "secret": secret, "settings": settings}


@pytest.mark.soak
def test_what_comes_three_times_under_kills_is_there_once_and_in_order(home: Path) -> None:
    started = time.monotonic()
    with installed(home) as world:
        first = write_messages(world)
        hook = Sender(f"{world.own.url}/channels/{world.hook}/")
        box = Sender(f"{world.own.url}/channels/{world.box}/")
        asyncio.run(hook.run([first]))
        drained(world.store, _OPEN, 60)
        answer_all(world)
        write_changes(world)
        write_mails(world)
        with Store(world.own.home) as counting:
            done = {
                "web": lambda: hook.taken + box.taken,
                "connector": lambda: int(counting.rows(_PROCESSED)[0][0]),
            }
            with Storm(world.own, SEED, done) as storm:
                asyncio.run(send_everything(world, hook, box))
        sent = time.monotonic() - started
        drained(world.store, _MISSING, RECOVERY_SECONDS)
        until_read(world)
        recovered = time.monotonic() - storm.ended_at
        counts = check(world)
        world.own.check_invariants()
        print(
            f"soak: {EVENTS} events and {MAILS} mails, {(EVENTS + MAILS) * REPEATS} deliveries in"
            f" {sent:.0f} s, {hook.tries + box.tries} of them tries to post; killed {dict(storm.killed)},"
            f" flushed {storm.flushes} times; all read {recovered:.0f} s after the last kill; {counts}"
        )
        assert storm.flushes == 2
        assert storm.killed.total() >= 20


def write_messages(world: World) -> list[Item]:
    """Make everybody's messages; returns the first of each."""
    for person in range(PEOPLE):
        for sequence in range(MESSAGES_EACH):
            number = person * MESSAGES_EACH + sequence
            item = message(number, f"user-{person:02}", sequence)
            world.events.append(item)
            world.expected.texts[f"m-{number}"] = json.loads(item.body)["data"]["text"]
    return world.events[::MESSAGES_EACH]


def answer_all(world: World) -> None:
    assert world.own.furnish("answer", {"channel": "hook", "texts": ["您好"]}) == PEOPLE
    drained(world.store, _UNSENT, 60)


def write_changes(world: World) -> None:
    """Make edits, deletions, and receipts of the answers, and say what must come of them."""
    numbers = world.luck.choices(range(PEOPLE * MESSAGES_EACH), k=EDITS)
    for at, number in enumerate(numbers):
        sender, text = f"user-{number // MESSAGES_EACH:02}", f"改过 {at}"
        data = {"id": f"m-{number}", "sender": {"id": sender}, "text": text, "sequence": 100 + at}
        world.events.append(event(f"updated-{at}", sender, "message.updated", data))
        world.expected.texts[f"m-{number}"] = text
    for number in world.luck.sample(range(PEOPLE * MESSAGES_EACH), DELETIONS):
        sender = f"user-{number // MESSAGES_EACH:02}"
        data = {"id": f"m-{number}", "sender": {"id": sender}}
        world.events.append(event(f"deleted-{number}", sender, "message.deleted", data))
        world.expected.texts[f"m-{number}"] = ""
        world.expected.withdrawn.add(f"m-{number}")
    for at, (reference, sender, _state) in enumerate(world.store.rows(_REPLIES)):
        kinds = (RECEIPTS, ("delivered", "failed") * 2, ("failed",) * 4)[at % 3]
        for turn, kind in enumerate(kinds):
            data = {"id": reference, **({"error": "no such person"} if kind == "failed" else {})}
            key = f"receipt-{at}-{turn}"
            world.events.append(event(key, sender, f"message.{kind}", data))
        world.expected.states[reference] = ("read", "delivered", "failed")[at % 3]
    assert len(world.events) == EVENTS


def write_mails(world: World) -> None:
    for number in range(MAILS):
        sender = f"person{number % PEOPLE:02}@customers.example"
        before = number - PEOPLE if number >= PEOPLE and number % 3 == 0 else None
        size = 600_000 if number < LARGE_MAILS else 0
        world.mails.append(mail(number, sender, answers=before, size=size))


async def send_everything(world: World, hook: Sender, box: Sender) -> None:
    """Send every event three times, and every mail three times by call or into the mailbox."""
    fetched: list[Item] = []
    posted: dict[str, list[Item]] = defaultdict(list)
    for item in world.mails * REPEATS:
        posted[item.sender].append(item) if world.luck.random() < 0.5 else fetched.append(item)
    world.luck.shuffle(fetched)
    for lane in posted.values():
        world.luck.shuffle(lane)
    filling = threading.Thread(target=fill, args=(world.imap, fetched))
    filling.start()
    await asyncio.gather(hook.run(lanes_of(world)), box.run(list(posted.values())))
    await asyncio.to_thread(filling.join)


def lanes_of(world: World) -> list[list[Item]]:
    lanes: dict[str, list[Item]] = defaultdict(list)
    for item in world.events:
        lanes[item.sender].append(item)
    found = []
    for at, items in enumerate(lanes.values()):
        rest = items * REPEATS
        world.luck.shuffle(rest)
        orderly = items[:MESSAGES_EACH] if at < ORDERLY else []
        for item in orderly:
            rest.remove(item)
        found.append([*orderly, *rest])
    return found


def fill(imap: ImapServer, items: list[Item]) -> None:
    for start in range(0, len(items), 50):
        imap.append(*(item.body for item in items[start : start + 50]))


def until_read(world: World) -> None:
    """Wait until the mailbox has been read to its end."""
    with world.imap.client() as client:
        _answer, (said,) = client.status("INBOX", "(UIDNEXT)")
    following = int(said.rpartition(b" ")[2].rstrip(b")"))
    unread = (
        f"SELECT count(*) FROM channels_app_mailboxcursor WHERE newest_uid < {following - 1}"
        " OR past_uid < past_until"
    )
    drained(world.store, unread, RECOVERY_SECONDS)


def check(world: World) -> str:
    """Compare what is there with what was sent; returns the counts."""
    states = Counter(
        f"{state} {reason}".strip()
        for state, reason in world.store.rows("SELECT state, reason FROM channels_app_inboundevent")
    )
    assert states.total() == EVENTS + MAILS
    assert set(states) <= {"done", "done joined", "done held", "done receipt"}, states
    check_messages(world)
    check_order(world)
    assert {ref: state for ref, _who, state in world.store.rows(_REPLIES)} == world.expected.states
    for kind, sent in (("webhook", world.events), ("mail", world.mails)):
        raws = [bytes_of(world, *row) for row in world.store.rows(_RAW, kind)]
        assert sorted(raws) == sorted(item.body for item in sent)
    return str(dict(states))


def check_messages(world: World) -> None:
    said = world.store.rows(_MESSAGES, "webhook")
    assert len(said) == PEOPLE * MESSAGES_EACH
    assert {key: text for key, text, _gone in said} == world.expected.texts
    assert {key for key, _text, is_gone in said if is_gone} == world.expected.withdrawn
    written = [key for key, _text, _gone in world.store.rows(_MESSAGES, "mail")]
    assert sorted(written) == sorted(f"mail-{at}@customers.example" for at in range(MAILS))


def check_order(world: World) -> None:
    """Entries stand in the order in which the calls were stored; of the orderly, in which they were made."""
    stored: dict[str, list[int]] = defaultdict(list)
    sequences: dict[str, list[int]] = defaultdict(list)
    for _conversation, sender, event_id, sequence in world.store.rows(_ORDER):
        stored[sender].append(event_id)
        sequences[sender].append(sequence)
    assert len(stored) == PEOPLE
    assert all(ids == sorted(ids) for ids in stored.values())
    orderly = [sequences[f"user-{person:02}"] for person in range(ORDERLY)]
    assert orderly == [list(range(MESSAGES_EACH))] * ORDERLY
    shuffled = sum(found != sorted(found) for found in sequences.values())
    assert shuffled > PEOPLE / 2, "the order of the others must have been another one"


def bytes_of(world: World, raw: bytes, file: str | None) -> bytes:
    return (world.own.home / "media" / "1" / "raw" / file).read_bytes() if file else bytes(raw)
