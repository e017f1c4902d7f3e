"""What one mail says, as plain values: what reading returns and threading works on."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Automatic = Literal["", "reply", "absence", "list", "bounce", "own"]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address and the name written beside it; the address is in lower case, domain in ASCII."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a mail; `content_id` names it where the HTML shows it."""

    data: bytes
    filename: str = ""
    mime: str = ""  # as claimed
    content_id: str = ""
    is_inline: bool = False


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a delivery report says of a mail of ours."""

    message_ids: tuple[str, ...] = ()  # of the mail that came back, where the report names it
    recipients: tuple[str, ...] = ()
    status: str = ""  # RFC 3463, such as 5.1.1
    reason: str = ""  # one line for people
    is_permanent: bool = True


@dataclass(frozen=True, slots=True)
class Head:
    """What can be told of a mail without reading it: from the first 64 KiB of its header; never fails."""

    message_id: str = ""
    sender: Mailbox = field(default_factory=lambda: Mailbox(""))
    subject: str = ""
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, read: texts are Unicode without controls, ids without angle brackets."""

    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    sender: Mailbox = field(default_factory=lambda: Mailbox(""))
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    # Delivered-To, X-Original-To, Envelope-To and the like: where it arrived, for our reply addresses.
    delivered_to: tuple[str, ...] = ()
    subject: str = ""
    date: datetime | None = None
    text: str = ""  # the whole text; made of the HTML where there is no plain part
    reply: str = ""  # what is new of it; never empty where `text` is not
    signature: str = ""
    html: str = ""  # sanitised; pictures as cid: or as data-remote numbers
    remote_pictures: tuple[str, ...] = ()  # addresses, by their number
    parts: tuple[Part, ...] = ()
    automatic: Automatic = ""
    bounce: Bounce | None = None
    authentication: tuple[str, ...] = ()  # values of Authentication-Results, topmost first
    defects: tuple[str, ...] = ()
