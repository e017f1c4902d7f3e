"""What adapters of exchanges say and are told: phone calls that are directed, and calls that we ask for."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from channels_app.protocol import HttpReply, RawRequest


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
