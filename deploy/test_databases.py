"""Databases for tests: migrated once by the owner, copied for each worker, used as the application.

The connection `default` stays the application role: neither owner nor superuser, so row-level
security holds in every test as it does for customers.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo
from psycopg.errors import DeadlockDetected, LockNotAvailable

from deploy import fingerprints, processes

TEMPLATE = "everydesk_template"
COPY = "everydesk_test"
# Builders of templates and copies queue here; any number that nothing else uses.
LOCK = 4_711_001
# How often emptying waits, five seconds each, for what a test has left running.
ATTEMPTS = 6

Row = tuple[object, ...]


@contextmanager
def migrated_copy(worker: str) -> Iterator[None]:
    """Connect both aliases to a fresh copy of the migrated template; remove it at the end."""
    name = f"{COPY}_{os.getpid()}_{worker}"
    with owner_connection() as server:
        server.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        _drop_leftovers(server)
        template = _template(server)
        _create(server, name, template)
        server.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        _use(name)
        try:
            yield
        finally:
            connections.close_all()
            connections["default"].close_pool()  # type: ignore[attr-defined]  # PostgreSQL has it
            _drop(server, name)


def owner_connection(database: str | None = None) -> Connection[Row]:
    """Return an autocommit connection as the owner, to its own database unless one is named."""
    wanted = ("dbname", "user", "password", "host", "port", "sslmode")
    known = connections["owner"].get_connection_params()
    address = {name: known[name] for name in wanted if known.get(name)}
    if database is not None:
        address["dbname"] = database
    return psycopg.connect(make_conninfo(**address), autocommit=True)


class Truncator:
    """Empties what a test has written in transactions of its own, as the owner may."""

    def __init__(self) -> None:
        self.connection = owner_connection(str(connections["default"].settings_dict["NAME"]))
        # What migrations put in stays. Sizes show rows that policies would hide from the owner.
        self.kept = self._tables_with_rows()

    def dirty(self) -> set[str]:
        """Return the tables with rows that no migration put there."""
        return self._tables_with_rows() - self.kept

    def empty(self) -> None:
        dirty = self.dirty()
        if dirty:
            names = sql.SQL(", ").join(sql.Identifier(name) for name in sorted(dirty))
            self._truncate(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))

    def _truncate(self, statement: sql.Composed) -> None:
        """Wait for what a test has left running on other threads, and never for ever."""
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                self.connection.execute("SET lock_timeout = '5s'")
                self.connection.execute(statement)
                return
            except (DeadlockDetected, LockNotAvailable):
                if not attempts_left:
                    raise

    def _tables_with_rows(self) -> set[str]:
        query = (
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_relation_size(oid) > 0 "
            "AND relnamespace = 'public'::regnamespace"
        )
        return {str(row[0]) for row in self.connection.execute(query)}


def _use(name: str) -> None:
    for alias in ("default", "owner"):
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name


def _template(server: "Connection[Row]") -> str:
    """Return the name of a database migrated by exactly the migrations there are."""
    name = f"{TEMPLATE}_{fingerprints.current()['migrations'][:12]}"
    found = server.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
    ).fetchone()
    if found is not None and found[0] == "complete":
        return name
    _drop(server, name)
    _create(server, name, "template1")
    before = str(connections["owner"].settings_dict["NAME"])
    _use(name)
    call_command("migrate", database="owner", interactive=False, verbosity=0)
    _use(before)
    server.execute(sql.SQL("COMMENT ON DATABASE {} IS 'complete'").format(sql.Identifier(name)))
    return name


def _create(server: "Connection[Row]", name: str, template: str) -> None:
    command = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    server.execute(command.format(sql.Identifier(name), sql.Identifier(template)))


def _drop(server: "Connection[Row]", name: str) -> None:
    """Remove a database; one that somebody still uses is left for the next run."""
    with suppress(psycopg.errors.ObjectInUse):
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _drop_leftovers(server: "Connection[Row]") -> None:
    """Remove the copies of runs that were killed, and templates of other migrations."""
    current = fingerprints.current()["migrations"][:12]
    for (name,) in server.execute("SELECT datname FROM pg_database").fetchall():
        copy = re.fullmatch(rf"{COPY}_(\d+)_\w+", str(name))
        is_left = copy is not None and not processes.is_alive(int(copy[1]))
        is_old = re.fullmatch(rf"{TEMPLATE}_\w+", str(name)) and not str(name).endswith(current)
        if is_left or is_old:
            _drop(server, str(name))
