"""What adapters of exchanges say and are told: phone calls that are directed, and calls that we ask for."""

import re
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from django.utils.translation import gettext as _

from channels_app.protocol import ContactIdentity, HttpReply, Line, RawRequest

_NUMBER = re.compile(r"\+[1-9][0-9]{4,14}")


@dataclass(frozen=True, slots=True)
class CallStanding:
    """What is known of a phone call while the exchange asks what to do with it."""

    language: str
    is_over: bool = False
    # Where a colleague is to be rung now; empty while nobody is.
    ring: str = ""
    staff_id: int | None = None
    # Whom a colleague wants to talk to, where the call is ours.
    customer_number: str = ""


@dataclass(frozen=True, slots=True)
class CallWish:
    """A call that a colleague asks for: they are rung at `colleague`, then the customer is."""

    reference: str
    colleague: str
    staff_id: int
    customer_number: str
    language: str


@runtime_checkable
class DirectsCalls(Protocol):
    """An adapter whose vendor asks with each report of a phone call what to do with it next."""

    def call_in(self, request: RawRequest) -> tuple[str, str]:
        """Return the vendor's name of the call, and ours where it is one that we asked for."""

    def direct(self, request: RawRequest, standing: CallStanding) -> HttpReply:
        """Return what to do next with the call."""


@runtime_checkable
class PlacesCalls(Protocol):
    """An adapter whose vendor calls people for us."""

    def place(self, wish: CallWish) -> str:
        """Have a call placed and return the vendor's name of it. Raises SendError."""


class CallLine(Line, Protocol):
    """A line to an exchange, which asks how calls stand."""

    def standing(self, call_id: str, reference: str) -> CallStanding:
        """Return how a call stands; a transaction is opened for it."""


def caller(
    number: str, name: str, call_id: str, *, is_vouched_for: bool = False
) -> ContactIdentity:
    """Return who calls. Nothing tells one caller without a number from another."""
    if not _NUMBER.fullmatch(number):
        return ContactIdentity(f"withheld-{call_id}", display_name=_("Number withheld"))
    return ContactIdentity(
        number, display_name=name or number, phone=number, verified=is_vouched_for
    )
