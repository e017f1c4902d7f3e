"""Places where the apps above register what the core must know of them, from `AppConfig.ready`.

Each registry is an ordered name -> value map. `registered(...)` is a context manager that tests use.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from django.utils.functional import Promise

if TYPE_CHECKING:
    from helpdesk.models import Channel, Conversation, Staff

T = TypeVar("T")


class Registry(Generic[T]):
    """An ordered map from a name to what was registered under it."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._items: dict[str, T] = {}

    def register(self, name: str, item: T) -> None:
        """Add `item`; the same name twice is a mistake unless it is the same item."""
        if name in self._items and self._items[name] != item:
            raise ValueError(f"{self.label}: {name} is registered already")
        self._items[name] = item

    def get(self, name: str) -> T:
        """Return the item; raises KeyError for a name nobody registered."""
        return self._items[name]

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def items(self) -> list[tuple[str, T]]:
        return list(self._items.items())

    def names(self) -> list[str]:
        return list(self._items)

    @contextmanager
    def registered(self, name: str, item: T) -> Iterator[None]:
        """Register `item` for the time of the block."""
        before = dict(self._items)
        self._items[name] = item
        try:
            yield
        finally:
            self._items = before


@dataclass(frozen=True)
class SettingField:
    """One setting of a channel kind, enough for a guided form."""

    name: str
    label: str | Promise
    help_text: str | Promise = ""
    kind: str = "text"  # text, secret, boolean, number, choice, lines
    choices: tuple[tuple[str, str | Promise], ...] = ()
    required: bool = False
    default: object = ""
    # Of a secret that proves calls of the vendor: the one before goes on proving them until it is ended.
    overlaps: bool = False
    # Of a required one: the name of a choice, and the value of it that alone needs this setting.
    needed_by: tuple[str, str] | None = None


# The setting of the secret that calls are signed with, where a kind has several.
SIGNING_SECRET = "secret"  # noqa: S105  (a name)


@dataclass(frozen=True)
class ChannelReport:
    """How receiving through a channel goes, in one sentence."""

    text: str
    is_trouble: bool = False


FileKind = Literal["image", "audio", "video", "file"]


@dataclass(frozen=True, slots=True)
class FileLimit:
    """Files of one kind that a platform takes."""

    most_bytes: int
    # Empty: of every type.
    mimes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TemplateRules:
    """What a platform sets to texts that it approved before, and to the values in their places."""

    # Of the approved text, and of the whole once it is filled.
    text_max: int = 1024
    places_max: int = 10
    # How many spaces may follow each other in a value.
    spaces_max: int = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What a platform sets to what is sent through it."""

    # A longer text leaves in parts.
    text_max: int = 10_000
    text_unit: Literal["characters", "bytes", "utf16"] = "characters"
    # Whether it may; otherwise whoever writes has to be shorter.
    in_parts: bool = True
    # For how long a customer may be answered after they last wrote.
    reply_window: timedelta | None = None
    # With how many messages, until they write again.
    reply_quota: int | None = None
    # Each file is a message of its own there.
    files_apart: bool = False
    # A larger file never leaves, whatever it is.
    file_max_bytes: int | None = None
    # What may leave of each kind; None: everything. What is no such picture may still go as a file.
    files: Mapping[FileKind, FileLimit] | None = None
    takes_files: bool = True
    # Whether everybody can read the answers.
    is_public: bool = False
    # Whether an answer leaves in the writer's own words, not as a text that somebody approved before.
    freeform: bool = True
    # Texts that were approved before may be sent, even when the time for answers is over; None: there are none.
    templates: TemplateRules | None = None
    # What whoever writes should know before they do.
    notice: str | Promise = ""
    # Why nobody can be answered through this channel, where that is so.
    refusal: str | Promise = ""


@dataclass(frozen=True)
class ChannelKind:
    """What the core and the admin know of one kind of channel."""

    label: str | Promise
    icon: str = "chat"
    # Chat kinds keep one constant thread key: one open conversation per identity.
    is_chat: bool = True
    # Customers stay and watch for the answer, as in a chat; letters and forms may take longer.
    is_live: bool = False
    # The customer's side shows one conversation, the newest: it cannot be two.
    shows_one: bool = False
    hold_seconds: int = 0
    capabilities: frozenset[str] = frozenset()
    settings: tuple[SettingField, ...] = ()
    # What to do at the vendor's, step by step.
    guide: tuple[str | Promise, ...] = ()
    # What a channel with these settings may do.
    limits: Callable[[Mapping[str, object]], Limits] = lambda _settings: Limits()
    # Reads the vendor's side with the channel's settings; returns a sentence, raises ChannelError.
    test_connection: Callable[[int], str] | None = None
    # Says how receiving goes, where we fetch; None while there is nothing to say.
    report: Callable[[int], ChannelReport | None] | None = None

    @property
    def is_public(self) -> bool:
        """Tell whether answers are there for everybody to read."""
        return self.limits({}).is_public

    @property
    def secret_names(self) -> list[str]:
        return [each.name for each in self.settings if each.kind == "secret"]


def takes_typed_addresses(kind: str) -> bool:
    """Tell whether whoever writes through this kind types their address, which proves nothing of them."""
    return kind in channel_kinds and "typed_addresses" in channel_kinds.get(kind).capabilities


def shows_one(kind: str) -> bool:
    """Tell whether the customer's side shows one conversation at a time."""
    return kind in channel_kinds and channel_kinds.get(kind).shows_one


def calling_kinds() -> frozenset[str]:
    """Return the kinds that are phones."""
    return frozenset(name for name, kind in channel_kinds.items() if "calls" in kind.capabilities)


def live_kinds() -> frozenset[str]:
    """Return the kinds whose customers stay and watch for the answer."""
    return frozenset(name for name, kind in channel_kinds.items() if kind.is_live)


def is_call(channel: "Channel") -> bool:
    """Tell whether who comes through a channel calls by phone."""
    return channel.kind in calling_kinds()


def secrets_by_name(stored: str) -> dict[str, str]:
    """Return the secrets of a kind that has several; one stored by itself is the one that signs."""
    try:
        found = json.loads(stored or "{}")
    except ValueError:
        found = stored
    if isinstance(found, dict):
        return {str(name): str(value) for name, value in found.items()}
    return {SIGNING_SECRET: stored}


@dataclass(frozen=True)
class Sweep:
    """Work that becomes due by time. `run(now)` acts inside the scope of one organization, returns how many it did."""

    run: Callable[[datetime], int]
    # A queue name that everydesk_due_organizations knows, or "all".
    queue: str = "all"
    every_seconds: float = 1.0


@dataclass(frozen=True)
class InvariantCheck:
    """A law of the data. `violations()` yields one line for each breach found in the organization in scope."""

    label: str
    violations: Callable[[], Iterator[str]]


@dataclass(frozen=True)
class DemoPart:
    """A piece of the demo company. `load(organization_id)` runs in its scope; order is ascending."""

    load: Callable[[int], None]
    order: int = 100


@dataclass(frozen=True)
class Refusal:
    """Why a reply may not go, or must wait."""

    reason: str | Promise
    holds: bool = False
    details: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Notice:
    """Something that administrators should see to; `name` tells it from others on a page."""

    name: str
    title: str
    text: str
    url: str


# Whether a message that no person wrote may go to the customer of a conversation, whose row is locked.
AutomaticGate = Callable[["Conversation"], bool]
ReplyGate = Callable[["Staff", "Conversation", str], Refusal | None]

channel_kinds: Registry[ChannelKind] = Registry("channel kinds")
reply_gates: Registry[ReplyGate] = Registry("reply gates")
automatic_gates: Registry[AutomaticGate] = Registry("automatic gates")
invariant_checks: Registry[InvariantCheck] = Registry("invariant checks")
demo_parts: Registry[DemoPart] = Registry("demo parts")
sweeps: Registry[Sweep] = Registry("sweeps")
# Any: a table of numbers, which only routing knows how to read.
scorers: Registry[Callable[..., Any]] = Registry("scorers")
measures: Registry[Callable[..., object]] = Registry("measures")
# What administrators of the organization in scope should see to, asked whenever their screens are shown.
notices: Registry[Callable[[], Iterator[Notice]]] = Registry("notices")
# What is known of the skills of a member of staff besides their levels, by skill.
skill_notes: Registry[Callable[[int], Mapping[int, str]]] = Registry("skill notes")
# What an app above calls the actions it leaves in the audit trail.
audit_actions: Registry[str | Promise] = Registry("audit actions")
