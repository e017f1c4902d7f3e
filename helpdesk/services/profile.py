"""What people change about themselves."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from helpdesk import phones
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
    call_address: str,
) -> None:
    """Keep a person's language, time zone, preferences, signature, phone and when they want mails."""
    with organization_transaction():
        staff = Staff.objects.select_for_update().get(pk=by.staff_id)
        staff.timezone, staff.signature, staff.mail_copies = timezone, signature, mail_copies
        staff.call_address = call_address
        staff.save(update_fields=["timezone", "signature", "mail_copies", "call_address"])
        User.objects.filter(pk=by.user_id).update(language=language, preferences=preferences)
        audit.record("staff.preferences_changed", staff, by, language=language, timezone=timezone)


def valid_call_address(text: str) -> str:
    """Return the phone of a colleague as it is kept. Raises ValidationError for what cannot be called."""
    found = phones.call_address(text)
    if text.strip() and not found:
        raise ValidationError(
            _(
                "Write a number with its country, such as +8613800138000, or an address such as sip:name@exchange."
            )
        )
    return found
