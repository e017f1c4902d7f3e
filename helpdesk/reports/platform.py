"""What those who run the installation see first: how much there is, and nothing of what organizations hold."""

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import PeriodicTask

from helpdesk.models import Organization, PlatformAuditEntry, User
from helpdesk.reports.administration import Count

BEAT, AXES = "django_celery_beat", "axes"


def counts() -> list[Count]:
    """Return how much there is of what."""
    organizations = Organization.objects.filter(is_active=True)
    users = User.objects.filter(is_active=True)
    tasks = PeriodicTask.objects.filter(enabled=True)
    open_sessions = Session.objects.filter(expire_date__gt=timezone.now())
    active = "is_active__exact=1"
    return [
        Count(_("Organizations"), organizations.count(), "organization", active),
        Count(_("Users"), users.count(), "user", active),
        Count(_("Sessions"), open_sessions.count(), "user/sessions"),
        Count(_("Failed sign-ins"), AccessAttempt.objects.count(), "accessattempt", app=AXES),
        Count(_("Periodic tasks"), tasks.count(), "periodictask", "enabled__exact=1", app=BEAT),
    ]


def concerns() -> list[Count]:
    """Return what needs a hand; empty when all is well."""
    locked = AccessAttempt.objects.filter(failures_since_start__gte=settings.AXES_FAILURE_LIMIT)
    found = [
        Count(
            _("organizations are switched off"),
            Organization.objects.filter(is_active=False).count(),
            "organization",
            "is_active__exact=0",
        ),
        Count(
            _("accounts had too many failed sign-ins"), locked.count(), "accessattempt", app=AXES
        ),
    ]
    return [row for row in found if row.number]


def newest_changes(limit: int = 8) -> list[PlatformAuditEntry]:
    """Return the newest entries of the platform's trail."""
    return list(PlatformAuditEntry.objects.select_related("user")[:limit])
