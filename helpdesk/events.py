"""Facts about what has happened, published after commit, and who reacts to them.

An event carries ids and is only a hint: handlers enqueue or push and never query. Every step that an
event would start is also found by a sweep. The whole reaction map is `subscriptions()`.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in one organization."""

    organization_id: int


@dataclass(frozen=True, slots=True)
class ConversationEvent(Event):
    """Something that happened to one conversation; `number` is the entry that records it, 0 when none does."""

    conversation_id: int
    number: int = 0


@dataclass(frozen=True, slots=True)
class MessageReceived(ConversationEvent):
    """A customer's message became an entry."""


@dataclass(frozen=True, slots=True)
class EntryAdded(ConversationEvent):
    """Any entry joined the timeline: message, note or something that happened."""


@dataclass(frozen=True, slots=True)
class ConversationChanged(ConversationEvent):
    """State, topic, urgency, priority or another shown fact changed."""


@dataclass(frozen=True, slots=True)
class ConversationQueued(ConversationEvent):
    """The conversation waits for an owner."""


@dataclass(frozen=True, slots=True)
class ConversationAssigned(ConversationEvent):
    """Somebody holds the conversation."""

    staff_id: int = 0


@dataclass(frozen=True, slots=True)
class ConversationReleased(ConversationEvent):
    """Somebody no longer holds the conversation; capacity has become free."""

    staff_id: int = 0


@dataclass(frozen=True, slots=True)
class StaffMentioned(ConversationEvent):
    """A colleague was called into the conversation, or stands behind its owner from now on."""

    staff_id: int = 0
    is_behind: bool = False


@dataclass(frozen=True, slots=True)
class EscalationChanged(ConversationEvent):
    """An escalation started, climbed, was claimed or ended."""


@dataclass(frozen=True, slots=True)
class MessageQueued(ConversationEvent):
    """A reply waits in the outbox."""


@dataclass(frozen=True, slots=True)
class DeliveryChanged(ConversationEvent):
    """The delivery state of our message with this number changed."""


@dataclass(frozen=True, slots=True)
class MessageChanged(ConversationEvent):
    """The message with this number is another now, or one that was split off by this entry.

    The customer edited it, took it back, or reacted to it; or a recording was added.
    """


@dataclass(frozen=True, slots=True)
class CallChanged(ConversationEvent):
    """The call with this entry number went on; `staff_ids` are the colleagues whose call it is or was."""

    staff_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CallWanted(ConversationEvent):
    """A call to the customer waits to be placed."""


@dataclass(frozen=True, slots=True)
class RatingGiven(ConversationEvent):
    """The customer rated an episode."""


@dataclass(frozen=True, slots=True)
class StaffChanged(Event):
    """Presence or load of a member of staff changed."""

    staff_id: int


@dataclass(frozen=True, slots=True)
class AccessChanged(Event):
    """What a member of staff may see or do changed; 0 means anybody's may have."""

    staff_id: int = 0


E = TypeVar("E", bound=Event)
Handler = Callable[[E], None]
_handlers: dict[type[Event], list[Handler[Any]]] = defaultdict(
    list
)  # Any: of its own type of event


def subscribe(event_type: type[E], handler: Callable[[E], None]) -> None:
    """Call `handler` with every event of this type or of a type derived from it, after commit."""
    if handler not in _handlers[event_type]:
        _handlers[event_type].append(handler)


def unsubscribe(event_type: type[E], handler: Callable[[E], None]) -> None:
    """Undo `subscribe`; for tests."""
    _handlers[event_type].remove(handler)


def subscriptions() -> dict[type[Event], list[Handler[Any]]]:
    """Return the reaction map."""
    return {event_type: list(handlers) for event_type, handlers in _handlers.items() if handlers}


def publish(*published: Event) -> None:
    """Hand the events to their subscribers, in this order, once the transaction has committed."""

    def dispatch() -> None:
        for event in published:
            _dispatch(event)

    transaction.on_commit(dispatch)


def _dispatch(event: Event) -> None:
    for event_type in type(event).__mro__:
        for handler in _handlers.get(event_type, ()):
            try:
                handler(event)
            except Exception:
                logger.exception("A handler failed: %s", type(event).__name__)
