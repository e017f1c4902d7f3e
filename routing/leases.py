"""One router works for an organization at a time: a lease with a number that fences off predecessors.

The lease saves double work. Capacity does not rest on it: the database guards every commit.
"""

from datetime import timedelta

from django.db import connection

from helpdesk.tenancy import current_organization_id, organization_transaction
from routing.models import RouterLease

LEASE = timedelta(seconds=5)

_ACQUIRE = """
    INSERT INTO routing_routerlease AS lease (organization_id, holder, fence, until)
    VALUES (%s, %s, 1, clock_timestamp() + make_interval(secs => %s))
    ON CONFLICT (organization_id) DO UPDATE SET
        holder = excluded.holder,
        until = excluded.until,
        fence = lease.fence + CASE WHEN lease.holder = excluded.holder THEN 0 ELSE 1 END
    WHERE lease.holder = excluded.holder OR lease.until < clock_timestamp()
    RETURNING fence
"""


class Fenced(Exception):
    """Another router has taken over the organization."""


def acquire(holder: str, lease: timedelta = LEASE) -> int | None:
    """Take or renew the lease of the organization in scope; returns its number, None while another holds it."""
    organization_id, seconds = current_organization_id(), lease.total_seconds()
    with organization_transaction(), connection.cursor() as cursor:
        cursor.execute(_ACQUIRE, [organization_id, holder, seconds])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def release(holder: str) -> None:
    """Give the lease up, so that another router need not wait for its end."""
    with organization_transaction():
        RouterLease.objects.filter(holder=holder).delete()


def check(fence: int | None) -> None:
    """Raise Fenced when the number is no longer the lease's; None works without a lease."""
    if fence is not None and not RouterLease.objects.filter(fence=fence).exists():
        raise Fenced
