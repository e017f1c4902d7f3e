"""What routing does when the core tells of something: rings the router's bell, and nothing else."""

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


def wake_router(event: Event) -> None:
    """Have the routers look now instead of within a second."""
    ring(CHANNEL)


def listen() -> None:
    """Subscribe to the events after which somebody could get work."""
    for event_type in RINGING:
        subscribe(event_type, wake_router)
