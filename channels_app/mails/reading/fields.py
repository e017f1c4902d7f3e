"""What stands in the header: ids, addresses, the date, each made even and bounded."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ..letter import Mailbox
from . import charsets
from .addresses import read_mailboxes
from .headers import Headers

MOST_REFERENCES = 100
LONGEST_ID = 250
LONGEST_SUBJECT = 300
MOST_DELIVERED = 20
MOST_AUTHENTICATION = 10
LONGEST_AUTHENTICATION = 16_000
# No field is written so: who reads it knows that there was one, and nothing of what it said.
UNREADABLE = "("

_BRACKETED = re.compile(rb"<([^<>]+)>")
_BLANK = re.compile(rb"\s+")
_FOLDED = re.compile(r"[ \t\r\n]+")
_UNWELCOME = re.compile(r"[^\x21-\x7e\u00a1-\ud7ff\ue000-\ufffd]")
_ARRIVED_AT = (
    "delivered-to",
    "x-delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-forwarded-to",
    "x-rcpt-to",
    "x-real-to",
    "apparently-to",
)


def message_id(headers: Headers) -> str:
    """Return the mail's id without its brackets; empty where it has none."""
    found = ids([headers.first("message-id")])
    return found[0] if found else _even(headers.first("message-id").strip(b"<> "))


def ids(values: list[bytes]) -> tuple[str, ...]:
    """Return each id that the fields name, once, in order, without brackets and blanks.

    Of many, the first, which began the thread, and the last ones remain.
    """
    found: dict[str, None] = {}
    for value in values:
        written = _BRACKETED.findall(value)
        words = written or [word for word in value.split() if b"@" in word]
        found.update(dict.fromkeys(_even(word) for word in words))
    found.pop("", None)
    known = tuple(found)
    if len(known) > MOST_REFERENCES:
        known = (known[0], *known[-(MOST_REFERENCES - 1) :])
    return known


def _even(written: bytes) -> str:
    word = _BLANK.sub(b"", written[: 4 * LONGEST_ID])
    return _UNWELCOME.sub("", charsets.decode(word))[:LONGEST_ID]


def subject(headers: Headers, charset: str = "") -> str:
    return headers.text("subject", LONGEST_SUBJECT, charset)


def date(headers: Headers) -> datetime | None:
    """Return when the mail says it was written, in UTC; None where that is no moment."""
    written = headers.first("date")[:200].decode("ascii", "replace")
    try:
        when = parsedate_to_datetime(written)
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when if 1970 <= when.year <= 2200 else None


def sender(headers: Headers, charset: str = "") -> Mailbox:
    """Return whom the mail says it is from; of several the first."""
    named = read_mailboxes(headers.all("from")[:10], charset)
    if named and named[0].address:
        return named[0]
    posted = read_mailboxes(headers.all("sender")[:1], charset)
    if posted and posted[0].address:
        return posted[0]
    return named[0] if named else Mailbox("")


def mailboxes(headers: Headers, name: str, charset: str = "") -> tuple[Mailbox, ...]:
    """Return those with an address that the fields of this name hold."""
    found = read_mailboxes(headers.all(name)[:50], charset)
    return tuple(box for box in found if box.address)


def delivered_to(headers: Headers) -> tuple[str, ...]:
    """Return the addresses at which the mail is said to have arrived, each once."""
    written = [value for name in _ARRIVED_AT for value in headers.all(name)[:MOST_DELIVERED]]
    found = dict.fromkeys(_address(value) for value in written)
    found.pop("", None)
    return tuple(found)[:MOST_DELIVERED]


def _address(value: bytes) -> str:
    boxes = read_mailboxes([value[:1_000]])
    return boxes[0].address if boxes else ""


def authentication(headers: Headers) -> tuple[str, ...]:
    """Return what mail servers say they checked, topmost, which is the nearest, first."""
    values = headers.all("authentication-results")[:MOST_AUTHENTICATION]
    return tuple(map(_said, values))


def _said(value: bytes) -> str:
    """Return the whole field on one line: without its end, or without a letter, it says another thing."""
    if len(value) > LONGEST_AUTHENTICATION:
        return UNREADABLE
    said = _FOLDED.sub(" ", charsets.decode(value))
    return said if said.isprintable() else UNREADABLE
