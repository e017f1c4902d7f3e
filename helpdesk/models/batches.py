"""Rows changed together: one statement for all of them instead of one for each."""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Field

from helpdesk.models.base import OrganizationModel
from helpdesk.tenancy import visible_organization_id


def update_each(rows: Sequence[OrganizationModel], *names: str) -> None:
    """Store the named fields of each row, in one statement; rows of one model, each of them once."""
    if not rows:
        return
    meta = rows[0]._meta
    known = {field.name: field for field in meta.concrete_fields}
    fields = [meta.pk, *(known[name] for name in names)]
    columns = [connection.ops.quote_name(str(field.column)) for field in fields]
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
