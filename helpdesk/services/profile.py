"""What people change about themselves."""

from typing import Any

from helpdesk.access import Access
from helpdesk.models import Staff, User
from helpdesk.services import audit
from helpdesk.tenancy import organization_transaction


def change(
    by: Access,
    *,
    language: str,
    timezone: str,
    preferences: dict[str, Any],  # Any: JSON
    signature: str,
    mail_copies: str,
) -> None:
    """Keep a person's language, time zone, preferences, signature and when they want mails."""
    with organization_transaction():
        staff = Staff.objects.select_for_update().get(pk=by.staff_id)
        staff.timezone, staff.signature, staff.mail_copies = timezone, signature, mail_copies
        staff.save(update_fields=["timezone", "signature", "mail_copies"])
        User.objects.filter(pk=by.user_id).update(language=language, preferences=preferences)
        audit.record("staff.preferences_changed", staff, by, language=language, timezone=timezone)
