"""The rule that somebody always administers the organization."""

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from helpdesk.errors import Invalid
from helpdesk.models import DepartmentUserObjectPermission, Staff
from helpdesk.permissions import ORGANIZATION_ADMINISTER
from helpdesk.tenancy import current_organization_id


def administrators() -> QuerySet[Staff]:
    """Return the active staff who administer the organization in scope."""
    allowed = DepartmentUserObjectPermission.objects.filter(
        permission__codename=ORGANIZATION_ADMINISTER
    )
    return Staff.objects.filter(is_active=True, user_id__in=allowed.values("user_id"))


def keep_one() -> None:
    """Raise Invalid when nobody would be left who administers the organization in scope.

    Called after the change and inside its transaction, which the error undoes. Whoever changes this
    organization's administrators meanwhile waits for the commit: two who each take the other away
    would else both find the other still there.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('everydesk.administrators'), %s)",
            [current_organization_id() % 2**31],
        )
    if not administrators().exists():
        raise Invalid(_("Somebody must go on administering the organization."))
