"""Queries that are asked at every turn: their SQL is written once in a process, a call only brings its values.

Django takes ten times as long to write some queries as PostgreSQL takes to answer them. A builder
depends on its arguments alone, since what else it reads would stay as it was at the first call:

    @prepared
    def _running(conversation_id: Argument, now: Argument) -> QuerySet[Mention]:
        return Mention.objects.filter(conversation_id=conversation_id, access_until__gt=now)

    _running(conversation.pk, timezone.now())  # a list

Each organization asks with its own id: it is one of the values.
"""

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

from django.contrib.postgres.fields import ArrayField
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, BooleanField, Expression, F, Func, QuerySet, Value
from django.db.models.sql.compiler import SQLCompiler

from helpdesk.tenancy import visible_organization_id, written_for_all

P = ParamSpec("P")
Row = TypeVar("Row")
# What a builder may leave in its query: it is the same at every call.
CONSTANTS = (bool, int, str, type(None))


class Argument(Expression):
    """What a call brings, in the place where a builder uses it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:  # Any: Django knows plain values only
        """Return its place, and itself as what belongs there."""
        return "%s", (self,)


ORGANIZATION = Argument("organization")


class OneOf(Func):
    """Whether a column is one of many ids: the same query however many they are, `Q(OneOf("owner_id", ids))`."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("

    def __init__(self, column: str, ids: Argument | Iterable[int]) -> None:
        given = (
            Value(list(ids), ArrayField(BigIntegerField())) if isinstance(ids, Iterable) else ids
        )
        super().__init__(F(column), given, output_field=BooleanField())


class Written:
    """A query with its SQL."""

    def __init__(self, rows: QuerySet[Any, Any]) -> None:
        self._rows = rows
        self._compiler: SQLCompiler = rows.query.get_compiler(rows.db)
        self._sql, self._parameters = self._compiler.as_sql()
        for value in self._parameters:
            if not isinstance(value, (Argument, *CONSTANTS)):
                raise TypeError(f"A prepared query would keep {value!r}: make it an argument")

    def ask(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the rows; one query."""
        bound = tuple(
            values[each.name] if isinstance(each, Argument) else each for each in self._parameters
        )
        compiler = copy.copy(self._compiler)
        compiler.connection = connections[self._rows.db]
        compiler.as_sql = lambda *_given, **_context: (self._sql, bound)  # type: ignore[method-assign]
        query = copy.copy(self._rows.query)
        query.get_compiler = lambda *_given, **_context: compiler  # type: ignore[method-assign]
        rows: QuerySet[Any, Any] = QuerySet(self._rows.model, query=query, using=self._rows.db)
        rows._iterable_class = self._rows._iterable_class
        return list(rows)


def prepared(build: Callable[P, QuerySet[Any, Row]]) -> Callable[..., list[Row]]:
    """Make a builder of a query one that asks it: called with values instead of arguments, it returns the rows.

    Raises NoOrganizationScope outside an organization's transaction, TypeError at its first call for a
    query that would keep a value which is no constant, such as the time of day.
    """
    names = tuple(inspect.signature(build).parameters)

    @cache
    def written() -> Written:
        with written_for_all(ORGANIZATION):
            return Written(build(*map(Argument, names)))  # type: ignore[arg-type,call-arg]

    @wraps(build)
    def ask(*values: Any) -> list[Row]:  # Any: what the columns hold
        told = dict(zip(names, values, strict=True))
        return written().ask(told | {ORGANIZATION.name: visible_organization_id()})

    return ask
