"""Routing's live HTML, rendered without a request: the same template as the first load."""

from django.template.loader import render_to_string

from helpdesk.access import Access
from helpdesk.fragments import reading
from routing import offering, offers
from routing.models import Offer


def offer_context(access: Access, notice: str = "") -> dict[str, object]:
    """Return what the dock shows: the offer that waits for the person, or nothing."""
    pending = offers.pending_offer(access)
    shown = offering.show(pending) if pending else None
    return {"shown": shown, "notice": notice, "reasons": list(Offer.Reason.choices)}


def offer_dock(access: Access, *, language: str, time_zone: str) -> str:
    """Return the dock with the person's offer, empty without one; needs an open transaction."""
    with reading(language, time_zone):
        return render_to_string("routing/fragments/offer.html", offer_context(access))
