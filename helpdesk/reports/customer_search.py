"""Finds customers by what their name or company contains, in any script."""

from django.db import connection

from helpdesk.tenancy import visible_organization_id

# Whoever types so little that more are found types on.
MOST = 500


def customers_named(wanted: str, most: int = MOST) -> list[int]:
    """Return the ids of the organization's customers whose name or company contains this, newest first.

    Letter case and width make no difference. Who may see them is for the caller to ask.
    """
    visible_organization_id()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM everydesk_customers_named(%s, %s)", [wanted.strip(), most])
        return [row[0] for row in cursor.fetchall()]
