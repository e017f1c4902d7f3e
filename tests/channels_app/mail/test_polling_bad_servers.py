"""Servers that break, lie and refuse: one bad mail never stops a mailbox, and none is lost in silence."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from threading import Event as Flag
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from channels_app import mailbox as reading
from channels_app import mailboxes
from channels_app.adapters.mail import imap, imap_line
from channels_app.mailboxes import Watcher
from channels_app.models import MailboxCursor
from channels_app.services.doors import find_door
from helpdesk.models import Channel
from tests.channels_app.mail.mails import KEPT, written
from tests.channels_app.mail.test_polling import box, cursor, open_channel, subjects
from tests.factories import World
from tests.mail_servers import ImapServer, ScriptedImap, scripted_imap_server


@pytest.fixture
def server(loopback: None) -> Iterator[ScriptedImap]:
    with scripted_imap_server() as running:
        yield running


@pytest.fixture
def opened(world: World, server: ScriptedImap) -> ScriptedImap:
    """Return the server with a channel that has looked into the empty mailbox once."""
    open_channel(world, ImapServer(server.port))
    box(world).read(once=True)
    return server


def read_until_done(world: World, most: int = 10) -> int:
    """Read as the connector would, a new connection after every broken one; returns how many it took."""
    reader = box(world)
    for number in range(1, most + 1):
        if reader.read(once=True) == reading.POLL_SECONDS:
            return number
    raise AssertionError("the mailbox stands still")


@pytest.mark.parametrize(
    ("how", "sessions", "has_head"),
    [
        ("no body", 1, True),
        ("no", 1, False),
        ("drop body", 4, True),
        ("drop", 6, False),
        ("huge", 6, False),
    ],
)
def test_one_bad_mail_keeps_back_nothing_and_is_noted(
    world: World, opened: ScriptedImap, how: str, sessions: int, has_head: bool
) -> None:
    opened.mails = {uid: written(uid) for uid in range(1, 6)}
    opened.broken[3] = how
    assert read_until_done(world) == sessions
    expected = {f"退货 {uid}" for uid in (1, 2, 4, 5)} | {"退货 3" if has_head else ""}
    assert (set(subjects(world)), len(subjects(world))) == (expected, 5)
    assert [bool(each.raw) for each in KEPT if each.reason == "unreadable"] == [has_head]
    assert (cursor(world).newest_uid, cursor(world).error) == (5, "")
    opened.mails[6] = written(6)
    assert read_until_done(world) == 1
    assert subjects(world)[-1] == "退货 6"


@pytest.mark.parametrize("untold", ["no", "left out"])
@pytest.mark.parametrize(("how", "is_read"), [("", True), ("no", False)])
def test_a_mail_of_which_nothing_is_told_is_read_or_at_least_noted(
    world: World, opened: ScriptedImap, untold: str, how: str, is_read: bool
) -> None:
    opened.mails = {uid: written(uid) for uid in range(1, 6)}
    opened.untold[3], opened.broken[3] = untold, how
    assert read_until_done(world) == 1
    expected = {f"退货 {uid}" for uid in (1, 2, 4, 5)} | {"退货 3" if is_read else ""}
    assert (set(subjects(world)), len(subjects(world))) == (expected, 5)
    assert len(subjects(world, reason="unreadable")) == (0 if is_read else 1)
    assert (cursor(world).newest_uid, cursor(world).error) == (5, "")


def test_a_mail_of_which_nothing_is_told_brings_no_more_than_a_mail_may_have(
    world: World,
    opened: ScriptedImap,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.MAIL_MAX_BYTES = 100_000
    monkeypatch.setattr(imap, "BATCH_BYTES", 100_000)
    opened.mails = {1: written(1), 2: written(2, text="x" * 2_000_000), 3: written(3)}
    opened.untold[2] = "left out"
    read_until_done(world)
    assert sorted(subjects(world)) == ["退货 1", "退货 2", "退货 3"]
    (large,) = [each for each in KEPT if each.reason == "unreadable"]
    assert len(large.raw) == imap.HEAD_BYTES


def test_a_mail_that_breaks_us_in_a_way_nobody_thought_of_is_passed_by(
    world: World, opened: ScriptedImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.mails = {uid: written(uid) for uid in range(1, 6)}
    bodies = imap.Folder._bodies

    def breaking(folder: imap.Folder, items: list[imap.Item], what: str) -> Any:
        if any(item.uid == 3 for item in items):
            raise MemoryError
        return bodies(folder, items, what)

    monkeypatch.setattr(imap.Folder, "_bodies", breaking)
    read_until_done(world)
    assert (len(subjects(world)), len(subjects(world, reason="unreadable"))) == (5, 1)
    assert cursor(world).newest_uid == 5


def test_a_bad_mail_is_passed_by_in_turns_too(
    world: World, opened: ScriptedImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.mails = {uid: written(uid) for uid in range(1, 6)}
    opened.broken[3] = "drop"
    (wanted,) = mailboxes.wanted_mailboxes()
    before = None
    for _turn in range(reading.ALL_TRIES + 1):
        before = Watcher(wanted, once=True, before=before)
        before.thread.start()
        before.thread.join(20)
    assert (len(subjects(world)), len(subjects(world, reason="unreadable"))) == (5, 1)


def test_a_line_that_breaks_now_and_then_costs_no_mail_its_body(
    world: World, opened: ScriptedImap
) -> None:
    opened.mails = {uid: written(uid) for uid in range(1, 6)}
    reader = box(world)
    for _time in range(2):
        opened.broken[3] = "drop"
        assert reader.read(once=True) < 3
        assert cursor(world).error
        opened.broken.clear()
    reader.read(once=True)
    assert (len(subjects(world)), len(subjects(world, reason=""))) == (5, 5)
    assert cursor(world).error == ""


@pytest.mark.parametrize("attribute", ["quotes_bodies", "uid_after_body"])
def test_bodies_are_read_however_a_server_writes_them(
    world: World, opened: ScriptedImap, attribute: str
) -> None:
    setattr(opened, attribute, True)
    opened.mails = {1: b'Subject: a "quoted" \\ one', 2: b"Subject: two"}
    read_until_done(world)
    assert subjects(world) == ['a "quoted" \\ one', "two"]
    assert KEPT[0].raw == opened.mails[1]


def test_mails_that_vanish_while_they_are_read_are_left(world: World, opened: ScriptedImap) -> None:
    opened.mails = {uid: written(uid) for uid in range(1, 4)}
    fetch = imap.Folder.items

    def vanishing(folder: imap.Folder, uids: Any) -> list[imap.Item]:
        items = fetch(folder, uids)
        opened.mails.pop(2, None)
        return items

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imap.Folder, "items", vanishing)
        read_until_done(world)
    assert subjects(world) == ["退货 1", "退货 3"]


def test_batches_are_bounded_by_count_and_by_bytes(
    world: World, opened: ScriptedImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "BATCH_BYTES", 1000)
    monkeypatch.setattr(imap, "BATCH_MAILS", 3)
    opened.mails = {uid: written(uid, text="x" * (700 if uid > 6 else 1)) for uid in range(1, 9)}
    read_until_done(world)
    fetched = [each.split(" ")[2] for each in opened.commands if "BODY" in each]
    sizes = [
        sum(len(opened.mails[int(uid)]) for uid in batch.split(","))
        for batch in fetched
        if "," in batch
    ]
    assert max(batch.count(",") for batch in fetched) <= 2
    assert max(sizes) <= 1000
    assert fetched[-2:] == ["7", "8"]
    assert len(subjects(world)) == 8


def test_a_mailbox_with_fewer_mails_than_were_read_is_another_one(
    world: World, opened: ScriptedImap
) -> None:
    opened.mails = {uid: written(uid) for uid in range(1, 6)}
    read_until_done(world)
    # The same UIDVALIDITY, and yet not the same folder.
    opened.mails = {1: written("first"), 2: written(2)}
    read_until_done(world)
    assert subjects(world)[5:] == ["退货 first"]


def test_another_mailbox_with_the_same_validity_is_read_from_its_own_beginning(
    world: World, opened: ScriptedImap
) -> None:
    opened.mails = {uid: written(uid) for uid in range(1, 4)}
    read_until_done(world)
    with world.transaction():
        channel = Channel.objects.get()
        channel.settings["imap_user"] = "sales@ours.example"
        channel.save()
    before = cursor(world).uid_validity
    opened.mails = {uid: written(f"sales {uid}") for uid in range(1, 5)}
    read_until_done(world)
    assert cursor(world).uid_validity != before
    assert len(subjects(world)) == 7


def test_a_server_without_idle_is_asked_now_and_then(world: World, opened: ScriptedImap) -> None:
    with imap.opened(find_door(world.channel.public_id).config) as folder:
        assert not folder.can_wait
    waits: list[float] = []

    class Stopping:
        def is_set(self) -> bool:
            return len(waits) == 2

        def wait(self, seconds: float) -> None:
            waits.append(seconds)
            opened.mails[len(waits)] = written(len(waits))

    reader = box(world, Stopping())  # type: ignore[arg-type]
    reader.read()
    assert waits == [reading.POLL_SECONDS] * 2
    assert subjects(world) == ["退货 1"]


def test_a_past_of_thousands_keeps_no_new_mail_waiting(
    world: World, server: ScriptedImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.mails = {uid: written(uid) for uid in range(1, 401)}
    open_channel(world, ImapServer(server.port), first_import="all")
    behind: list[int] = []
    keep = reading.Mailbox._keep

    def counting(reader: Any, folder: Any, item: imap.Item, *rest: Any, **how: Any) -> int:
        behind.append(item.uid)
        if len(behind) == 200:
            server.mails[5000] = written("urgent")
        return keep(reader, folder, item, *rest, **how)

    monkeypatch.setattr(reading.Mailbox, "_keep", counting)
    read_until_done(world)
    assert behind.index(5000) <= 250
    assert len(subjects(world)) == 401
    assert subjects(world, is_backlog=False) == ["退货 urgent"]


def test_an_import_that_is_cut_goes_on_where_it_was(world: World, server: ScriptedImap) -> None:
    server.mails = {uid: written(uid) for uid in range(1, 201)}
    open_channel(world, ImapServer(server.port), first_import="all")
    server.broken[120] = "drop"
    assert box(world).read(once=True) < 2
    assert 0 < cursor(world).past_uid < cursor(world).past_until
    server.broken.clear()
    server.commands.clear()
    read_until_done(world)
    assert len(subjects(world)) == 200
    fetched = [each for each in server.commands if "BODY" in each]
    assert not any(":1 " in each or " 1 " in each for each in fetched)
    with world.transaction():
        read = MailboxCursor.objects.get()
        assert read.past_uid == read.past_until


def test_what_was_fetched_is_stored_though_the_lease_was_lost(
    world: World, opened: ScriptedImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.mails = {uid: written(uid) for uid in range(1, 6)}
    bodies = imap.Folder._bodies
    with time_machine.travel(timezone.now(), tick=False) as clock, ExitStack() as held:

        def slow(folder: imap.Folder, items: list[imap.Item], what: str) -> Any:
            found = bodies(folder, items, what)
            clock.shift(70)
            held.enter_context(box(world)._leased())  # another process takes it over
            return found

        monkeypatch.setattr(imap.Folder, "_bodies", slow)
        assert box(world).read(once=True) == reading.TAKEN_SECONDS
    assert subjects(world) == [f"退货 {uid}" for uid in range(1, 6)]


def test_the_lease_is_held_while_a_server_takes_its_time(
    world: World, opened: ScriptedImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.mails = {1: written(1, text="x" * 400_000)}
    heard = imap_line.Client._heard
    others: list[float] = []
    with time_machine.travel(timezone.now(), tick=False) as clock:

        def slowly(client: imap_line.Client, count: int) -> None:
            clock.shift(20)
            heard(client, count)
            with monkeypatch.context() as patch:
                patch.setattr(reading.imap, "opened", None)  # nobody else gets so far
                others.append(box(world).read(once=True))

        monkeypatch.setattr(imap_line.Client, "_heard", slowly)
        assert box(world).read(once=True) == reading.POLL_SECONDS
    assert len(others) > 10
    assert set(others) == {reading.TAKEN_SECONDS}
    assert subjects(world) == ["退货 1"]


@pytest.mark.parametrize("error", [OperationalError, reading.LeaseLost])
def test_a_lease_that_cannot_be_held_puts_no_mail_under_suspicion(
    world: World, opened: ScriptedImap, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    opened.mails = {uid: written(uid) for uid in range(1, 6)}
    reader = box(world)

    def away(*args: Any, **how: Any) -> None:
        raise error

    monkeypatch.setattr(reading, "HOLD_ON", timedelta(seconds=-1))
    with monkeypatch.context() as patch:
        patch.setattr(reading.Mailbox, "_move", away)
        for _time in range(reading.ALL_TRIES + 1):
            assert reader.read(once=True) in {reading.AWAY_SECONDS, reading.TAKEN_SECONDS}
    read_until_done(world)
    assert (len(subjects(world)), len(subjects(world, reason=""))) == (5, 5)
    assert not reader._suspects


def test_hostile_settings_are_refused(
    world: World, server: ScriptedImap, settings: Settings
) -> None:
    open_channel(world, ImapServer(server.port), imap_user='x"\r\nA1 DELETE INBOX')
    assert box(world).read(once=True) >= 225
    assert not any("DELETE" in each for each in server.commands)


@pytest.mark.parametrize("said", [b"* OK wait\r\n", b"x"], ids=["lines", "letters"])
def test_a_server_that_drips_is_left_in_time(
    world: World, opened: ScriptedImap, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(imap_line, "COMMAND_SECONDS", 0.2)
    with world.transaction():
        Channel.objects.update(language="en")
    opened.chatter = (said, 500, 0.01)
    assert box(world).read(once=True) < 3
    assert cursor(world).error == "The server does not answer in time."
    assert opened.commands[-1] == "CAPABILITY"


def test_a_server_that_drips_keeps_nobody_from_stopping(world: World, opened: ScriptedImap) -> None:
    stopping = Flag()
    opened.chatter = (b"* OK wait\r\n", 500, 0.01)
    threading.Timer(0.1, stopping.set).start()
    box(world, stopping).read()
    assert (opened.commands[-1], cursor(world).error) == ("CAPABILITY", "")


@pytest.mark.parametrize(
    "said", [b"* 1 EXISTS\r\n", b"* 1 FETCH (X {20000}\r\n" + b"x" * 20_000 + b")\r\n"]
)
def test_a_server_that_says_more_than_mails_may_have_is_left(
    world: World,
    opened: ScriptedImap,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    said: bytes,
) -> None:
    settings.MAIL_MAX_BYTES = 100_000
    monkeypatch.setattr(imap, "BATCH_BYTES", 100_000)
    with world.transaction():
        Channel.objects.update(language="en")
    opened.chatter = (said, 20_000, 0.0)
    assert box(world).read(once=True) < 3
    assert cursor(world).error == "The mail server answered something unusable."
    assert opened.commands[-1] == "CAPABILITY"


def test_what_a_server_says_unasked_is_not_kept(world: World, opened: ScriptedImap) -> None:
    opened.chatter = (b"* 1 EXPUNGE\r\n", 5, 0.0)
    with imap.opened(find_door(world.channel.public_id).config) as folder:
        for _time in range(20):
            folder.uids_from(1)
        assert sum(map(len, folder._client.untagged_responses.values())) < 10
