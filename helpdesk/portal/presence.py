"""The card with a person's own presence, capacity, and what their calendar says now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.utils import timezone

from helpdesk.models import PresenceStatus, Staff
from helpdesk.services.calendars import calendar_of
from helpdesk.services.lending import Lent, lenders, lent
from helpdesk.services.working_hours import FOCUS, HORIZON, Spell, spell

# A change that is nearer than this is announced.
ANNOUNCED = timedelta(hours=12)
# A card asks again for itself after this time at the latest.
LONGEST = timedelta(hours=1)
LENDING = timedelta(minutes=1)


@dataclass(frozen=True)
class Card:
    """What the card of one person shows."""

    staff: Staff
    status: str
    spell: Spell
    # When focus time begins, if that is next.
    focus_at: datetime | None
    # What of the day is lent to conversations; None for whoever answers all day.
    lent: Lent | None
    now: datetime

    @property
    def dot(self) -> str:
        """Return the presence as others see it."""
        is_focused = self.spell.reason == FOCUS and self.status == PresenceStatus.ONLINE
        return str(PresenceStatus.FOCUS) if is_focused else self.status

    @property
    def until(self) -> datetime | None:
        """Return the next change; None when it is too far away to be known."""
        return self.spell.until if self.spell.until < self.now + HORIZON else None

    @property
    def again_seconds(self) -> int:
        """Return when the card has something else to show."""
        longest = LONGEST if self.lent is None else LENDING
        return ceil(min(self.spell.until - self.now, longest).total_seconds()) + 1


def cards(people: Sequence[Staff]) -> dict[int, Card]:
    """Return the cards of these people, who carry their calendar and presence.

    Two queries when somebody among them lends a share of the day, else none.
    """
    now, found = timezone.now(), {}
    lending = lent(lenders(people), now)
    for staff in people:
        calendar = calendar_of(staff)
        current = spell(calendar, now)
        is_near = current.is_on and current.until <= now + ANNOUNCED
        following = spell(calendar, current.until).reason if is_near else ""
        found[staff.pk] = Card(
            staff,
            _chosen(staff),
            current,
            current.until if following == FOCUS else None,
            lending.get(staff.pk),
            now,
        )
    return found


def presence_context(staff: Staff) -> dict[str, Any]:  # Any: a template context
    """Return what the person's own card shows."""
    return card_context(cards([staff])[staff.pk])


def card_context(card: Card) -> dict[str, Any]:  # Any: a template context
    """Return what the template of the card asks for."""
    return {
        "staff": card.staff,
        "status": card.status,
        "statuses": PresenceStatus.choices,
        "card": card,
    }


def _chosen(staff: Staff) -> str:
    presence = getattr(staff, "presence", None)
    return str(presence.status) if presence else str(PresenceStatus.AWAY)
