"""Names of rows of several tables, in the reader's language."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Value

from helpdesk.models.base import label_of

Table = type[Any]  # Any: a model whose rows have a name and an English name


def labels_of(wanted: Mapping[Table, Collection[int]]) -> dict[tuple[Table, int], str]:
    """Return the names of these rows, by table and id, in one query."""
    tables = [table for table, ids in wanted.items() if ids]
    if not tables:
        return {}
    parts = [
        table.objects.filter(pk__in=wanted[table])
        .order_by()
        .annotate(table=Value(number))
        .values_list("table", "pk", "name", "name_en")
        for number, table in enumerate(tables)
    ]
    rows = parts[0].union(*parts[1:], all=True)
    return {(tables[number], pk): label_of(name, name_en) for number, pk, name, name_en in rows}
