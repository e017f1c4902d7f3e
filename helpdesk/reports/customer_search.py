"""Finds customers by what their name or company contains, in any script."""

from django.db import connection
from django.db.models import Q

from helpdesk.access import Access, visible_customers
from helpdesk.models import Customer
from helpdesk.tenancy import visible_organization_id

# Whoever types so little that more are found types on.
MOST = 500
_NAMED = """
SELECT DISTINCT coalesce(c.merged_into_id, c.id) AS pk FROM everydesk_customers_named(%s, %s) f
JOIN helpdesk_customer c ON c.id = f.id ORDER BY pk DESC
"""


def customers_named(wanted: str, most: int = MOST) -> list[int]:
    """Return the ids of the organization's customers whose name or company contains this, newest first.

    Letter case and width make no difference. Who was merged is found as the one they were merged into.
    Who may see them is for the caller to ask.
    """
    visible_organization_id()
    with connection.cursor() as cursor:
        cursor.execute(_NAMED, [wanted.strip(), most])
        return [row[0] for row in cursor.fetchall()]


def find_customers(access: Access, wanted: str, *, without: int, most: int = 20) -> list[Customer]:
    """Return customers the person may see, by part of a name or by a whole address or CRM id, newest first."""
    if not wanted:
        return []
    named = Q(pk__in=customers_named(wanted)) | Q(email__in={wanted, wanted.lower()})
    named |= Q(external_id=wanted) | Q(phone=wanted) | Q(number=wanted)
    rows = visible_customers(access).filter(named, merged_into__isnull=True).exclude(pk=without)
    return list(rows.order_by("-pk")[:most])
