"""Databases for tests: migrated once by the owner, copied for each worker, used as the application.

The connection `default` stays the application role: neither owner nor superuser, so row-level
security holds in every test as it does for customers.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo
from psycopg.errors import DeadlockDetected, LockNotAvailable

from deploy import fingerprints, processes
from deploy.credentials import database_passwords
from deploy.postgres import SUPERUSER

TEMPLATE = "everydesk_template"
COPY = "everydesk_test"
# Builders of templates and copies queue here; any number that nothing else uses.
LOCK = 4_711_001
# How often emptying waits, five seconds each, for what a test has left running.
ATTEMPTS = 6

# Deleting leaves dead rows behind, which are gone through every time.
TRUNCATED_EVERY = 100
_TABLES = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
_SIZES = f"{_TABLES} AND pg_relation_size(oid) > 0"
_SEQUENCES = (
    "SELECT s.oid::regclass::text FROM pg_class s JOIN pg_depend d ON d.objid = s.oid"
    " AND d.deptype IN ('a', 'i') JOIN pg_class t ON t.oid = d.refobjid WHERE s.relkind = 'S'"
    " AND t.relnamespace = 'public'::regnamespace AND NOT t.relname = ANY(%s)"
)

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
    return _connection({} if database is None else {"dbname": database})


def _superuser_connection(database: str) -> Connection[Row] | None:
    """Return one as the superuser where the database is embedded: elsewhere nobody tells us the password."""
    home = Path(os.environ["EVERYDESK_HOME"])
    host = str(connections["owner"].get_connection_params().get("host"))
    if not host.startswith("/") or not (home / "postgres.env").exists():
        return None
    password = database_passwords(home)["SUPERUSER_PASSWORD"]
    try:
        return _connection({"dbname": database, "user": SUPERUSER, "password": password})
    except psycopg.OperationalError:
        return None


def _connection(other: dict[str, str]) -> Connection[Row]:
    wanted = ("dbname", "user", "password", "host", "port", "sslmode")
    known = connections["owner"].get_connection_params()
    address = {name: known[name] for name in wanted if known.get(name)}
    return psycopg.connect(make_conninfo(**address | other), autocommit=True)


class Cleaner:
    """Empties what a test has written in transactions of its own.

    The embedded database's superuser deletes, which costs a tenth of what an owner's truncating does:
    that writes new files for every table that refers to another, empty or not.
    """

    def __init__(self) -> None:
        database = str(connections["default"].settings_dict["NAME"])
        superuser = _superuser_connection(database)
        self.may_delete = superuser is not None
        self.connection = superuser or owner_connection(database)
        if self.may_delete:
            # Neither triggers nor foreign keys: all goes, in any order.
            self.connection.execute("SET session_replication_role = replica")
        self._times = 0
        # What migrations put in stays.
        self.kept: set[str] = set()
        self.kept = self.dirty()

    def dirty(self) -> set[str]:
        """Return the tables with rows that no migration put there."""
        # Sizes show rows that policies would hide from the owner, and those that were deleted.
        query = self._rows if self.may_delete else _SIZES
        return {str(row[0]) for row in self.connection.execute(query, prepare=True)} - self.kept

    def empty(self) -> None:
        """Leave every table as the migrations did, and let ids begin anew."""
        dirty = sorted(self.dirty())
        self._times += 1
        if self.may_delete and self._times % TRUNCATED_EVERY:
            self._wait_for(sql.SQL("; ").join(self._deletions(dirty)))
        elif dirty:
            names = sql.SQL(", ").join(map(sql.Identifier, dirty))
            self._wait_for(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))

    def _deletions(self, dirty: list[str]) -> Iterator[sql.Composable]:
        yield sql.SQL("BEGIN")
        if dirty:
            # Whatever is still being written goes with the rest.
            names = sql.SQL(", ").join(map(sql.Identifier, dirty))
            yield sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(names)
        for name in dirty:
            yield sql.SQL("DELETE FROM {}").format(sql.Identifier(name))
        yield self._sequences
        yield sql.SQL("COMMIT")

    def _wait_for(self, statement: sql.Composed) -> None:
        """Wait for what a test has left running on other threads, and never for ever."""
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                self.connection.execute("SET lock_timeout = '5s'")
                self.connection.execute(statement)
                return
            except (DeadlockDetected, LockNotAvailable):
                self.connection.rollback()
                if not attempts_left:
                    raise

    @cached_property
    def _rows(self) -> sql.Composed:
        """Return the question which tables have rows."""
        tables = [str(row[0]) for row in self.connection.execute(_TABLES)]
        return sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(name, sql.Identifier(name))
            for name in tables
        )

    @cached_property
    def _sequences(self) -> sql.Composed:
        """Return the statement that lets ids begin anew."""
        found = [str(row[0]) for row in self.connection.execute(_SEQUENCES, [list(self.kept)])]
        parts = (sql.SQL("setval({}, 1, false)").format(name) for name in found)
        return sql.SQL("SELECT {}").format(sql.SQL(", ").join(parts))


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
