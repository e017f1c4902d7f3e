"""Row-level security and composite keys as migration operations; frozen once released.

Change nothing here that an existing migration uses: add a new operation instead.
"""

from typing import Any

from django.conf import settings
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

_SCOPE = "nullif(current_setting('everydesk.organization_id', true), '')::bigint"


class _SQL(Operation):
    """An operation that runs statements made from the state it is applied to."""

    reversible = True
    reduces_to_sql = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing in Django's picture of the models."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for statement in self.statements(app_label, to_state):
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for statement in self.undoing(app_label, from_state):
            schema_editor.execute(statement, params=None)

    def statements(self, app_label: str, state: ProjectState) -> list[str]:
        raise NotImplementedError

    def undoing(self, app_label: str, state: ProjectState) -> list[str]:
        return []


class GrantApplicationRole(_SQL):
    """Let the application role use, and the definer role read, what the owner has made and will make."""

    def statements(self, app_label: str, state: ProjectState) -> list[str]:
        application, definer = settings.DATABASE_APPLICATION_ROLE, settings.DATABASE_DEFINER_ROLE
        rows = "SELECT, INSERT, UPDATE, DELETE ON"
        return [
            f'GRANT USAGE ON SCHEMA public TO "{application}", "{definer}"',
            f'GRANT {rows} ALL TABLES IN SCHEMA public TO "{application}"',
            f'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO "{application}"',
            f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{definer}"',
            f'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rows} TABLES TO "{application}"',
            f'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO "{application}"',
            f'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO "{definer}"',
        ]

    def describe(self) -> str:
        return "Grant the application role its rights"


class IsolateOrganization(_SQL):
    """Show an organization its own row, and the platform every organization's row."""

    def statements(self, app_label: str, state: ProjectState) -> list[str]:
        rule = f"id = {_SCOPE} OR current_setting('everydesk.platform', true) = 'on'"
        return [
            "ALTER TABLE helpdesk_organization ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE helpdesk_organization FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY organization ON helpdesk_organization USING ({rule}) WITH CHECK ({rule})",
        ]

    def undoing(self, app_label: str, state: ProjectState) -> list[str]:
        return [
            "DROP POLICY organization ON helpdesk_organization",
            "ALTER TABLE helpdesk_organization NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE helpdesk_organization DISABLE ROW LEVEL SECURITY",
        ]

    def describe(self) -> str:
        return "Isolate organizations"


class IsolateTables(_SQL):
    """Give each table a forced policy, and a unique key that other tables can refer to within the organization."""

    def __init__(self, models: list[str]) -> None:
        self.models = models

    def statements(self, app_label: str, state: ProjectState) -> list[str]:
        statements = []
        for name in self.models:
            meta = state.apps.get_model(app_label, name)._meta
            table, key = meta.db_table, _primary_key(meta)
            statements += [
                f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
                f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
                f'CREATE POLICY organization ON "{table}" USING (organization_id = {_SCOPE}) '
                f"WITH CHECK (organization_id = {_SCOPE})",
                f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_organization_key" UNIQUE (organization_id, "{key}")',
            ]
        return statements

    def undoing(self, app_label: str, state: ProjectState) -> list[str]:
        statements = []
        for name in reversed(self.models):
            table = state.apps.get_model(app_label, name)._meta.db_table
            statements += [
                f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_organization_key" CASCADE',
                f'DROP POLICY organization ON "{table}"',
                f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY',
                f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY',
            ]
        return statements

    def describe(self) -> str:
        return f"Isolate {', '.join(self.models)}"


class ComposeForeignKeys(_SQL):
    """Add the constraints (organization_id, column) -> (organization_id, key) of the models' own foreign keys.

    `fields` limits it to some, for a column that is added later.
    """

    def __init__(self, models: list[str], fields: list[str] | None = None) -> None:
        self.models = models
        self.fields = fields

    def statements(self, app_label: str, state: ProjectState) -> list[str]:
        return [
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" FOREIGN KEY (organization_id, "{column}") '
            f'REFERENCES "{target}" (organization_id, "{key}") DEFERRABLE INITIALLY DEFERRED'
            for table, column, target, key, name in self._keys(app_label, state)
        ]

    def undoing(self, app_label: str, state: ProjectState) -> list[str]:
        keys = reversed(self._keys(app_label, state))
        return [f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"' for table, _, _, _, name in keys]

    def _keys(self, app_label: str, state: ProjectState) -> list[tuple[str, str, str, str, str]]:
        found = []
        for model in self.models:
            meta = state.apps.get_model(app_label, model)._meta
            for field in meta.local_fields:
                if not field.remote_field or getattr(field, "db_constraint", True):
                    continue
                if self.fields is not None and field.name not in self.fields:
                    continue
                target = field.remote_field.model._meta
                name = f"{meta.db_table}_{field.column}_fk"[:63]
                found.append(
                    (meta.db_table, field.column, target.db_table, _primary_key(target), name)
                )
        return found

    def describe(self) -> str:
        return f"Keep the foreign keys of {', '.join(self.models)} within the organization"


class InsertOnly(_SQL):
    """Take from the application role the right to change or delete rows of a table."""

    def __init__(self, models: list[str]) -> None:
        self.models = models

    def statements(self, app_label: str, state: ProjectState) -> list[str]:
        return [self._statement("REVOKE", "FROM", app_label, name, state) for name in self.models]

    def undoing(self, app_label: str, state: ProjectState) -> list[str]:
        return [self._statement("GRANT", "TO", app_label, name, state) for name in self.models]

    def _statement(
        self, verb: str, preposition: str, app_label: str, name: str, state: ProjectState
    ) -> str:
        table = state.apps.get_model(app_label, name)._meta.db_table
        return f'{verb} UPDATE, DELETE ON "{table}" {preposition} "{settings.DATABASE_APPLICATION_ROLE}"'

    def describe(self) -> str:
        return f"Make {', '.join(self.models)} insert-only"


class DefinerFunction(_SQL):
    """Create a function that sees all organizations, owned by the definer role, with a fixed search path.

    `body` is one SQL query that filters for itself; it answers with what `returns` says.
    """

    def __init__(self, signature: str, returns: str, body: str) -> None:
        self.signature = signature
        self.returns = returns
        self.body = body

    def statements(self, app_label: str, state: ProjectState) -> list[str]:
        application, definer = settings.DATABASE_APPLICATION_ROLE, settings.DATABASE_DEFINER_ROLE
        return [
            f"CREATE OR REPLACE FUNCTION {self.signature} RETURNS {self.returns} LANGUAGE sql STABLE "
            f"SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $body${self.body}$body$",
            f"REVOKE ALL ON FUNCTION {self.signature} FROM PUBLIC",
            f'GRANT EXECUTE ON FUNCTION {self.signature} TO "{application}"',
            f'GRANT CREATE ON SCHEMA public TO "{definer}"',
            f'ALTER FUNCTION {self.signature} OWNER TO "{definer}"',
            f'REVOKE CREATE ON SCHEMA public FROM "{definer}"',
        ]

    def undoing(self, app_label: str, state: ProjectState) -> list[str]:
        return [f"DROP FUNCTION {self.signature}"]

    def describe(self) -> str:
        return f"Create {self.signature}"


class DefinerProcedure(DefinerFunction):
    """Create a `DefinerFunction` in PL/pgSQL; `settings` hold while it runs, as `jit = off`."""

    def __init__(self, signature: str, returns: str, body: str, settings: list[str]) -> None:
        super().__init__(signature, returns, body)
        self.settings = settings

    def statements(self, app_label: str, state: ProjectState) -> list[str]:
        created, *rights = super().statements(app_label, state)
        created = created.replace("LANGUAGE sql", "LANGUAGE plpgsql", 1)
        kept = "".join(f" SET {each}" for each in self.settings)
        return [created.replace(" AS $body$", f"{kept} AS $body$", 1), *rights]


class PureFunction(_SQL):
    """Create a function of its arguments alone, in PL/pgSQL, so that an index may be made of it."""

    def __init__(self, signature: str, returns: str, body: str) -> None:
        self.signature = signature
        self.returns = returns
        self.body = body

    def statements(self, app_label: str, state: ProjectState) -> list[str]:
        return [
            f"CREATE FUNCTION {self.signature} RETURNS {self.returns} LANGUAGE plpgsql IMMUTABLE "
            f"PARALLEL SAFE AS $body${self.body}$body$"
        ]

    def undoing(self, app_label: str, state: ProjectState) -> list[str]:
        return [f"DROP FUNCTION {self.signature}"]

    def describe(self) -> str:
        return f"Create {self.signature}"


class DueQueue(DefinerFunction):
    """Create `everydesk_due_<name>()`: the ids of the organizations for which `query` finds something due."""

    def __init__(self, name: str, query: str) -> None:
        self.name = name
        self.query = query
        super().__init__(f"everydesk_due_{name}()", "TABLE (organization_id bigint)", query)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (self.__class__.__qualname__, [self.name, self.query], {})


class InEachOrganization(_SQL):
    """Run a statement that changes rows once in the scope of each organization."""

    def __init__(self, statement: str) -> None:
        self.statement = statement

    def statements(self, app_label: str, state: ProjectState) -> list[str]:
        return [
            "DO $each$ DECLARE one bigint; BEGIN "  # noqa: S608  (of a migration)
            "PERFORM set_config('everydesk.platform', 'on', true); "
            "FOR one IN SELECT id FROM helpdesk_organization ORDER BY id LOOP "
            "PERFORM set_config('everydesk.organization_id', one::text, true); "
            f"{self.statement}; END LOOP; "
            "PERFORM set_config('everydesk.organization_id', '', true); "
            "PERFORM set_config('everydesk.platform', '', true); END $each$"
        ]

    def describe(self) -> str:
        return "Change rows of each organization"


def _primary_key(meta: Any) -> str:  # Any: the options of a historical model
    return str(meta.pk.column)
