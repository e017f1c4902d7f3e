"""What customers allow to be done with their data, as they last said."""

from django.db.models import QuerySet
from django.utils import timezone

from helpdesk.access import Access, change_customer
from helpdesk.errors import Invalid
from helpdesk.models import Consent
from helpdesk.prepared import Argument, prepared
from helpdesk.services import audit
from helpdesk.tenancy import organization_transaction

LONGEST_PURPOSE = 40
LONGEST_NOTE = 200
# Purposes that are shown of one customer.
MOST = 20


def record(
    by: Access, customer_id: int, purpose: str, *, is_granted: bool, note: str = ""
) -> Consent:
    """Write down that a customer allowed something, or allows it no more; nothing said before is lost.

    Raises NotFound, Refused, WrongState, Invalid without a purpose.
    """
    purpose = " ".join(purpose.split())
    if not purpose or len(purpose) > LONGEST_PURPOSE or len(note) > LONGEST_NOTE:
        raise Invalid(field="purpose")
    with organization_transaction():
        customer = change_customer(by, customer_id)
        row = Consent.objects.create(
            customer=customer,
            purpose=purpose,
            is_granted=is_granted,
            at=timezone.now(),
            by_id=by.staff_id,
            note=note,
        )
        audit.record("customer.consent", customer, by, purpose=purpose, granted=is_granted)
    return row


def current(customer_id: int) -> list[Consent]:
    """Return the newest word on each purpose, by purpose."""
    return _newest_of(customer_id)


@prepared
def _newest_of(customer_id: Argument) -> QuerySet[Consent]:
    rows = Consent.objects.filter(customer_id=customer_id).select_related("by")
    return rows.order_by("purpose", "-at", "-id").distinct("purpose")[:MOST]
