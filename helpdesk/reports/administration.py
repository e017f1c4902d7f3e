"""What an administrator sees first: how much there is, and what needs a hand."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from helpdesk import registries
from helpdesk.access import Access
from helpdesk.models import (
    OPEN,
    AuditEntry,
    Channel,
    Conversation,
    Department,
    Escalation,
    EscalationPath,
    PresenceStatus,
    Role,
    Staff,
    State,
    Topic,
)
from helpdesk.registries import Notice


@dataclass(frozen=True)
class Count:
    """A number with its name and the list behind it."""

    label: Any  # Any: a lazy translation
    number: int
    page: str
    query: str = ""
    app: str = "helpdesk"


def counts() -> list[Count]:
    """Return how much there is of what."""
    people = Staff.objects.filter(is_active=True)
    there = Q(presence__lease_until__gt=timezone.now()) & ~Q(presence__status=PresenceStatus.AWAY)
    conversations = Conversation.objects.all()
    return [
        Count(_("People"), people.count(), "staff", "is_active__exact=1"),
        Count(_("There now"), people.filter(there).count(), "staff"),
        Count(_("Open conversations"), conversations.filter(OPEN).count(), "conversation"),
        Count(
            _("Waiting in queues"),
            conversations.filter(state=State.QUEUED).count(),
            "conversation",
            "state__exact=queued",
        ),
        Count(
            _("Running escalations"),
            Escalation.objects.filter(ended_at__isnull=True).count(),
            "escalationpath",
        ),
        Count(pgettext_lazy("all", "Departments"), Department.objects.count(), "department"),
        Count(_("Roles"), Role.objects.count(), "role"),
        Count(_("Topics"), Topic.objects.filter(is_active=True).count(), "topic"),
        Count(_("Channels"), Channel.objects.filter(is_active=True).count(), "channel"),
    ]


def concerns() -> list[Count]:
    """Return what needs a hand; empty when all is well."""
    skilled = Q(skill__isnull=False) & ~Q(skill__holders__staff__is_active=True)
    found = [
        Count(
            _("people without a role: they can see and answer nothing"),
            Staff.objects.filter(is_active=True, role_grants__isnull=True).count(),
            "staff",
        ),
        Count(
            _("topics that need a skill nobody has"),
            Topic.objects.filter(skilled, is_active=True).count(),
            "topic",
        ),
        Count(
            _("topics without keywords, examples and description: they are never recognised"),
            Topic.objects.filter(
                keywords=[],
                examples__isnull=True,
                description="",
                is_active=True,
                children__isnull=True,
            ).count(),
            "topic",
        ),
        Count(
            _("active escalation paths without a level"),
            EscalationPath.objects.filter(is_active=True, levels__isnull=True).count(),
            "escalationpath",
        ),
    ]
    return [row for row in found if row.number]


def notices(access: Access) -> list[Notice]:
    """Return what an administrator should see to; nothing to anybody else."""
    if not access.is_administrator:
        return []
    return [notice for _name, told in registries.notices.items() for notice in told()]


def newest_changes(limit: int = 8) -> list[AuditEntry]:
    """Return the newest entries of the audit trail that people left."""
    people = AuditEntry.Actor.STAFF, AuditEntry.Actor.TOKEN, AuditEntry.Actor.PLATFORM
    rows = AuditEntry.objects.filter(actor__in=people).select_related("staff")
    return list(rows[:limit])
