"""What routing does when the core tells of something: rings the router's bell, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from helpdesk.bell import ring
from helpdesk.events import (
    AccessChanged,
    ConversationQueued,
    ConversationReleased,
    Event,
    MessageReceived,
    StaffChanged,
    subscribe,
)

CHANNEL = "everydesk_route"
RINGING = (MessageReceived, ConversationQueued, ConversationReleased, StaffChanged, AccessChanged)


# Set while this process routes: what it does itself is no news to it.
_is_routing: ContextVar[bool] = ContextVar("is_routing", default=False)


@contextmanager
def quietly() -> Iterator[None]:
    """Ring no bell for what happens inside."""
    token = _is_routing.set(True)
    try:
        yield
    finally:
        _is_routing.reset(token)


def wake_router(event: Event) -> None:
    """Have the routers look now instead of within a second."""
    if not _is_routing.get():
        ring(CHANNEL)


def listen() -> None:
    """Subscribe to the events after which somebody could get work."""
    for event_type in RINGING:
        subscribe(event_type, wake_router)
