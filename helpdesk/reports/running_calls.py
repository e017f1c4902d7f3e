"""Phone calls that run now, and whose they are."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from helpdesk.models import Call, Staff

# Of one person, the newest: more at once are hardly theirs.
MOST = 3


def has_calls() -> Exists:
    """Return whether a call runs with a member of staff, to be read with their row as `has_calls`."""
    mine = Q(conversation__owner=OuterRef("pk")) | Q(staff=OuterRef("pk"))
    return Exists(Call.objects.filter(mine, due_at__isnull=False))


def running_calls(staff: Staff) -> QuerySet[Call]:
    """Return the calls that run with somebody now, the newest first."""
    if not getattr(staff, "has_calls", True):
        return Call.objects.none()
    rows = Call.objects.filter(
        Q(conversation__owner=staff) | Q(staff=staff), due_at__isnull=False
    ).select_related("conversation__customer", "conversation__channel", "conversation__topic")
    return rows.order_by("-id")[:MOST]
