"""Whose rows these are: the organization scope, its transaction, and the tables without a policy.

Two locks guard the same door. The manager refuses every query outside a scope and filters inside
one; row-level security in PostgreSQL does the same for raw SQL. The setting lives in the transaction
(`set_config(..., true)`), so nothing survives on a pooled connection.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from django.db import connection, transaction

from helpdesk.errors import NoOrganizationScope

SETTING = "everydesk.organization_id"
PLATFORM_SETTING = "everydesk.platform"

_organization_id: ContextVar[int | None] = ContextVar("organization_id", default=None)

# The organization whose rows the running transaction may see.
_transaction_of: ContextVar[int | None] = ContextVar("transaction_of", default=None)

# What stands for the organization's id in a query that is being written for all of them.
_stand_in: ContextVar[object] = ContextVar("stand_in", default=None)

# How long one statement may take, where that is limited.
_statement_limit: ContextVar[timedelta | None] = ContextVar("statement_limit", default=None)

# Tables without a policy, each with the reason. A test finds every other table without one.
GLOBAL: dict[str, str] = {
    "helpdesk_user": "a person signs in once and may work for several organizations",
    "helpdesk_user_groups": "many-to-many of the global user; groups are not used",
    "helpdesk_user_user_permissions": "many-to-many of the global user; platform only",
    "helpdesk_route": "maps public ids and hashed tokens before a scope exists",
    "helpdesk_platformauditentry": "what runs the installation belongs to no organization",
    "guardian_userobjectpermission": "generic rows are never written: object permissions are direct",
    "guardian_groupobjectpermission": "generic rows are never written: object permissions are direct",
    "auth_group": "groups are not used; roles are",
    "auth_group_permissions": "groups are not used; roles are",
    "auth_permission": "names of permissions, the same for all",
    "django_content_type": "names of models, the same for all",
    "django_session": "a session names the active organization, its rows are opaque",
    "django_migrations": "which migrations ran",
    "django_admin_log": "not written: the audit trail of the organization takes its place",
    "axes_accessattempt": "failed sign-ins happen before an organization is known",
    "axes_accessattemptexpiration": "failed sign-ins happen before an organization is known",
    "axes_accesslog": "sign-ins happen before an organization is known",
    "axes_accessfailurelog": "failed sign-ins happen before an organization is known",
    "django_celery_beat_clockedschedule": "the platform's calendar",
    "django_celery_beat_crontabschedule": "the platform's calendar",
    "django_celery_beat_intervalschedule": "the platform's calendar",
    "django_celery_beat_periodictask": "the platform's calendar",
    "django_celery_beat_periodictasks": "the platform's calendar",
    "django_celery_beat_solarschedule": "the platform's calendar",
}


def current_organization_id() -> int:
    """Return the id of the organization in scope; raises NoOrganizationScope outside one."""
    organization_id = _organization_id.get()
    if organization_id is None:
        raise NoOrganizationScope
    return organization_id


def visible_organization_id() -> int:
    """Return the id of the organization in scope, inside its transaction.

    Raises NoOrganizationScope outside either: without the transaction's setting, row-level security
    would answer every query with nothing.
    """
    organization_id = current_organization_id()
    if _transaction_of.get() != organization_id:
        raise NoOrganizationScope(reason="outside organization_transaction")
    return organization_id


def organization_in_queries() -> object:
    """Return what rows are filtered by: the id as `visible_organization_id` tells it, or what stands for it."""
    return visible_organization_id() if (stand_in := _stand_in.get()) is None else stand_in


@contextmanager
def written_for_all(stand_in: object) -> Iterator[None]:
    """Filter the queries made inside by what stands for whichever organization asks them."""
    token = _stand_in.set(stand_in)
    try:
        yield
    finally:
        _stand_in.reset(token)


def organization_id_or_none() -> int | None:
    """Return the id of the organization in scope, or None outside one."""
    return _organization_id.get()


@contextmanager
def organization_scope(organization_id: int) -> Iterator[None]:
    """Name the organization for the code inside; opens no transaction."""
    token = _organization_id.set(organization_id)
    try:
        yield
    finally:
        _organization_id.reset(token)


@contextmanager
def organization_transaction(organization_id: int | None = None) -> Iterator[None]:
    """Open a transaction whose queries see the rows of the organization in scope only.

    With an id, also opens its scope. A nested call is a savepoint and writes the outer value back
    when it ends, because the setting would otherwise last until the outermost commit.
    """
    if organization_id is not None:
        with organization_scope(organization_id), organization_transaction():
            yield
        return
    inner = current_organization_id()
    outer = _setting() if connection.in_atomic_block else None
    token = _transaction_of.set(inner)
    try:
        with transaction.atomic():
            if outer != str(inner):
                _set(SETTING, str(inner))
            limit = _statement_limit.get()
            if limit is not None:
                _set("statement_timeout", f"{limit // timedelta(milliseconds=1)}ms")
            yield
            if outer is not None and outer != str(inner):
                _set(SETTING, outer)
    finally:
        _transaction_of.reset(token)


@contextmanager
def limited_statements(limit: timedelta) -> Iterator[None]:
    """End every statement of the organization's transactions inside that takes longer."""
    token = _statement_limit.set(limit)
    try:
        yield
    finally:
        _statement_limit.reset(token)


@contextmanager
def platform_transaction() -> Iterator[None]:
    """Open a transaction that sees every organization's own row, and no other row of theirs.

    For the platform site and for set-up; the caller has checked who asks.
    """
    with transaction.atomic():
        _set(PLATFORM_SETTING, "on")
        yield
        _set(PLATFORM_SETTING, "")


def due_organizations(queue: str) -> list[int]:
    """Return the ids of organizations with something due, as `everydesk_due_<queue>()` finds."""
    function = connection.ops.quote_name(f"everydesk_due_{queue}")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT organization_id FROM {function}()")  # noqa: S608  (quoted name)
        return [row[0] for row in cursor.fetchall()]


def all_organizations() -> list[int]:
    """Return the ids of all active organizations, for sweeps and invariant checks."""
    return due_organizations("all")


def memberships(user_id: int) -> list[tuple[int, int, str]]:
    """Return (organization id, staff id, organization name) of each active membership."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT organization_id, staff_id, name FROM everydesk_memberships(%s)", [user_id]
        )
        return [(row[0], row[1], row[2]) for row in cursor.fetchall()]


def _setting() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting(%s, true), '')", [SETTING])
        return str(cursor.fetchone()[0])


def _set(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
