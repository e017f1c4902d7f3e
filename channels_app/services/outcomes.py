"""How an event ends."""

import hashlib
from dataclasses import dataclass

from channels_app.models import InboundEvent
from helpdesk.models import Attachment

State = InboundEvent.State
# Rows of `helpdesk.services.files.prepare`, saved with the message they belong to.
Files = list[Attachment]


LONGEST_REFERENCE = 64


def reference_of(key: str) -> str:
    """Return a key as the reference of a message: itself, or a hash of it where it is long."""
    return key if len(key) <= LONGEST_REFERENCE else hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event; `entry_id` is the entry that it became or changed."""

    state: InboundEvent.State
    entry_id: int | None = None
    # How a letter found its place, or why nothing became of it.
    reason: str = ""
