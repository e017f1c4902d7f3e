"""What must always hold of decisions and offers, besides the core's own law of capacity."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef

from helpdesk.models import Assignment
from helpdesk.registries import InvariantCheck, invariant_checks
from routing.models import Decision, Offer


def _assignments(mode: Assignment.Mode, since: str) -> Exists:
    return Exists(
        Assignment.objects.filter(
            conversation_id=OuterRef("conversation_id"),
            staff_id=OuterRef("staff_id"),
            mode=mode,
            starts_at__gte=OuterRef(since),
        )
    )


def decisions_without_effect() -> Iterator[str]:
    """Yield decisions to assign that led to no assignment: the two are one transaction."""
    acted = _assignments(Assignment.Mode.AUTOMATIC, "at")
    rows = Decision.objects.filter(~acted, outcome=Decision.Outcome.ASSIGNED).order_by("pk")
    for pk in rows.values_list("pk", flat=True).iterator(chunk_size=500):
        yield f"decision {pk} assigned nobody"


def offers_without_effect() -> Iterator[str]:
    """Yield offers that were accepted by somebody who then did not get the conversation."""
    got = _assignments(Assignment.Mode.OFFER, "made_at")
    rows = Offer.objects.filter(~got, state=Offer.State.ACCEPTED).order_by("pk")
    for pk in rows.values_list("pk", flat=True).iterator(chunk_size=500):
        yield f"offer {pk} was accepted and led to no assignment"


def register() -> None:
    """Add the checks to the core's checker."""
    checks = {
        "I5 decisions": InvariantCheck(
            "a decision to assign is an assignment", decisions_without_effect
        ),
        "I5 offers": InvariantCheck("an accepted offer is an assignment", offers_without_effect),
    }
    for name, check in checks.items():
        invariant_checks.register(name, check)
