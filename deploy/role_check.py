"""Says what a database server of one's own still lacks, in words an administrator can act on."""

from django.conf import settings
from django.db import OperationalError, connections

ROLE_FACTS = "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = %s"


def role_problems() -> list[str]:
    """Return what is missing; empty when migrations can run and row-level security will hold."""
    for alias, variable in (("default", "DATABASE_URL"), ("owner", "DATABASE_OWNER_URL")):
        try:
            connections[alias].ensure_connection()
        except OperationalError as error:
            return [f"{variable}: no connection: {error}"]
    owner, application = settings.DATABASES["owner"]["USER"], settings.DATABASE_APPLICATION_ROLE
    definer = settings.DATABASE_DEFINER_ROLE
    problems = []
    if owner == application:
        problems.append("DATABASE_OWNER_URL must name another role than DATABASE_URL: the owner.")
    if _facts(application) != (False, False):
        problems.append(f"{application} must be NOSUPERUSER NOBYPASSRLS: it would see all rows.")
    if not _asks("SELECT has_schema_privilege(%s, 'public', 'CREATE')", owner):
        problems.append(f"{owner} may not create tables: ALTER DATABASE ... OWNER TO {owner}.")
    if _facts(definer) != (False, True):
        problems.append(f"CREATE ROLE {definer} NOLOGIN BYPASSRLS (as a superuser) is missing.")
    elif not _asks("SELECT pg_has_role(%s, %s, 'MEMBER')", owner, definer):
        problems.append(f"{owner} may not give functions to {definer}: GRANT {definer} TO {owner}.")
    return problems


def _facts(role: str) -> tuple[bool, bool] | None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(ROLE_FACTS, [role])
        row: tuple[bool, bool] | None = cursor.fetchone()
        return row


def _asks(query: str, *parameters: str) -> bool:
    with connections["owner"].cursor() as cursor:
        cursor.execute(query, parameters)
        return bool(cursor.fetchone()[0])
