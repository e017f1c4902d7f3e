"""Who practises with a conversation now, and who stands behind how many."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import F

from helpdesk.models import Mention
from helpdesk.services import backing
from routing.models import Offer


@dataclass(frozen=True, slots=True)
class Practising:
    """Learners with a case in hand or before them, and behind how many of them each colleague stands."""

    learners: frozenset[int] = frozenset()
    behind: Counter[int] = field(default_factory=Counter)


def practising(learners: Collection[int]) -> Practising:
    """Return how it stands with these learners, in two queries.

    A case counts until its learner holds it no longer, even when the colleague's access was ended before.
    """
    rows = Mention.objects.filter(
        backing.turn(), conversation__owner_id__in=learners, behind_id=F("conversation__owner_id")
    ).order_by()
    held = list(rows.values_list("behind_id", "staff_id", "ended_at"))
    offered = Offer.objects.filter(
        state=Offer.State.PENDING,
        staff_id__in=learners,
        decision__data__need__has_key="practice",
    ).order_by()
    return Practising(
        frozenset([learner for learner, _, _ in held])
        | frozenset(offered.values_list("staff_id", flat=True)),
        Counter(staff_id for _, staff_id, ended_at in held if ended_at is None),
    )
