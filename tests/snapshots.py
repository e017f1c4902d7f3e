"""The worlds that nearly every test begins with, made once and put back by the database itself."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import Connection, sql

from deploy.test_databases import Cleaner
from helpdesk.tenancy import PLATFORM_SETTING, SETTING
from tests.factories import World, make_world


@dataclass(frozen=True)
class Snapshot:
    """A world, and the statements that fill an empty database with its rows."""

    world: World
    statements: str


class Snapshots:
    """Keeps the worlds of a worker by what made them; nothing of a test gets into them."""

    def __init__(self, cleaner: Cleaner) -> None:
        self.cleaner = cleaner
        self._kept: dict[Callable[[], World], Snapshot] = {}

    def world(self, make: Callable[[], World] = make_world) -> World:
        """Return what `make` makes in an empty database; what depends on the hour does not belong there."""
        kept = self._kept.get(make)
        if kept is None:
            self.cleaner.empty()
            made = make()
            self._kept[make] = Snapshot(copy.deepcopy(made), self._statements(made))
            return made
        self.cleaner.connection.execute(kept.statements)
        return copy.deepcopy(kept.world)

    def _statements(self, made: World) -> str:
        server = self.cleaner.connection
        scope = _scope(made.organization.pk)
        with server.transaction():
            server.execute(scope)
            tables = sorted(self.cleaner.dirty())
            parts = [scope, *(_insert(server, table) for table in tables)]
            parts += [_sequence(server, table) for table in tables]
        return "BEGIN; " + "; ".join(filter(None, parts)) + "; COMMIT"


def _scope(organization_id: int) -> str:
    return (
        f"SELECT set_config('{SETTING}', '{organization_id}', true),"
        f" set_config('{PLATFORM_SETTING}', 'on', true)"
    )


def _insert(server: "Connection[tuple[object, ...]]", table: str) -> str:
    name = sql.Identifier(table)
    query = sql.SQL("SELECT json_agg(t)::text FROM {} t").format(name)
    row = server.execute(query).fetchone()
    if row is None or row[0] is None:
        return ""
    columns = sql.SQL(", ").join(map(sql.Identifier, _columns(server, table)))
    insert = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM json_populate_recordset(NULL::{}, {})")
    return insert.format(name, columns, columns, name, sql.Literal(row[0])).as_string(server)


def _columns(server: "Connection[tuple[object, ...]]", table: str) -> list[str]:
    """Return the columns that the database does not fill by itself."""
    rows = server.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped AND attgenerated = ''",
        [f"public.{table}"],
    )
    return [str(row[0]) for row in rows]


def _sequence(server: "Connection[tuple[object, ...]]", table: str) -> str:
    """Return the statement that lets the next row follow those of the snapshot."""
    found = server.execute(
        "SELECT named.sequence, s.last_value FROM (SELECT pg_get_serial_sequence(%s, column_name)"
        " AS sequence FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name = %s AND column_name = 'id') named JOIN pg_sequences s"
        " ON s.schemaname || '.' || s.sequencename = named.sequence WHERE s.last_value IS NOT NULL",
        [f"public.{table}", table],
    ).fetchone()
    return "" if found is None else f"SELECT setval('{found[0]}', {found[1]})"
