"""What an adapter is given to send that is no text of ours: what was approved before, and notices to devices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Push:
    """What a device is told of a reply that its app has not shown."""

    service: str
    token: str
    language: str
    app_version: str
    title: str
    text: str
    conversation_id: int
    number: int


@dataclass(frozen=True, slots=True)
class OutboundTemplate:
    """What leaves instead of the text of a message, which says the same as people read it."""

    # As the vendor calls it.
    name: str
    language_code: str = ""
    # Place and value, in the order of the places.
    values: tuple[tuple[str, str], ...] = ()


def template_of(stored: Mapping[str, Any]) -> OutboundTemplate:  # Any: as the core keeps it
    """Return what was kept with a reply when it was written."""
    return OutboundTemplate(
        name=stored["name"],
        language_code=stored["language"],
        values=tuple((place, value) for place, value in stored["values"]),
    )
