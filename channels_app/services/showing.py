"""What visitors are shown of conversations that changed: one transaction for each batch."""

from dataclasses import dataclass, field
from typing import Any

from channels_app.services import transcript, waiting
from helpdesk.models import Conversation
from helpdesk.tenancy import organization_transaction

Frames = list[dict[str, Any]]  # Any: JSON of the widget


@dataclass(slots=True)
class Asked:
    """One changed conversation, and how it is read here."""

    conversation_id: int
    public_id: str
    languages: set[str]
    # The last number that every socket has; None when no entries are wanted.
    after: int | None = None
    # Entries that may only now have been sent.
    again: set[int] = field(default_factory=set)
    wants_status: bool = False


@dataclass(slots=True)
class Shown:
    """What follows the number in each language, how far colleagues have read, and what one who waits is told."""

    # Whose it is now; a visitor who has signed in takes it along.
    identity_id: int
    last_number: int
    seen_number: int
    entries: dict[str, Frames] = field(default_factory=dict)
    status: dict[str, dict[str, Any]] = field(default_factory=dict)


def look(organization_id: int, asked: list[Asked]) -> dict[int, Shown]:
    """Return what is asked for, by conversation; what does not exist is left out."""
    with organization_transaction(organization_id):
        rows = Conversation.objects.select_related("owner__department", "topic")
        found = rows.in_bulk([each.conversation_id for each in asked])
        people = waiting.People()
        return {
            each.conversation_id: _shown(each, found[each.conversation_id], people)
            for each in asked
            if each.conversation_id in found
        }


def _shown(asked: Asked, found: Conversation, people: waiting.People) -> Shown:
    shown = Shown(found.identity_id, found.last_number, found.owner_seen_number)
    if asked.after is not None:
        entries = transcript.entries_since(found, asked.after, asked.again)
        shown.entries = {
            language: transcript.drawn(found, entries, public_id=asked.public_id, language=language)
            for language in asked.languages
        }
    if asked.wants_status:
        shown.status = {
            language: waiting.status(found, language, people) for language in asked.languages
        }
    return shown
