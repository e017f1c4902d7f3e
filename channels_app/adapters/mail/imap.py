"""A folder of a mailbox, read over IMAP without changing anything in it."""

import imaplib
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from imap_tools import BaseMailBox, MailboxFolderSelectError, MailboxFolderStatusError
from imap_tools.errors import MailboxLoginError, UnexpectedCommandStatusError

from channels_app import egress
from channels_app.adapters.mail import imap_line
from channels_app.protocol import ChannelConfig
from helpdesk.errors import ChannelError

ANSWER_SECONDS = 30.0
# Counting is less than a command may take.
COUNT_SECONDS = 60.0
# How long nobody looks whether to stop while waiting for mails.
STEP_SECONDS = 2.0
HEAD_BYTES = 64 * 1024
BATCH_MAILS = 50
BATCH_BYTES = 10 * 1024 * 1024
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_FLAGS = re.compile(rb"\bFLAGS \(([^)]*)\)")
_DATE = re.compile(rb'\bINTERNALDATE "([^"]*)"')
_QUOTED_BODY = re.compile(rb'\bBODY\[\](?:<\d+>)? (?:NIL|"((?:[^"\\]|\\.)*)")')
_PASSING = re.compile(rb"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG|OVERQUOTA)\b", re.IGNORECASE)


class MailboxTrouble(ChannelError):
    """The mailbox cannot be read now, with a reason for an administrator."""

    def __init__(self, reason: str | Promise, *, is_sign_in: bool = False) -> None:
        super().__init__(reason)
        self.is_sign_in = is_sign_in


class NotGiven(Exception):
    """The server has these mails and did not hand them over; the connection still stands."""


@dataclass(frozen=True, slots=True)
class Item:
    """What the server says of a mail before it is fetched."""

    uid: int
    size: int = 0
    is_seen: bool = False
    arrived_at: datetime | None = None


class _MailBox(BaseMailBox):
    client: imap_line.Client

    def __init__(self, config: ChannelConfig, goes_on: Callable[[], bool]) -> None:
        self.config = config
        self.goes_on = goes_on
        super().__init__()

    def _get_mailbox_client(self) -> imap_line.Client:
        found = self.config.settings
        host, port = str(found.get("imap_host") or ""), int(str(found.get("imap_port") or 993))
        how: dict[str, Any] = {  # Any: each of its type
            "timeout": ANSWER_SECONDS,
            "goes_on": self.goes_on,
            "most_bytes": max(settings.MAIL_MAX_BYTES, BATCH_BYTES),
        }
        if found.get("imap_security") == "tls":
            return imap_line.Tls(host, port, ssl_context=egress.tls(), **how)
        client = imap_line.Plain(host, port, **how)
        if found.get("imap_security") == "starttls":
            if "STARTTLS" not in client.capabilities:
                raise MailboxTrouble(_("The server offers no encryption here."))
            client.starttls(egress.tls())
        return client


class Folder:
    """A folder that is open for reading; uids grow with time and are never used again."""

    def __init__(self, mailbox: BaseMailBox, status: dict[str, int]) -> None:
        self._mailbox = mailbox
        self._client = mailbox.client
        self.uid_validity = status["UIDVALIDITY"]
        self.next_uid = status["UIDNEXT"]
        self.count = status["MESSAGES"]

    def uids_from(self, first: int) -> list[int]:
        """Return the uids from this one on, oldest first."""
        with _translated():
            self._client.noop()  # some servers tell of new mails only then
            return [uid for uid in self._search("UID", f"{first}:*") if uid >= first]

    def uids_until(
        self, last: int, *, since: date | None = None, or_unseen: bool = False
    ) -> list[int]:
        """Return the uids up to this one, oldest first; those since a day, or unread, if asked so."""
        words = ["UID", f"1:{last}"]
        if since is not None:
            days = ["SINCE", f"{since.day}-{_MONTHS[since.month - 1]}-{since.year}"]
            words += ["OR", "UNSEEN", *days] if or_unseen else days
        with _translated():
            return [uid for uid in self._search(*words) if uid <= last]

    def items(self, uids: Iterable[int]) -> list[Item]:
        """Return what is known of the mails before they are fetched; those that are gone are left out.

        Of those that are there and of which the server tells nothing, size and date are not known.
        """
        wanted = set(uids)
        with _translated():
            found = {item.uid: item for item in self._told(wanted) if item.uid in wanted}
            untold = wanted - set(found)
            listed = self._search("UID", _set(untold)) if untold else []
            found.update({uid: Item(uid) for uid in listed if uid in untold})
        return [found[uid] for uid in sorted(found)]

    def mails(self, items: list[Item]) -> Iterator[tuple[Item, bytes]]:
        """Give the whole mails, fetched in batches. Raises NotGiven for those that exist and do not come."""
        for batch in _batches(items):
            yield from self._bodies(batch, "(UID BODY.PEEK[])")

    def head(self, item: Item) -> bytes:
        """Return the first 64 KiB of a mail. Raises NotGiven."""
        found = self._bodies([item], f"(UID BODY.PEEK[]<0.{HEAD_BYTES}>)")
        return found[0][1][:HEAD_BYTES] if found else b""

    def wait(self, seconds: float, should_stop: Callable[[], bool]) -> None:
        """Wait until something happens in the folder, the time is over or somebody wants to stop."""
        idle = self._mailbox.idle
        with _translated():
            idle.start()  # type: ignore[no-untyped-call]  # imap-tools
            try:
                deadline = time.monotonic() + seconds
                while not (self._has_heard() or should_stop()):
                    step = min(STEP_SECONDS, deadline - time.monotonic())
                    began = time.monotonic()
                    if step <= 0 or idle.poll(step) or time.monotonic() - began < step / 2:
                        break  # the last: the line is dead, which the next command will say
            finally:
                idle.stop()  # type: ignore[no-untyped-call]

    @property
    def can_wait(self) -> bool:
        return "IDLE" in self._client.capabilities

    def _has_heard(self) -> bool:
        """Tell whether an answer lies in our own buffer, where waiting at the line would miss it."""
        line = self._client.sock
        before = line.gettimeout()
        line.settimeout(0)
        try:
            buffer: Any = self._client.file  # a BufferedReader, which its annotations do not say
            return bool(buffer.peek(1))
        except (OSError, ValueError):
            return False
        finally:
            line.settimeout(before)

    def _told(self, uids: set[int]) -> list[Item]:
        """Return what the server tells of these mails, asked one by one where one of them keeps back all."""
        try:
            return list(_items(self._fetch(uids, "(UID FLAGS RFC822.SIZE INTERNALDATE)")))
        except NotGiven:
            one_by_one = uids if len(uids) > 1 else set()
            return [item for uid in sorted(one_by_one) for item in self._told({uid})]

    def _bodies(self, items: list[Item], what: str) -> list[tuple[Item, bytes]]:
        wanted = {item.uid: item for item in items}
        with _translated():
            found = dict(_literals(self._fetch(wanted, what)))
            missing = set(wanted) - set(found)
            if missing and missing & set(self._search("UID", _set(missing))):
                raise NotGiven
        return [(wanted[uid], found[uid]) for uid in sorted(set(wanted) & set(found))]

    def _search(self, *words: str) -> list[int]:
        answer, data = self._client.uid("SEARCH", *words)
        if answer != "OK":
            raise MailboxTrouble(_("The mailbox does not list its mails."))
        return sorted({int(uid) for line in data if line for uid in line.split() if uid.isdigit()})

    def _fetch(self, uids: Iterable[int], what: str) -> list[object]:
        answer, data = self._client.uid("FETCH", _set(uids), what)
        if answer != "OK":
            raise NotGiven
        return list(data)


@contextmanager
def opened(config: ChannelConfig, goes_on: Callable[[], bool] = lambda: True) -> Iterator[Folder]:
    """Give the channel's folder. Raises MailboxTrouble, then and for everything done with the folder.

    Whenever the server has said something, `goes_on` is asked whether to listen on.
    """
    folder = str(config.settings.get("folder") or "INBOX")
    user = str(config.settings.get("imap_user") or config.settings.get("address") or "")
    password = config.named_secrets.get("imap_password", "")
    if not all(map(str.isprintable, (folder, user, password))):
        raise MailboxTrouble(_("The server did not accept user and password."), is_sign_in=True)
    with _translated():
        mailbox = _MailBox(config, goes_on)
    try:
        with _translated():
            sign_in = mailbox.login if (user + password).isascii() else mailbox.login_utf8
            sign_in(user, password, initial_folder=None)
            # What a server can do may change with who asks.
            _answer, data = mailbox.client.capability()
            mailbox.client.capabilities = tuple(str(data[-1], "ascii", "replace").upper().split())
            status = mailbox.folder.status(folder, ["MESSAGES", "UIDNEXT", "UIDVALIDITY"])
            mailbox.folder.set(folder, readonly=True)
            found = Folder(mailbox, status)
        yield found
    finally:
        with suppress(imaplib.IMAP4.error, UnexpectedCommandStatusError, OSError):
            mailbox.client.sock.settimeout(STEP_SECONDS)
            mailbox.client.command_seconds = STEP_SECONDS
            mailbox.logout()
        with suppress(OSError):
            mailbox.client.shutdown()


def count_mails(config: ChannelConfig) -> int:
    """Return how many mails the channel's folder has. Raises MailboxTrouble."""
    deadline = time.monotonic() + COUNT_SECONDS
    with opened(config, lambda: time.monotonic() < deadline) as folder:
        return folder.count


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what imaplib, imap-tools and sockets raise into MailboxTrouble."""
    try:
        yield
    except (MailboxFolderStatusError, MailboxFolderSelectError, KeyError) as error:
        raise MailboxTrouble(_("The mailbox has no folder of this name.")) from error
    except MailboxLoginError as error:
        passing = _PASSING.search(b" ".join(map(_as_bytes, error.command_result[1] or [])))
        reason = _("The server did not accept user and password.")
        raise MailboxTrouble(reason, is_sign_in=not passing) from error
    except (imaplib.IMAP4.error, UnexpectedCommandStatusError) as error:
        raise MailboxTrouble(_("The mail server answered something unusable.")) from error
    except (OSError, ValueError, EOFError) as error:
        raise MailboxTrouble(egress.trouble(error)) from error


def _batches(items: list[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size = 0
    for item in items:
        if batch and (len(batch) >= BATCH_MAILS or size + item.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item.size
    if batch:
        yield batch


def _items(answer: list[object]) -> Iterator[Item]:
    for line in answer:
        text = b" ".join(line) if isinstance(line, tuple) else _as_bytes(line)
        uid = _UID.search(text)
        if uid is None:
            continue
        size, flags, arrived = _SIZE.search(text), _FLAGS.search(text), _DATE.search(text)
        yield Item(
            uid=int(uid[1]),
            size=int(size[1]) if size else 0,
            is_seen=b"\\seen" in flags[1].lower() if flags else False,
            arrived_at=_instant(arrived[1]) if arrived else None,
        )


def _literals(answer: list[object]) -> Iterator[tuple[int, bytes]]:
    """Give (uid, bytes) of each fetched body; the uid may stand on either side of it."""
    for at, line in enumerate(answer):
        if isinstance(line, tuple):
            after = answer[at + 1] if at + 1 < len(answer) else b""
            uid = _UID.search(line[0]) or _UID.search(_as_bytes(after))
            if uid is not None and b"BODY[]" in line[0].upper():
                yield int(uid[1]), bytes(line[1])
        elif isinstance(line, bytes):
            quoted, uid = _QUOTED_BODY.search(line), _UID.search(line)
            if quoted is not None and uid is not None:
                yield int(uid[1]), re.sub(rb"\\(.)", rb"\1", quoted[1] or b"")


def _instant(written: bytes) -> datetime | None:
    try:
        return datetime.strptime(written.decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        return None


def _set(uids: Iterable[int]) -> str:
    return ",".join(map(str, sorted(uids)))


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
