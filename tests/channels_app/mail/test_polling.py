"""A mailbox on a real server: what is read, what is not, and that nothing is missed or doubled."""

import dataclasses
import json
import threading
from datetime import timedelta
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from django.utils.translation import override

from channels_app import mailbox as reading
from channels_app import mailboxes
from channels_app.adapters.mail import imap
from channels_app.mailbox import Mailbox
from channels_app.mailboxes import Watchers
from channels_app.models import InboundEvent, MailboxCursor
from channels_app.services.doors import find_door
from helpdesk.models import Channel
from helpdesk.services import organizations
from tests.channels_app.mail.conftest import settings_for
from tests.channels_app.mail.mails import KEPT, written
from tests.factories import World
from tests.mail_servers import ImapServer, imap_server


def open_channel(world: World, server: ImapServer, **changes: Any) -> None:
    found = settings_for(
        imap_host="127.0.0.1",
        imap_port=server.port,
        imap_user=server.user,
        folder=server.folder,
    )
    with world.transaction():
        Channel.objects.update(
            kind="mail",
            settings={**found, **changes},
            secret=json.dumps({"imap_password": server.password}),
        )


def box(world: World, stopping: Flag | None = None) -> Mailbox:
    return Mailbox(find_door(world.channel.public_id, kind="mail"), stopping or Flag())


def subjects(world: World, **how: Any) -> list[str]:
    with world.transaction():
        assert InboundEvent.objects.count() == len(KEPT)
    return [
        each.subject
        for each in KEPT
        if all(getattr(each, name) == value for name, value in how.items())
    ]


def first_tried(world: World, later: timedelta) -> None:
    """Let the mailbox be tried first so much later than it is."""
    with world.transaction():
        MailboxCursor.objects.create(channel=world.channel, began_at=timezone.now() + later)


def cursor(world: World) -> MailboxCursor:
    with world.transaction():
        return MailboxCursor.objects.get()


def test_only_what_comes_from_now_on_is_read(world: World, mailbox: ImapServer) -> None:
    mailbox.append(*(written(number) for number in range(3)))
    open_channel(world, mailbox)
    first_tried(world, timedelta(minutes=1))
    box(world).read(once=True)
    assert subjects(world) == []
    mailbox.append(written("new"), written("newer"))
    for _time in range(2):
        box(world).read(once=True)
    assert subjects(world) == ["退货 new", "退货 newer"]
    assert subjects(world, is_backlog=True) == []
    with world.transaction():
        assert bytes(InboundEvent.objects.earliest("id").raw) == written("new")
    assert cursor(world).error == ""
    assert cursor(world).read_at is not None
    assert cursor(world).lease_until is None


def test_what_came_while_nobody_could_sign_in_is_read(world: World, mailbox: ImapServer) -> None:
    right, mailbox.password = mailbox.password, "wrong"
    open_channel(world, mailbox)
    box(world).read(once=True)
    assert cursor(world).error
    mailbox.password = right
    mailbox.append(written("meanwhile"))
    open_channel(world, mailbox)
    box(world).read(once=True)
    assert (subjects(world), cursor(world).error) == (["退货 meanwhile"], "")


def test_the_past_is_read_from_its_beginning_and_behind_what_is_live(
    world: World, mailbox: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SLICE", 5)
    mailbox.append(*(written(number) for number in range(12)))
    open_channel(world, mailbox, first_import="all")
    seen: list[tuple[str, bool]] = []
    store = reading.store

    def arriving(door: Any, events: Any, raw: bytes, *, is_backlog: bool = False) -> list[int]:
        if len(seen) == 5:  # a customer writes while the past is imported
            mailbox.append(written("urgent"))
        seen.append((events[0].subject, is_backlog))
        return store(door, events, raw, is_backlog=is_backlog)

    monkeypatch.setattr(reading, "store", arriving)
    box(world).read(once=True)
    past = [(f"退货 {number}", True) for number in range(12)]
    assert seen == [*past[:10], ("退货 urgent", False), *past[10:]]
    assert len(subjects(world)) == 13
    assert cursor(world).past_uid == cursor(world).past_until


def test_those_that_nobody_has_read_are_read(world: World, mailbox: ImapServer) -> None:
    mailbox.append(*(written(number) for number in range(4)))
    open_channel(world, mailbox, first_import="unread")
    first_tried(world, timedelta(days=3))
    with mailbox.client() as client:
        client.select(mailbox.folder)
        client.store("1,3", "+FLAGS", r"(\Seen)")
    box(world).read(once=True)
    assert subjects(world, is_backlog=True) == ["退货 1", "退货 3"]


def test_a_mailbox_of_whose_past_nothing_is_wanted_is_read_all_the_same(
    world: World, mailbox: ImapServer
) -> None:
    mailbox.append(written("read long ago"))
    open_channel(world, mailbox, first_import="unread")
    first_tried(world, timedelta(days=3))
    with mailbox.client() as client:
        client.select(mailbox.folder)
        client.store("1", "+FLAGS", r"(\Seen)")
    box(world).read(once=True)
    assert (cursor(world).error, subjects(world)) == ("", [])
    mailbox.append(written("new"))
    box(world).read(once=True)
    assert subjects(world) == ["退货 new"]


def test_nothing_is_changed_in_the_mailbox(world: World, mailbox: ImapServer) -> None:
    mailbox.append(written(1))
    open_channel(world, mailbox, first_import="all")
    box(world).read(once=True)
    with mailbox.client() as client:
        client.select(mailbox.folder, readonly=True)
        _answer, found = client.search(None, "UNSEEN")
    assert found == [b"1"]
    assert len(subjects(world)) == 1


@pytest.mark.parametrize("first_import", ["new", "unread", "all"])
def test_uids_that_begin_anew_miss_nothing_and_double_nothing(
    world: World, mailbox: ImapServer, first_import: str
) -> None:
    open_channel(world, mailbox, first_import=first_import)
    box(world).read(once=True)
    mailbox.append(*(written(number) for number in range(5)))
    box(world).read(once=True)
    before = cursor(world)
    mailbox.delete()
    mailbox.create()
    # The same mails under other uids, and one that came meanwhile.
    mailbox.append(written("meanwhile"), *(written(number) for number in (4, 2, 0, 1, 3)))
    box(world).read(once=True)
    assert cursor(world).uid_validity != before.uid_validity
    expected = {f"退货 {number}" for number in ("meanwhile", *range(5))}
    assert (set(subjects(world)), len(subjects(world))) == (expected, 6)
    mailbox.append(written("after"))
    box(world).read(once=True)
    assert subjects(world, is_backlog=False)[-1] == "退货 after"
    assert len(subjects(world)) == 7


def test_a_mail_too_large_is_stored_as_its_head_with_the_reason(
    world: World, mailbox: ImapServer, settings: Any
) -> None:
    settings.MAIL_MAX_BYTES = 100_000
    open_channel(world, mailbox)
    box(world).read(once=True)
    mailbox.append(written(1), written("large", text="x" * 70 * 2000), written(2))
    box(world).read(once=True)
    assert sorted(subjects(world)) == ["退货 1", "退货 2", "退货 large"]
    (large,) = [each for each in KEPT if each.reason == "too_large"]
    assert (large.subject, len(large.raw)) == ("退货 large", 64 * 1024)


def test_what_is_no_mail_at_all_is_stored_all_the_same(world: World, mailbox: ImapServer) -> None:
    open_channel(world, mailbox)
    box(world).read(once=True)
    mailbox.append(written(1), b"\xff\xfe\x00 no header at all", b"\r\n\r\n", written(2))
    box(world).read(once=True)
    assert len(subjects(world)) == 4


def test_a_mail_that_the_database_refuses_keeps_back_nothing(
    world: World, mailbox: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = reading.store

    def picky(door: Any, events: Any, raw: bytes, **how: Any) -> list[int]:
        if b"poison" in raw:
            raise ValueError("not in this database")
        return store(door, events, raw, **how)

    monkeypatch.setattr(reading, "store", picky)
    open_channel(world, mailbox)
    box(world).read(once=True)
    mailbox.append(written(1), written(2, text="poison"), written(3))
    box(world).read(once=True)
    assert subjects(world) == ["退货 1", "", "退货 3"]
    assert [each.raw for each in KEPT if each.reason == "unreadable"] == [b""]


def test_the_cursor_stays_where_storing_failed(
    world: World, mailbox: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_channel(world, mailbox)
    box(world).read(once=True)
    mailbox.append(*(written(number) for number in range(3)))
    before = cursor(world).newest_uid
    with monkeypatch.context() as patch:

        def away(*args: Any, **how: Any) -> list[int]:
            raise OperationalError

        patch.setattr(reading, "store", away)
        assert box(world).read(once=True) == reading.AWAY_SECONDS
    assert (cursor(world).newest_uid, subjects(world)) == (before, [])
    box(world).read(once=True)
    assert len(subjects(world)) == 3


def test_a_mailbox_is_read_by_one_process_at_a_time(
    world: World, mailbox: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_channel(world, mailbox)
    first, second = box(world), box(world)
    with first._leased() as fence:
        assert fence is not None
        assert second.read(once=True) == reading.TAKEN_SECONDS
        monkeypatch.setattr(reading, "LEASE", timedelta(seconds=-1))
        first._move(fence)  # its lease has ended: another one takes over
        assert second.read(once=True) == reading.POLL_SECONDS
        with pytest.raises(reading.LeaseLost):
            first._move(fence, newest_uid=1)
    assert cursor(world).newest_uid != 1


def test_a_wrong_password_is_shown_and_not_tried_often(world: World, mailbox: ImapServer) -> None:
    open_channel(world, mailbox)
    with world.transaction():
        Channel.objects.update(secret=json.dumps({"imap_password": "wrong"}), language="en")
    reader = box(world)
    assert reader.read(once=True) >= 225
    assert cursor(world).error == "The server did not accept user and password."
    assert cursor(world).failures == 1
    assert cursor(world).lease_until is None


def test_a_folder_that_is_gone_is_shown_until_it_is_back(world: World, mailbox: ImapServer) -> None:
    open_channel(world, mailbox, folder=f"客服-{mailbox.folder}")
    with world.transaction():
        Channel.objects.update(language="en")
    reader = box(world)
    reader.read(once=True)
    assert cursor(world).error == "The mailbox has no folder of this name."
    mailbox.create(f"&W6JnDQ--{mailbox.folder}")
    reader.read(once=True)
    assert (cursor(world).error, cursor(world).failures) == ("", 0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"imap_port": 1}, "The server does not answer at this port."),
        ({"imap_host": "no-such-host.invalid"}, "The server is not known by this name."),
        ({"imap_host": "10.0.0.1"}, "The server is not at a public address."),
        ({"imap_security": "tls"}, "No encrypted connection could be made."),
        ({"imap_security": "starttls"}, "The server offers no encryption here."),
    ],
)
def test_trouble_with_the_server_is_told_in_words(
    world: World, mailbox: ImapServer, changes: dict[str, Any], reason: str
) -> None:
    open_channel(world, mailbox, **changes)
    with world.transaction():
        Channel.objects.update(language="en")
    assert box(world).read(once=True) < 2
    assert cursor(world).error == reason


def test_a_certificate_is_for_the_name_that_was_asked_for(
    world: World, loopback: None, certificate: Path, request: pytest.FixtureRequest
) -> None:
    with imap_server(certificate=certificate) as server:
        open_channel(world, server, imap_host="localhost", imap_security="starttls")
        told = find_door(world.channel.public_id).config
        with override("en"):
            with pytest.raises(imap.MailboxTrouble) as caught:
                imap.count_mails(told)
            assert caught.value.message == "The server's certificate is not valid for its name."
            request.getfixturevalue("trusted")
            assert imap.count_mails(told) == 0
            by_address = {**told.settings, "imap_host": "127.0.0.1"}
            with pytest.raises(imap.MailboxTrouble) as caught:
                imap.count_mails(dataclasses.replace(told, settings=by_address))
            assert caught.value.message == "The server's certificate is not valid for its name."


def test_pauses_grow_and_end_somewhere() -> None:
    pauses = [reading.pause(failures) for failures in range(1, 40)]
    assert pauses[0] < 2 < pauses[3] < pauses[6]
    assert max(pauses) <= 1.25 * 300
    sign_in = [reading.pause(failures, is_sign_in=True) for failures in range(1, 40)]
    assert min(sign_in) >= 225
    assert max(sign_in) <= 1.25 * 3600


def test_a_new_mail_ends_the_waiting(
    world: World, mailbox: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "STEP_SECONDS", 30.0)
    open_channel(world, mailbox)
    config = find_door(world.channel.public_id).config
    with imap.opened(config) as folder:
        assert folder.can_wait
        thread = threading.Timer(0.2, mailbox.append, [written(1)])
        thread.start()
        folder.wait(30, lambda: False)
        thread.join()
        assert len(folder.uids_from(folder.next_uid)) == 1


def test_watchers_read_every_mailbox_and_end_when_told(world: World, mailbox: ImapServer) -> None:
    open_channel(world, mailbox, first_import="all")
    mailbox.append(written(1))
    watchers = Watchers()
    watchers.start()
    try:
        _until(lambda: subjects(world) == ["退货 1"])
        mailbox.append(written(2))
        _until(lambda: subjects(world) == ["退货 1", "退货 2"])
    finally:
        watchers.stop()
    assert not [each for each in threading.enumerate() if each.name.startswith("mailbox")]
    assert cursor(world).lease_until is None


def test_a_mailbox_is_read_as_soon_as_its_channel_was_saved(
    world: World, mailbox: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "LOOK_SECONDS", 3600.0)
    open_channel(world, mailbox, first_import="all")
    mailbox.append(written(1))
    watchers = mailboxes.Watchers()
    watchers.start()
    try:
        _until(lambda: subjects(world) == ["退货 1"])
        other = dataclasses.replace(mailbox, folder=f"{mailbox.folder}-other")
        other.create()
        other.append(written(2))
        open_channel(world, other, first_import="all")
        with world.transaction():
            organizations.open_channel(Channel.objects.get())
        _until(lambda: subjects(world) == ["退货 1", "退货 2"])
    finally:
        watchers.stop()


def _until(holds: Any) -> None:
    deadline = timezone.now() + timedelta(seconds=20)
    while not holds():
        assert timezone.now() < deadline
        Flag().wait(0.05)
