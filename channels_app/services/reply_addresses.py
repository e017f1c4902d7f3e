"""Addresses that name a conversation and a person, signed: where answers to our letters come back to.

`service@example.com` becomes `service+c2s-1k-<signature>@example.com` for a customer. Such an address
proves nothing alone: it was in a letter, and letters are forwarded. Who writes to it is checked too.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings

from helpdesk.models import Channel

STAFF_DAYS = 30
LONGEST_LOCAL_PART = 64  # RFC 5321
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAG = re.compile(
    r"(?P<kind>[csn])(?P<conversation>[0-9a-z]{1,13})-(?P<person>[0-9a-z]{1,13})"
    r"(?:-(?P<day>[0-9a-z]{1,6}))?-(?P<mac>[a-z2-7]{16})"
)
_DAY = timedelta(days=1)
_KINDS: dict[str, Literal["customer", "reply", "note"]] = {
    "c": "customer",
    "s": "reply",
    "n": "note",
}


@dataclass(frozen=True, slots=True)
class ReplyAddress:
    """Whom a signed address was made for."""

    # What an answer becomes: a customer's message, a colleague's reply or a colleague's note.
    kind: Literal["customer", "reply", "note"]
    conversation_id: int
    person_id: int  # an identity's id, or a member of staff's


def answers_to(channel: Channel, conversation_id: int, identity_id: int) -> str:
    """Return where the customer's answer to a letter comes back to; empty where the mailbox itself is all."""
    mailbox = str(channel.settings.get("address") or "")
    if not channel.settings.get("plus_addressing") or "@" not in mailbox:
        return ""
    return customer_address(
        mailbox,
        organization_id=channel.organization_id,
        conversation_id=conversation_id,
        identity_id=identity_id,
    )


def customer_address(
    mailbox: str, *, organization_id: int, conversation_id: int, identity_id: int
) -> str:
    """Return where a customer's answer comes back to; the mailbox itself when its name is too long."""
    body = f"c{_write(conversation_id)}-{_write(identity_id)}"
    return _tagged(mailbox, organization_id, body)


def staff_address(
    mailbox: str,
    *,
    organization_id: int,
    conversation_id: int,
    staff_id: int,
    is_note: bool,
    now: datetime,
) -> str:
    """Return where a colleague's answer by mail comes back to, for a month: as a note, or as a reply."""
    last_day = _write(_day_of(now) + STAFF_DAYS)
    body = f"{'n' if is_note else 's'}{_write(conversation_id)}-{_write(staff_id)}-{last_day}"
    return _tagged(mailbox, organization_id, body)


def read_address(address: str, *, organization_id: int, now: datetime) -> ReplyAddress | None:
    """Return whom an address was made for; None for any that is not ours or has expired."""
    tag = address.partition("@")[0].lower().rpartition("+")[2]
    found = _TAG.fullmatch(tag)
    if found is None or (found["kind"] == "c") != (found["day"] is None):
        return None
    body, _, signature = tag.rpartition("-")
    if not hmac.compare_digest(signature, _signature(organization_id, body)):
        return None
    if found["day"] is not None and int(found["day"], 36) < _day_of(now):
        return None
    return ReplyAddress(
        _KINDS[found["kind"]],
        int(found["conversation"], 36),
        int(found["person"], 36),
    )


def _tagged(mailbox: str, organization_id: int, body: str) -> str:
    local, at, domain = mailbox.rpartition("@")
    local = f"{local}+{body}-{_signature(organization_id, body)}"
    return f"{local}{at}{domain}" if len(local) <= LONGEST_LOCAL_PART else mailbox


def _signature(organization_id: int, body: str) -> str:
    signed = f"everydesk.reply:{organization_id}:{body}".encode()
    digest = hmac.new(settings.SECRET_KEY.encode(), signed, hashlib.sha256).digest()
    return base64.b32encode(digest[:10]).decode("ascii").lower()


def _day_of(now: datetime) -> int:
    return int(now.timestamp() // _DAY.total_seconds())


def _write(number: int) -> str:
    written = ""
    while number:
        number, digit = divmod(number, 36)
        written = _DIGITS[digit] + written
    return written or "0"
