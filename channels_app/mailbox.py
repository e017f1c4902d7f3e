"""One mailbox is read here: from its cursor on, into stored events, whatever the mails are like.

What is live comes first; the past is read behind it in slices. The cursor moves once everything before
it is stored, so a mailbox may be read twice and never half: what came before is known by its key.
"""

import logging
import random
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from threading import Event as Flag

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django.utils.translation import override
from psycopg_pool import PoolTimeout

from channels_app.adapters.mail import imap
from channels_app.adapters.mail.adapter import named
from channels_app.models import MailboxCursor
from channels_app.protocol import Event
from channels_app.services.doors import Door
from channels_app.services.ingesting import store
from helpdesk.bell import ring
from helpdesk.tenancy import organization_transaction

logger = logging.getLogger(__name__)

NOTIFICATION = "everydesk_inbound"
# Longer than a server may be silent, and than the wait; after a kill nobody reads so long.
LEASE = timedelta(minutes=1)
HOLD_ON = timedelta(seconds=10)
SLICE = 50
WAIT_SECONDS = 20.0
POLL_SECONDS = 30.0
TAKEN_SECONDS = 5.0
AWAY_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 300.0
SIGN_IN_PAUSE_SECONDS = (300.0, 3600.0)
# A mail that broke so many connections is asked for its head only, and then not at all.
WHOLE_TRIES, ALL_TRIES = 3, 5
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)


class LeaseLost(Exception):
    """Another process reads this mailbox now."""


@dataclass(slots=True)
class Position:
    """How far the mailbox has been read, as this process knows it."""

    newest_uid: int
    # The past was read up to the first of these, and ends with the second.
    past_uid: int
    past_until: int


class Mailbox:
    """Reads the mailbox of one channel; the organization is in scope."""

    def __init__(self, door: Door, stopping: Flag) -> None:
        self.door = door
        self.stopping = stopping
        self.failures = 0
        self._suspects: Counter[int] = Counter()
        self._past: list[int] | None = None
        self._held_at = timezone.now()

    def read(self, *, once: bool = False) -> float:
        """Read until asked to stop, or with `once` until nothing is left; returns when to come again.

        Whatever goes wrong is noted at the cursor; the pause grows with every failure in a row.
        """
        try:
            with self._leased() as fence:
                if fence is None:
                    return TAKEN_SECONDS
                self._session(fence, once=once)
        except LeaseLost:
            return TAKEN_SECONDS
        except DATABASE_AWAY as error:
            logger.warning("The database is away: %s", type(error).__name__)
            return AWAY_SECONDS
        except imap.MailboxTrouble as error:
            if self.stopping.is_set():  # we have hung up
                return POLL_SECONDS
            with override(self.door.language):
                self._note_failure(str(error.message))
            return pause(self.failures, is_sign_in=error.is_sign_in)
        except Exception as error:
            logger.exception("Reading failed: channel %s", self.door.channel_id)
            self._note_failure(type(error).__name__)
            return pause(self.failures)
        return POLL_SECONDS

    def _session(self, fence: int, *, once: bool) -> None:
        with imap.opened(self.door.config, lambda: self._goes_on(fence)) as folder:
            self._past = None
            position = self._position(folder, fence)
            while not self.stopping.is_set():
                if self._look(folder, fence, position):
                    continue
                self.failures = 0
                self._move(fence, failures=0, error="")
                # Mailboxes wait most of their time; meanwhile others need the connection.
                connection.close()
                if once:
                    return
                if folder.can_wait:
                    folder.wait(WAIT_SECONDS, self.stopping.is_set)
                else:
                    self.stopping.wait(POLL_SECONDS)

    def _look(self, folder: imap.Folder, fence: int, position: Position) -> bool:
        """Store the next mails: all that are live, then a slice of the past; tells whether more may be there."""
        live = folder.uids_from(position.newest_uid + 1)
        for slice_ in _slices(live):
            self._take(folder, fence, slice_, is_backlog=False)
            position.newest_uid = slice_[-1]
            self._move(fence, newest_uid=position.newest_uid)
        if position.past_uid < position.past_until:
            self._read_past(folder, fence, position)
        return bool(live or self._past)

    def _read_past(self, folder: imap.Folder, fence: int, position: Position) -> None:
        """Store the next slice of the past, from its beginning on, so that answers find what they answer."""
        if self._past is None:
            wanted = self._wanted_past(folder, position.past_until)
            self._past = [uid for uid in wanted if uid > position.past_uid]
        slice_ = self._past[:SLICE]
        if slice_:  # servers take a request for no mail at all amiss
            self._take(folder, fence, slice_, is_backlog=True)
        del self._past[:SLICE]
        position.past_uid = slice_[-1] if self._past else position.past_until
        self._move(fence, past_uid=position.past_uid)

    def _position(self, folder: imap.Folder, fence: int) -> Position:
        number = mailbox_number(self.door, folder.uid_validity)
        with organization_transaction():
            row = MailboxCursor.objects.get(channel_id=self.door.channel_id)
        known = row.uid_validity == number and row.newest_uid < folder.next_uid
        if known:
            return Position(row.newest_uid, row.past_uid, row.past_until)
        newest = folder.next_uid - 1
        # Uids that begin anew say nothing: everything is read again, and what came before is known by its key.
        self._suspects.clear()
        self._past = None
        facts = {"newest_uid": newest, "past_uid": 0, "past_until": newest}
        self._move(fence, uid_validity=number, **facts)
        return Position(newest, 0, newest)

    def _wanted_past(self, folder: imap.Folder, last: int) -> list[int]:
        """Return the uids of the past that the operator chose, and all since the mailbox was first tried."""
        if self._first_import == "all":
            return folder.uids_until(last)
        since = self._began_at - timedelta(days=1)
        return folder.uids_until(last, since=since.date(), or_unseen=self._first_import == "unread")

    def _is_wanted(self, item: imap.Item) -> bool:
        if self._first_import == "all" or item.arrived_at is None:
            return True
        is_unread = self._first_import == "unread" and not item.is_seen
        return is_unread or item.arrived_at >= self._began_at.replace(microsecond=0)

    def _take(self, folder: imap.Folder, fence: int, uids: list[int], *, is_backlog: bool) -> None:
        items = [item for item in folder.items(uids) if not is_backlog or self._is_wanted(item)]
        stored = 0
        for item, raw, reason in self._fetched(folder, items):
            stored += self._keep(folder, item, raw, reason, is_backlog=is_backlog)
            self._hold_on(fence)
        if stored:
            ring(NOTIFICATION)

    def _fetched(
        self, folder: imap.Folder, items: list[imap.Item]
    ) -> Iterator[tuple[imap.Item, bytes, str]]:
        """Give each mail with the reason why it is not whole.

        Those under suspicion come one by one, as do those whose size is not known.
        """
        plain = [
            item
            for item in items
            if 0 < item.size <= settings.MAIL_MAX_BYTES and not self._suspects[item.uid]
        ]
        given: set[int] = set()
        try:
            for item, raw in folder.mails(plain):
                given.add(item.uid)
                yield item, raw, ""
        except imap.NotGiven:
            pass  # one of them: which, is asked below
        except Exception:
            # Whatever it was: next time these come one by one, and the bad one is passed by in the end.
            self._suspects.update(item.uid for item in plain if item.uid not in given)
            raise
        for item in items:
            if item.uid not in given:
                yield from self._singly(folder, item)

    def _singly(
        self, folder: imap.Folder, item: imap.Item
    ) -> Iterator[tuple[imap.Item, bytes, str]]:
        tries = self._suspects[item.uid]
        # Counted before, and forgotten when it came: a line that breaks leaves the count.
        self._suspects[item.uid] += 1
        is_too_large = item.size > settings.MAIL_MAX_BYTES
        found: tuple[imap.Item, bytes, str] | None = (item, b"", "unreadable")
        try:
            if tries < WHOLE_TRIES and not is_too_large:
                found = next(((item, raw, "") for _item, raw in folder.mails([item])), None)
            elif tries < ALL_TRIES:
                found = (item, folder.head(item), "too_large" if is_too_large else "unreadable")
        except imap.NotGiven:
            found = self._head_at_least(folder, item)
        del self._suspects[item.uid]
        if found is not None:
            yield found

    def _head_at_least(self, folder: imap.Folder, item: imap.Item) -> tuple[imap.Item, bytes, str]:
        try:
            return item, folder.head(item), "unreadable"
        except imap.NotGiven:
            return item, b"", "unreadable"

    def _keep(
        self, folder: imap.Folder, item: imap.Item, raw: bytes, reason: str, *, is_backlog: bool
    ) -> int:
        """Store one mail, or that there is one which cannot be stored; returns how many were new."""
        note = Event(
            kind="raw",
            dedup_key=f"uid-{mailbox_number(self.door, folder.uid_validity)}-{item.uid}",
            error=reason or "unreadable",
            data={"size": item.size},
        )
        try:
            event = named(raw) if raw else note
            if reason:
                event = replace(event, error=reason, data={"size": item.size})
            return len(store(self.door, [event], raw, is_backlog=is_backlog))
        except DATABASE_AWAY:
            raise
        except Exception:
            # One mail that the database does not take must not keep back those behind it.
            logger.exception("A mail could not be stored: channel %s", self.door.channel_id)
            return len(store(self.door, [note], b"", is_backlog=is_backlog))

    @property
    def _first_import(self) -> str:
        return str(self.door.settings.get("first_import") or "new")

    @cached_property
    def _began_at(self) -> datetime:
        with organization_transaction():
            return MailboxCursor.objects.get(channel_id=self.door.channel_id).began_at

    @contextmanager
    def _leased(self) -> Iterator[int | None]:
        """Give the fencing number under which this process may read; None while another one does."""
        now = timezone.now()
        with organization_transaction():
            MailboxCursor.objects.get_or_create(channel_id=self.door.channel_id)
            row = MailboxCursor.objects.select_for_update().get(channel_id=self.door.channel_id)
            is_free = row.lease_until is None or row.lease_until <= now
            if is_free:
                row.fence += 1
                row.lease_until = now + LEASE
                row.save(update_fields=["fence", "lease_until"])
                self._held_at = now
        if not is_free:
            yield None
            return
        try:
            yield row.fence
        finally:
            self._release(row.fence)

    def _release(self, fence: int) -> None:
        try:
            with organization_transaction():
                rows = MailboxCursor.objects.filter(channel_id=self.door.channel_id, fence=fence)
                rows.update(lease_until=None)
        except DATABASE_AWAY as error:
            logger.warning("The lease of a mailbox ends by itself: %s", type(error).__name__)

    def _move(self, fence: int, **values: object) -> None:
        """Store how far it was read and hold the lease on. Raises LeaseLost."""
        with organization_transaction():
            rows = MailboxCursor.objects.filter(channel_id=self.door.channel_id, fence=fence)
            now = timezone.now()
            if not rows.update(lease_until=now + LEASE, read_at=now, **values):
                raise LeaseLost
        self._held_at = now

    def _hold_on(self, fence: int) -> None:
        """Hold the lease on, if it is time to.

        Where that fails the cursor says so, once what was fetched is stored: others store it the same.
        """
        now = timezone.now()
        if now - self._held_at <= HOLD_ON:
            return
        self._held_at = now
        try:
            self._move(fence)
        except (LeaseLost, *DATABASE_AWAY) as error:
            logger.warning("The lease of a mailbox is not held: %s", type(error).__name__)

    def _goes_on(self, fence: int) -> bool:
        """Hold the lease on while a server takes its time; tells whether nobody wants to stop."""
        self._hold_on(fence)
        return not self.stopping.is_set()

    def _note_failure(self, reason: str) -> None:
        self.failures += 1
        try:
            with organization_transaction():
                rows = MailboxCursor.objects.filter(channel_id=self.door.channel_id)
                rows.update(failures=self.failures, error=reason[:300])
        except DATABASE_AWAY as error:
            logger.warning("The database is away: %s", type(error).__name__)


def pause(failures: int, *, is_sign_in: bool = False) -> float:
    """Return the seconds until the next try; a wrong password is not tried often, servers lock out."""
    first, longest = SIGN_IN_PAUSE_SECONDS if is_sign_in else (1.0, LONGEST_PAUSE_SECONDS)
    jitter = 0.75 + random.random() / 2  # noqa: S311  (spreads attempts, protects nothing)
    return float(min(longest, first * 2 ** min(failures - 1, 20)) * jitter)


def mailbox_number(door: Door, uid_validity: int) -> int:
    """Return one number for a folder and its UIDVALIDITY: two servers may have the same, such as 1."""
    names = ("imap_host", "imap_user", "address", "folder")
    place = "\n".join(str(door.settings.get(name) or "") for name in names)
    return ((zlib.crc32(place.encode()) & 0x7FFFFFFF) << 32) | (uid_validity & 0xFFFFFFFF)


def _slices(uids: list[int]) -> Iterator[list[int]]:
    for at in range(0, len(uids), SLICE):
        yield uids[at : at + SLICE]
