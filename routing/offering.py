"""What the dock at the edge of the desk shows of an offer."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import ngettext

from helpdesk.models import Staff
from helpdesk.services.calendars import with_calendars
from helpdesk.services.lending import Lent, lenders, lent
from routing.explaining import Words, figure
from routing.models import Offer
from routing.recording import read

# The length of the ring around the countdown.
RING = 119.4


@dataclass(frozen=True)
class ShownOffer:
    """One offer in the reader's words."""

    offer: Offer
    summary: str
    next_name: str
    load_after: str
    capacity: str
    slots: tuple[str, ...]
    # Who learns what with it, and who would stand behind; empty where nobody does.
    practice: str
    # What of the day the person lends; None for whoever answers all day.
    lent: Lent | None
    now: datetime

    @property
    def text(self) -> str:
        return str(self.offer.conversation.last_text)

    @property
    def waited_since(self) -> datetime:
        return self.offer.conversation.waiting_since or self.offer.made_at

    @property
    def waited_seconds(self) -> float:
        return max(0.0, (self.now - self.waited_since).total_seconds())

    @property
    def seconds(self) -> int:
        """Return how long the offer stands in all."""
        return max(1, round((self.offer.due_at - self.offer.made_at).total_seconds()))

    @property
    def left(self) -> int:
        return max(0, round((self.offer.due_at - self.now).total_seconds()))

    @property
    def left_label(self) -> str:
        return ngettext("%(count)s second left", "%(count)s seconds left", self.left) % {
            "count": self.left
        }

    @property
    def offset(self) -> str:
        """Return how much of the ring has run out."""
        return f"{RING * (1 - min(self.left / self.seconds, 1)):.1f}"

    @property
    def again_seconds(self) -> int:
        """Return when to ask again: shortly after the offer has passed on."""
        return self.left + 1


def show(offer: Offer) -> ShownOffer:
    """Return the offer with why it is the person's, what it takes, and who is next."""
    reading = read(offer.decision)
    words = Words.of(reading, None, figures_of=offer.staff_id)
    staff, now = with_calendars(Staff.objects.all()).get(pk=offer.staff_id), timezone.now()
    mine = next((one for one in reading.ranked if one.person.id == staff.pk), None)
    following = [one for one in reading.ranked if one.person.id != staff.pk]
    return ShownOffer(
        offer=offer,
        summary=words.summary(mine, reading.need) if mine else "",
        next_name=words.staff[following[0].person.id] if following else "",
        load_after=figure(staff.load + offer.weight),
        capacity=figure(staff.capacity),
        practice=words.practice(offer.decision, staff.pk),
        slots=_slots(staff.load + offer.weight, staff.capacity),
        lent=lent(lenders([staff]), now).get(staff.pk),
        now=now,
    )


def _slots(used: Decimal, capacity: Decimal) -> tuple[str, ...]:
    """Return one class per slot of the meter as it would be afterwards."""
    count = min(12, int(capacity + Decimal("0.5")))
    return tuple("on" if used >= n + 1 else "half" if used > n else "" for n in range(count))
