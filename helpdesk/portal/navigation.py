"""The navigation between the workspace's views, with counts that never count far."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import QuerySet, Value
from django.db.models.fields import CharField
from django.utils.translation import gettext as _

from helpdesk import permissions
from helpdesk.access import Access, running_mentions
from helpdesk.models import Conversation, State

COUNT_LIMIT = 100
HELD = (State.OPEN, State.WAITING, State.SNOOZED)


@dataclass(frozen=True, slots=True)
class ViewItem:
    """One line of the navigation between views."""

    key: str
    label: str
    icon: str
    count: int
    loud: bool = False


def view_items(access: Access) -> list[ViewItem]:
    """Return the views with their counts, in one query that never counts further than a hundred."""
    counts = _counts(access)
    return [
        ViewItem("mine", _("Mine"), "inbox", counts["mine"]),
        ViewItem("departments", _("Departments"), "users", counts["departments"]),
        ViewItem("mentions", _("Mentions"), "at", counts["mentions"], loud=True),
        ViewItem("waiting", _("With customer"), "clock", counts[State.WAITING]),
        ViewItem("all", _("All"), "chat", 0),
    ]


def _counts(access: Access) -> Counter[str]:
    mine = Conversation.objects.filter(owner_id=access.staff_id)
    queued = Conversation.objects.filter(
        state=State.QUEUED, department_id__in=access.allowed(permissions.CONVERSATION_VIEW)
    )
    held = mine.filter(state__in=HELD).order_by().values_list("state")[:COUNT_LIMIT]
    parts = [_marked(queued, "departments"), _marked(running_mentions(access.staff_id), "mentions")]
    counts = Counter(mark for (mark,) in held.union(*parts, all=True))
    counts["mine"] = sum(counts[state] for state in HELD)
    return counts


def _marked(rows: QuerySet, mark: str) -> QuerySet:  # type: ignore[type-arg]  # of any model: only the mark is read
    marked: QuerySet = rows.order_by().annotate(mark=Value(mark, output_field=CharField()))  # type: ignore[type-arg]
    return marked.values_list("mark")[:COUNT_LIMIT]
