"""The three roles that row-level security stands on, and what each may do in a database."""

from psycopg import Connection, sql

OWNER = "everydesk_owner"
APPLICATION = "everydesk_app"
DEFINER = "everydesk_definer"
DATABASE = "everydesk"

# Run by a superuser; docs/operations.md shows the same for a server of one's own.
CREATE_ROLES = """
DO $do$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['everydesk_owner', 'everydesk_app', 'everydesk_definer'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I', wanted);
    END IF;
  END LOOP;
END $do$;
ALTER ROLE everydesk_owner LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOBYPASSRLS;
ALTER ROLE everydesk_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
ALTER ROLE everydesk_definer NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS;
GRANT everydesk_definer TO everydesk_owner;
"""


def create_roles(
    connection: Connection[tuple[object, ...]], *, owner_password: str, password: str
) -> None:
    """Create or correct roles and database, as a superuser; a second time changes nothing."""
    connection.execute(CREATE_ROLES)
    for role, secret in ((OWNER, owner_password), (APPLICATION, password)):
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(
            sql.Identifier(role), sql.Literal(secret)
        )
        connection.execute(statement)
    if (
        connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        is None
    ):
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(DATABASE), sql.Identifier(OWNER)
            )
        )
        connection.execute(
            sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(
                sql.Identifier(DATABASE)
            )
        )
        connection.execute(
            sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(
                sql.Identifier(DATABASE), sql.Identifier(APPLICATION)
            )
        )
