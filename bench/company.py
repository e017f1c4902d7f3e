"""Loads a company with as many conversations as a measure needs: the demo's, multiplied in the database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.db import connections, models
from psycopg import Connection, sql

from channels_app.demo.loading import load_demo
from deploy.test_databases import owner_connection
from helpdesk.models import (
    Assignment,
    Conversation,
    Customer,
    Entry,
    Identity,
    Message,
    Organization,
    Outbox,
    Rating,
)
from helpdesk.tenancy import SETTING, all_organizations, organization_transaction

# What belongs to a conversation, parents first.
COPIED: tuple[type[models.Model], ...] = (
    Customer, Identity, Conversation, Entry, Message, Outbox, Assignment, Rating,
)  # fmt: skip
# A conversation without its history.
BARE = COPIED[:3]
# Nobody holds a copy: finished ones and those that wait in a queue multiply.
STATES = "('resolved', 'closed', 'queued')"
# Further apart than any id of the demo.
STRIDE = 100_000


def prepare_small() -> int:
    """Migrate and load the demo companies; return the id of the larger one."""
    call_command("migrate", database="owner", interactive=False, verbosity=0)
    load_demo()
    return main_organization()


def main_organization() -> int:
    for organization_id in all_organizations():
        with organization_transaction(organization_id):
            if Organization.objects.get().slug == "heguang":
                return organization_id
    raise LookupError("the demo company")


def grow(organization_id: int, *, to: int, kinds: Sequence[type[models.Model]] = COPIED) -> int:
    """Multiply the company's conversations, and of what belongs to them these kinds, until there are `to`.

    Returns how many there are.
    """
    with owner_connection(str(connections["owner"].settings_dict["NAME"])) as owner:
        owner.execute("SELECT set_config(%s, %s, false)", [SETTING, str(organization_id)])
        have = _count(owner, organization_id)
        original, highest = _original(owner, organization_id)
        copies = max(0, -(-(to - have) // original))
        if copies:
            owner.execute("SET synchronous_commit = off")
            for model in kinds:
                owner.execute(_copy(model), [highest, highest + copies - 1, organization_id])
            for model in kinds:
                _move_sequence(owner, model)
            owner.execute("VACUUM ANALYZE")
        return _count(owner, organization_id)


def _count(owner: "Connection[Any]", organization_id: int) -> int:
    row = owner.execute(
        "SELECT count(*) FROM helpdesk_conversation WHERE organization_id = %s", [organization_id]
    ).fetchone()
    return int(row[0]) if row else 0


def _original(owner: "Connection[Any]", organization_id: int) -> tuple[int, int]:
    """Return how many conversations one copy has, and the number of the next copy."""
    row = owner.execute(
        f"SELECT count(*) FILTER (WHERE id < {STRIDE} AND state IN {STATES}), max(id) / {STRIDE} + 1"
        " FROM helpdesk_conversation WHERE organization_id = %s",
        [organization_id],
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _copy(model: type[models.Model]) -> sql.Composed:
    """Return the statement that adds copy after copy of the demo's rows."""
    columns, values = [], []
    for field in model._meta.concrete_fields:
        if field.generated:
            continue
        columns.append(sql.Identifier(str(field.column)))
        values.append(sql.SQL(_value(field)))
    return sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {values} FROM {table} AS t, generate_series(%s::int, %s::int) AS k"
        " WHERE t.organization_id = %s AND {which}"
    ).format(
        table=sql.Identifier(model._meta.db_table),
        columns=sql.SQL(", ").join(columns),
        values=sql.SQL(", ").join(values),
        which=sql.SQL(_which(model)),
    )


def _value(field: "models.Field[Any, Any]") -> str:
    column = f't."{field.column}"'
    if field.related_model in COPIED or (field.primary_key and field.related_model is None):
        return f"{column} + k * {STRIDE}"
    if isinstance(field, models.UUIDField):
        return "gen_random_uuid()"
    if field.column == "external_id":
        return f"CASE WHEN {column} = '' THEN '' ELSE {column} || '-' || k END"
    return column


def _which(model: type[models.Model]) -> str:
    if model in {Customer, Identity}:
        return f"t.id < {STRIDE}"
    if model is Conversation:
        return f"t.id < {STRIDE} AND t.state IN {STATES}"
    return (
        f"t.conversation_id < {STRIDE} AND EXISTS (SELECT 1 FROM helpdesk_conversation c"
        f" WHERE c.id = t.conversation_id AND c.state IN {STATES})"
    )


def _move_sequence(owner: "Connection[Any]", model: type[models.Model]) -> None:
    """Let the next row that is made come after the copies."""
    key = model._meta.pk
    if key is None or key.related_model is not None:
        return
    table = sql.Identifier(model._meta.db_table)
    owner.execute(
        sql.SQL("SELECT setval(pg_get_serial_sequence({name}, 'id'), (SELECT max(id) FROM {table}))")
        .format(name=sql.Literal(model._meta.db_table), table=table)
    )  # fmt: skip


def database_name() -> str:
    """Return the database in use."""
    return str(connections["default"].settings_dict["NAME"])


@contextmanager
def database(name: str) -> Iterator[None]:
    """Use another database of the same server for a while."""
    before = database_name()
    _use(name)
    try:
        yield
    finally:
        _use(before)


def copy_database(name: str) -> None:
    """Make a database that equals the one in use."""
    source = database_name()
    _use(source)
    with owner_connection("postgres") as server:
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(source)
            )
        )


def _use(name: str) -> None:
    for alias in ("default", "owner"):
        connections[alias].close()
        close_pool = getattr(connections[alias], "close_pool", None)
        if close_pool:
            close_pool()
        connections[alias].settings_dict["NAME"] = name
