"""Who is learning with a conversation: columns for lists."""

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from helpdesk.models import Mention


def learners() -> dict[str, Subquery]:
    """Return the names of the owner of the outer conversation, where somebody stands behind them."""
    standing = Mention.objects.filter(
        conversation_id=OuterRef("pk"),
        behind_id=OuterRef("owner_id"),
        ended_at__isnull=True,
        access_until__gt=timezone.now(),
    ).order_by()
    return {
        "learner": Subquery(standing.values("behind__name")[:1]),
        "learner_en": Subquery(standing.values("behind__name_en")[:1]),
    }
