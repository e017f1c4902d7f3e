"""Phone calls: what rings for somebody now, and calling a customer."""

from collections.abc import Sequence
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from helpdesk.models import Call, Conversation, Staff
from helpdesk.portal.dialogs import done
from helpdesk.portal.pages import access_of, staff_of, staff_only
from helpdesk.reports.running_calls import MOST, running_calls
from helpdesk.services import dialling

State = Call.State
# What is shown of the caller's past.
MOST_PREVIOUS = 3


class Ringing(NamedTuple):
    """A running call as the person sees it whose call it is."""

    call: Call
    title: str
    previous: list[str]
    has_phone: bool

    @property
    def conversation(self) -> Conversation:
        found: Conversation = self.call.conversation
        return found

    @property
    def rings(self) -> bool:
        return self.call.state == State.RINGING and self.call.direction == Call.Direction.IN


def shown_calls(staff: Staff) -> list[Ringing]:
    """Return the calls that run with somebody now, the newest first; a transaction is open."""
    found = list(running_calls(staff))
    past = _previous([call.conversation for call in found])
    return [
        Ringing(call, _title(call), past.get(call.conversation_id, []), bool(staff.call_address))
        for call in found
    ]


@require_GET
@staff_only
def dock(request: HttpRequest) -> HttpResponse:
    """Show the calls that run with the person now."""
    running = shown_calls(staff_of(request))
    return render(request, "portal/fragments/call_dock.html", {"running": running})


@require_POST
@staff_only
def call(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Have the customer called."""
    dialling.call(access_of(request), conversation_id)
    text = _("Your phone rings first, then the customer's")
    return done(request, conversation_id, {"text": text, "icon": "phone"})


def _previous(conversations: Sequence[Conversation]) -> dict[int, list[str]]:
    """Return what the callers' newest conversations before these were about."""
    if not conversations:
        return {}
    customers = {one.customer_id: one.pk for one in conversations}
    rows = (
        Conversation.objects.filter(customer__in=customers)
        .exclude(pk__in=customers.values())
        .order_by("-id")
        .values_list("customer_id", "subject", "last_text")[: MOST_PREVIOUS * MOST]
    )
    found: dict[int, list[str]] = {}
    for customer_id, subject, text in rows:
        known = found.setdefault(customers[customer_id], [])
        if len(known) < MOST_PREVIOUS and (subject or text):
            known.append(subject or text)
    return found


def _title(call: Call) -> str:
    if call.state == State.ANSWERED:
        return _("You are on the phone")
    if call.state == State.HELD:
        return _("The call is on hold")
    if call.direction == Call.Direction.OUT:
        return _("Your call is being placed")
    return _("A customer is calling")
