"""Rows stored or changed together: one statement for all of them instead of one for each."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import NOT_PROVIDED, Field
from django.db.models.expressions import DatabaseDefault

from helpdesk.models.base import OrganizationModel
from helpdesk.tenancy import visible_organization_id


def insert_each(rows: Sequence[OrganizationModel]) -> None:
    """Store new rows of one model in the organization in scope, in one statement; each gets its id.

    Costs a third of Django's bulk_create, which quotes every text twice. Sends no signals.
    """
    if not rows:
        return
    meta = rows[0]._meta
    for row in rows:
        row.claim()
    fields = tuple(field for field in meta.local_concrete_fields if _is_given(field, rows))
    names = [str(field.column) for field in fields]
    values = zip(*(_values(field, rows) for field in fields), strict=True)
    given = [dict(zip(names, row, strict=True)) for row in values]
    alias = connection.alias
    with connection.cursor() as cursor:
        cursor.execute(_insertion(meta.db_table, fields), [json.dumps(given, default=_plain)])
        for row, (pk,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk, row._state.adding, row._state.db = pk, False, alias


@lru_cache(maxsize=256)
def _insertion(table: str, fields: "tuple[Field[Any, Any], ...]") -> str:  # Any: as below
    columns = ", ".join(map(_quoted, fields))
    types = ", ".join(f"{_quoted(field)} {_base_type(field)}" for field in fields)
    return (  # every name in it is the model's own
        f"INSERT INTO {connection.ops.quote_name(table)} ({columns})"  # noqa: S608
        f" SELECT {columns} FROM jsonb_to_recordset(%s::jsonb) AS given ({types}) RETURNING id"
    )


def _values(
    field: "Field[Any, Any]", rows: Sequence[OrganizationModel]
) -> Iterable[Any]:  # Any: as below
    """Return what the rows hold; only few fields have something to do before they are stored."""
    if type(field).pre_save is Field.pre_save:
        return map(attrgetter(field.attname), rows)
    return [field.pre_save(row, add=True) for row in rows]


def _plain(value: object) -> str:
    """Return what JSON has no word for as the database reads it."""
    if isinstance(value, date | Decimal | UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not go into a row")


def _is_given(field: "Field[Any, Any]", rows: Sequence[OrganizationModel]) -> bool:  # Any: as below
    """Tell whether we say what is in the column, not the database."""
    if field.primary_key or field.generated:
        return False
    return field.db_default is NOT_PROVIDED or not all(
        isinstance(getattr(row, field.attname), DatabaseDefault) for row in rows
    )


def _quoted(field: "Field[Any, Any]") -> str:  # Any: as below
    return connection.ops.quote_name(str(field.column))


def update_each(rows: Sequence[OrganizationModel], *names: str) -> None:
    """Store the named fields of each row, in one statement; rows of one model, each of them once."""
    if not rows:
        return
    meta = rows[0]._meta
    known = {field.name: field for field in meta.concrete_fields}
    fields = [meta.pk, *(known[name] for name in names)]
    columns = [_quoted(field) for field in fields]
    arrays = ", ".join(f"%s::{_base_type(field)}[]" for field in fields)
    statement = (  # every name in it is the model's own
        f"UPDATE {connection.ops.quote_name(meta.db_table)} AS kept"  # noqa: S608
        f" SET {', '.join(f'{column} = given.{column}' for column in columns[1:])}"
        f" FROM unnest({arrays}) AS given ({', '.join(columns)})"
        f" WHERE kept.organization_id = %s AND kept.{columns[0]} = given.{columns[0]}"
    )
    values = [
        [field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows]
        for field in fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, visible_organization_id()])


def _base_type(field: "Field[Any, Any]") -> str:  # Any: whatever it holds
    """Return the type without its length: a cast would cut silently what the column refuses."""
    named = field.rel_db_type(connection) if field.primary_key else field.db_type(connection)
    return str(named).partition("(")[0]
