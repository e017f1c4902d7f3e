"""What a page of the form was given to post with: signed, for one form and one posting, for a day.

A cookie would be a third party's in a frame. The ticket proves instead that the page came from us, when,
and which posting it is for.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.core import signing

QUICKEST = timedelta(seconds=2)
SLOWEST = timedelta(hours=24)
LONGEST = 300
_SIGNER = signing.Signer(salt="everydesk.form-ticket", sep=".")


@dataclass(frozen=True, slots=True)
class Ticket:
    """One posting that may be made; the same one again is the same posting."""

    posting_id: str
    text: str


class TicketRefused(ValueError):
    """The page must be sent once more, with a new ticket."""

    def __init__(self, why: Literal["forged", "too_quick", "too_slow"]) -> None:
        super().__init__(why)
        self.why = why


def issue(public_id: str, now: datetime) -> Ticket:
    """Return a new ticket for a form."""
    posting_id = str(uuid.uuid4())
    text = _SIGNER.sign_object([public_id, posting_id, now.timestamp()])
    return Ticket(posting_id, str(text))


def redeem(text: str, public_id: str, now: datetime) -> Ticket:
    """Return the ticket that a page posts with. Raises TicketRefused."""
    try:
        form, posting_id, issued_at = _SIGNER.unsign_object(text[:LONGEST])
    except (signing.BadSignature, ValueError) as error:
        raise TicketRefused("forged") from error
    if form != public_id:
        raise TicketRefused("forged")
    age = timedelta(seconds=now.timestamp() - issued_at)
    if age < QUICKEST:
        raise TicketRefused("too_quick")
    if age > SLOWEST:
        raise TicketRefused("too_slow")
    return Ticket(posting_id, text)
