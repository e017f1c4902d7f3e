"""The language every channel speaks: values in, values out.

An adapter never touches the database. `handshake`, `verify` and `parse` are pure (bytes in, values
out, no network); `send`, `fetch_media` and `poll` may call the vendor and run in the connector.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol, get_args, runtime_checkable

from django.utils.functional import Promise

from channels_app.outbound import OutboundTemplate, Push
from channels_app.token_keeping import FetchToken as FetchToken  # noqa: PLC0414  (part of the protocol)
from channels_app.token_keeping import Tokens, UnkeptTokens
from helpdesk.errors import ChannelError
from helpdesk.registries import Limits

EventKind = Literal[
    "message",
    # A message that is read behind, from its raw bytes, by an adapter that `ReadsBehind`.
    "raw",
    "edit",
    "delete",
    # A sign about the message in `references`: `data` is what `signs.reaction_data` returns.
    "reaction",
    "receipt",
    "typing",
    "postback",
    "lifecycle",
    "call",
    "poll_hint",
    "review",
]
EVENT_KINDS: tuple[str, ...] = get_args(EventKind)


@dataclass(frozen=True, slots=True)
class RawRequest:
    """One call of a vendor, exactly as it came: a signature covers bytes, not what they mean."""

    method: str
    url: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    received_at: datetime
    # Who called, as far as the network tells; empty where a stored call is read again.
    address: str = ""


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class ContactIdentity:
    """One address of somebody; `scope` names the page, app or number that the id belongs to."""

    external_id: str
    scope: str = ""
    display_name: str = ""
    avatar_url: str = ""
    phone: str = ""
    email: str = ""
    union_id: str = ""
    locale: str = ""
    verified: bool = False
    # Nothing is sent there before whoever is behind it has confirmed it.
    needs_proof: bool = False
    # Other names of the same account, such as the number beside the vendor's own id.
    aliases: tuple[str, ...] = ()
    # Whether phone and mail address are proved to be theirs; None: as `verified` says of the account.
    phone_verified: bool | None = None
    email_verified: bool | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    kind: Literal["image", "audio", "video", "file"]
    filename: str = ""
    mime: str = ""
    size: int | None = None
    media_ref: str = ""
    url: str = ""
    sha256: str = ""
    data: bytes | None = None
    # Where the bytes of one of our own files lie on this machine.
    path: str = ""
    # How the HTML of its letter names it.
    content_id: str = ""
    expires_at: datetime | None = None


Address = tuple[str, str]  # the address in lower case, and the name beside it


@dataclass(frozen=True, slots=True)
class Letter:
    """What a written letter has besides its text; ids are without angle brackets."""

    mail_id: str = ""
    references: tuple[str, ...] = ()  # oldest first, the one it answers last
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    delivered_to: tuple[str, ...] = ()  # every address of ours that it may have been sent to
    full_text: str = ""
    signature: str = ""
    remote_pictures: tuple[str, ...] = ()
    automatic: str = ""  # one of helpdesk.models.Letter.Automatic, empty for a person's
    is_authentic: bool | None = None  # None: nobody whom we trust has looked


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened at the vendor's. A receipt is an event too: one stream, one order."""

    kind: EventKind
    dedup_key: str
    sender: ContactIdentity | None = None
    thread_key: str = ""
    direction: Literal["in", "out"] = "in"
    provider_id: str = ""
    sent_at: datetime | None = None
    sequence: int | None = None
    text: str = ""
    html: str = ""
    subject: str = ""
    attachments: tuple[Attachment, ...] = ()
    reply_to: str = ""
    status: str = ""
    references: tuple[str, ...] = ()
    watermark: datetime | None = None
    error: str = ""
    client_ref: str = ""
    reply_token: str = ""
    is_automatic: bool = False
    letter: Letter | None = None
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutboundLetter:
    """How a reply leaves as a letter: its own id was stored before."""

    mail_id: str
    references: tuple[str, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    sender_name: str = ""
    reply_address: str = ""  # signed for the conversation and the person; empty: the mailbox itself
    is_automatic: bool = False


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """A reply to deliver; `client_ref` stays the same over all attempts (the idempotency key)."""

    client_ref: str
    to: ContactIdentity
    text: str
    thread_key: str = ""
    html: str = ""
    subject: str = ""
    attachments: tuple[Attachment, ...] = ()
    buttons: tuple[str, ...] = ()
    template: OutboundTemplate | None = None
    reply_to: str = ""
    reply_token: str = ""
    letter: OutboundLetter | None = None
    push: Push | None = None
    context: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SendResult:
    status: Literal["queued", "sent", "delivered", "read"] = "sent"
    provider_ids: tuple[str, ...] = ()
    # What went wrong although it was sent, such as one recipient of several who was refused.
    warning: str = ""


class SendError(ChannelError):
    """Says why the vendor did not take a message and whether trying again makes sense."""

    def __init__(
        self,
        reason: str | Promise,
        *,
        kind: Literal[
            "window", "quota", "auth", "rate", "blocked", "undeliverable", "server", "other"
        ] = "other",
        retryable: bool = False,
        retry_after: timedelta | None = None,
        ambiguous: bool = False,
    ) -> None:
        super().__init__(reason, permanent=not (retryable or ambiguous))
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after
        self.ambiguous = ambiguous


class BadSignature(ChannelError):
    """The call does not come from the vendor, or not for this channel."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=True)


class UnknownKey(BadSignature):
    """The call names a key that is not among those of its vendor, as they were fetched last."""


class BadPayload(ChannelError):
    """The call is genuine and cannot be read: kept raw, answered, looked at by a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=True)


class NotNow(ChannelError):
    """What should be read cannot be read now, and the fault is ours: it is tried again, whatever it is."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=False)


@dataclass(frozen=True, slots=True)
class Capabilities(Limits):
    """What an account of a vendor can do, and what the vendor sets to it."""

    receipts: frozenset[str] = frozenset()
    typing_out: bool = False
    idempotent_send: bool = False
    body_signed: bool = True
    attachments: bool = True
    is_chat: bool = True
    # Messages that may leave in a minute; the channel's own setting may say less or more.
    rate_per_minute: int = 600
    # How long `send` takes at most; for so long and a little more nobody else starts on its message.
    longest_send: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """What an adapter is made with: plain values of one connected account."""

    public_id: str
    settings: Mapping[str, object] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()  # the first signs, every one verifies: rotation without a gap
    # The other secrets of kinds that have several, such as passwords, by the name of their setting.
    named_secrets: Mapping[str, str] = field(default_factory=dict)
    # The same as they were before the last change: a vendor may still use them for a while.
    named_before: Mapping[str, str] = field(default_factory=dict)
    base_url: str = ""
    # What proves the vendor's calls, as `vendor_keys.keep` wrote it; of kinds with that capability.
    vendor_keys: str = field(default="", repr=False)
    tokens: Tokens = field(default_factory=UnkeptTokens, compare=False)

    def text(self, name: str) -> str:
        """Return a setting as text, empty where there is none."""
        return str(self.settings.get(name) or "").strip()

    def number(self, name: str, default: int) -> int:
        """Return a setting that is a whole number above 0, else what it is by default."""
        value = self.settings.get(name)
        is_number = isinstance(value, int) and not isinstance(value, bool) and value > 0
        return int(str(value)) if is_number else default

    def address(self, name: str, default: str) -> str:
        """Return the address of the vendor in a setting, else the vendor's own."""
        return (self.text(name) or default).rstrip("/")


@runtime_checkable
class Adapter(Protocol):
    """The code for one kind of channel; made anew with a ChannelConfig wherever it is needed."""

    capabilities: Capabilities

    def __init__(self, config: ChannelConfig) -> None: ...

    def handshake(self, request: RawRequest) -> HttpReply | None:
        """Answer the vendor's set-up check; None when the request is not one."""

    def verify(self, request: RawRequest) -> None:
        """Raise BadSignature unless the vendor signed this request for this channel."""

    def parse(self, request: RawRequest) -> list[Event]:
        """Return what the request reports; unknown kinds are skipped. Raises BadPayload."""

    def send(self, message: OutboundMessage) -> SendResult:
        """Hand one message to the vendor. Raises SendError."""

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        """Return the bytes and the claimed type of an attachment. Raises ChannelError."""

    def test_connection(self) -> str:
        """Return a sentence about the connection as it works now. Raises ChannelError."""


@runtime_checkable
class ReadsBehind(Protocol):
    """An adapter whose `parse` only names a message: what it says is read later, bounded, in the connector."""

    def read(self, raw: bytes) -> Event:
        """Return the message, or the receipt, that the bytes of a call are. Raises BadPayload, NotNow."""


@runtime_checkable
class AnswersCalls(Protocol):
    """An adapter whose vendor insists on what it is answered once a call is stored."""

    def accepted(self, request: RawRequest) -> HttpReply:
        """Return that answer."""


@dataclass(frozen=True, slots=True)
class Polled:
    """A page of what was fetched: each item's bytes with the events in it, and where the next page begins."""

    items: tuple[tuple[bytes, tuple[Event, ...]], ...]
    position: str
    has_more: bool = False
    # What was there before the channel came, which nobody waits for.
    is_backlog: bool = False


@runtime_checkable
class Polls(Protocol):
    """An adapter that fetches what happened, when the vendor hints at it (`poll_hint`) or time and again."""

    @property
    def poll_every(self) -> timedelta | None:
        """How long to wait between two looks; None where the vendor hints."""

    @property
    def places(self) -> tuple[str, ...]:
        """What is looked at time and again; "" where there is only one."""

    def poll(self, place: str, position: str, hint: Mapping[str, object]) -> Polled:
        """Return the page after a position, which is empty at first. Raises SendError, BadPayload."""


class Line(Protocol):
    """What an adapter that listens is given: where to put what comes, and whether to go on."""

    # Where the line was when it was last kept, such as a session to resume; empty at first.
    position: str

    def is_wanted(self) -> bool:
        """Tell whether to go on; asked at least every ten seconds."""

    def take(self, raw: bytes, events: Sequence[Event], *, position: str | None = None) -> None:
        """Store what came, and where the line is by now; the vendor may be told once this returns."""

    def unreadable(self, raw: bytes, *, reason: str) -> None:
        """Keep what came and cannot be read, to be shown; the vendor may be told once this returns."""

    def works(self) -> None:
        """Say that the vendor has let us in."""


@runtime_checkable
class Listens(Protocol):
    """An adapter whose vendor reports through a long connection that we open; it lives in the connector."""

    @property
    def has_line(self) -> bool:
        """Tell whether a channel with these settings has one."""

    def listen(self, line: Line) -> None:
        """Hold the connection while it is wanted; returns when it should be opened anew. Raises SendError."""


@runtime_checkable
class Pushes(Protocol):
    """An adapter that can tell devices of what their app has not shown: `send` takes pushes too."""

    def push_services(self) -> frozenset[str]:
        """Return the push services that are connected."""
