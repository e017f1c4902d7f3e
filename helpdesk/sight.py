"""Which conversations somebody sees, and what is read of one: the queries behind `helpdesk.access`.

They take values as well as the arguments of a prepared query.
"""

from datetime import datetime

from django.db.models import Q, QuerySet

from helpdesk.models import Conversation, Mention
from helpdesk.prepared import Argument, OneOf, prepared

# What is read of what a conversation points to; the rest is fetched when somebody asks for it.
_RELATED = {
    "customer": ("name", "company", "email", "phone", "number", "place", "tier", "tags", "remark"),
    "channel": (
        *("name", "name_en", "kind", "hold_seconds", "language", "settings", "answers_by"),
        *("is_active", "disabled_reason"),
    ),
    "topic": ("name", "name_en"),
    "department": ("name", "name_en", "color"),
    "owner": ("name", "name_en"),
    "queue": ("name", "name_en"),
}
_SHOWN = (
    *(field.name for field in Conversation._meta.concrete_fields),
    *(f"{name}__{column}" for name, columns in _RELATED.items() for column in columns),
)


def seen_from(
    departments: list[int] | Argument, staff_id: int | Argument, now: datetime | Argument
) -> Q:
    """Return which conversations somebody may see, of whom `sight_of` told."""
    return (
        Q(OneOf("department_id", departments))
        | Q(OneOf("escalated_to_id", departments))
        | Q(owner_id=staff_id)
        | Q(pk__in=mentions_of(staff_id, now).values("conversation_id"))
    )


def mentions_of(staff_id: int | Argument, now: datetime | Argument) -> QuerySet[Mention]:
    """Return the mentions that give somebody access at a time."""
    return Mention.objects.filter(staff_id=staff_id, ended_at__isnull=True, access_until__gt=now)


@prepared
def shown(conversation_id: Argument) -> QuerySet[Conversation]:
    """Return a conversation with what screens show of what it points to."""
    rows = Conversation.objects.select_related(*_RELATED).only(*_SHOWN)
    return rows.filter(pk=conversation_id)
