"""What no screen shows or does: rows of an installation, and its database away."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from deploy.credentials import database_passwords
from deploy.postgres import SUPERUSER
from deploy.roles import APPLICATION
from tests.deploy.stack import Stack


def change_rows(installation: Stack, statement: str, values: list[Any]) -> None:
    """Change what no screen can: as the owner, in every organization of the demo."""
    services = json.loads((installation.home / "services.json").read_text())
    with psycopg.connect(services["DATABASE_OWNER_URL"], autocommit=True) as connection:
        for organization_id in ("1", "2"):
            setting = "SELECT set_config('everydesk.organization_id', %s, false)"
            connection.execute(setting, [organization_id])
            connection.execute(statement.encode(), values)


def rows_of(installation: Stack, statement: str, values: list[Any]) -> list[Any]:
    """Return what no screen shows, as the owner sees it in the demo's first organization."""
    services = json.loads((installation.home / "services.json").read_text())
    with psycopg.connect(services["DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute("SELECT set_config('everydesk.organization_id', '1', false)")
        return connection.execute(statement.encode(), values).fetchall()


@contextmanager
def database_away(installation: Stack) -> Iterator[None]:
    """Let nobody reach the database for a while."""
    folder = json.loads((installation.home / "services.json").read_text())["socket_folder"]
    password = database_passwords(installation.home)["SUPERUSER_PASSWORD"]
    with psycopg.connect(
        host=folder, dbname="postgres", user=SUPERUSER, password=password, autocommit=True
    ) as server:
        server.execute(f"ALTER ROLE {APPLICATION} NOLOGIN")
        try:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
                [APPLICATION],
            )
            yield
        finally:
            server.execute(f"ALTER ROLE {APPLICATION} LOGIN")
