"""Every table of an organization is behind a policy, and every law about that is caught when it is broken."""

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connections, transaction

from helpdesk.models import OrganizationModel
from helpdesk.tenancy import GLOBAL

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

# A policy counts when it holds for every command, for everybody, and asks for the organization.
TABLES_WITHOUT_POLICY = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT (
  c.relrowsecurity AND c.relforcerowsecurity
  AND EXISTS (
    SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*'
    AND pg_get_expr(p.polqual, p.polrelid) LIKE '%everydesk.organization_id%'
    AND pg_get_expr(p.polwithcheck, p.polrelid) LIKE '%everydesk.organization_id%')
  AND NOT EXISTS (
    SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
    AND pg_get_expr(p.polqual, p.polrelid) NOT LIKE '%everydesk.organization_id%')
) ORDER BY c.relname
"""
VIEWS_THAT_ACT_FOR_THEIR_OWNER = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm')
AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
"""
# Foreign keys between two tables with policies that do not carry the organization.
PLAIN_FOREIGN_KEYS = """
SELECT k.conrelid::regclass || '.' || k.conname FROM pg_constraint k
JOIN pg_class a ON a.oid = k.conrelid JOIN pg_class b ON b.oid = k.confrelid
WHERE k.contype = 'f' AND a.relrowsecurity AND b.relrowsecurity
AND b.relname <> 'helpdesk_organization' AND NOT EXISTS (
  SELECT 1 FROM pg_attribute c
  WHERE c.attrelid = k.conrelid AND c.attnum = k.conkey[1] AND c.attname = 'organization_id')
"""
# Unique keys over all organizations: a refusal would tell that somebody else has the value. Keys over
# one id that the database itself gave out (primary keys, one-to-one columns) tell nothing; an
# organization's own short name is an address and therefore unique among all.
UNIQUE_KEYS_OVER_ALL = """
SELECT i.indexrelid::regclass::text FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE i.indisunique AND c.relrowsecurity AND c.relnamespace = 'public'::regnamespace
AND a.attname <> 'organization_id' AND NOT i.indisprimary AND c.relname <> 'helpdesk_organization'
AND NOT (i.indnkeyatts = 1 AND EXISTS (
  SELECT 1 FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conkey[2] = a.attnum))
"""
LOOSE_FUNCTIONS = """
SELECT p.proname FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND NOT (
  p.proowner = %s::regrole AND array_to_string(p.proconfig, ' ') LIKE '%%search_path=pg_catalog%%'
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE'))
"""


def ask(query, parameters=(), using="owner"):
    with connections[using].cursor() as cursor:
        cursor.execute(query, parameters or None)
        return [row[0] for row in cursor.fetchall()]


def unprotected():
    return set(ask(TABLES_WITHOUT_POLICY)) - set(GLOBAL)


@pytest.fixture
def owner():
    """Change tables as their owner; everything is rolled back."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        yield lambda statement: cursor.execute(statement)
        transaction.set_rollback(True, using="owner")


def organization_models():
    return [model for model in apps.get_models() if issubclass(model, OrganizationModel)]


def test_every_table_has_a_forced_policy_or_a_reason_to_have_none():
    assert unprotected() == set()


def test_every_table_without_a_policy_exists():
    assert set(GLOBAL) <= set(ask("SELECT relname FROM pg_class WHERE relkind = 'r'"))


def test_no_table_of_an_organization_is_declared_global():
    assert not {model._meta.db_table for model in organization_models()} & set(GLOBAL)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP POLICY organization ON helpdesk_customer",
        "ALTER TABLE helpdesk_customer DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE helpdesk_customer NO FORCE ROW LEVEL SECURITY",
        "CREATE POLICY everybody ON helpdesk_customer USING (true)",
        "ALTER POLICY organization ON helpdesk_customer WITH CHECK (true)",
    ],
)
def test_breaking_one_policy_is_noticed(owner, statement):
    assert unprotected() == set()
    owner(statement)
    assert unprotected() == {"helpdesk_customer"}


def test_a_new_table_without_a_policy_is_noticed(owner):
    owner("CREATE TABLE helpdesk_forgotten (id bigint PRIMARY KEY, organization_id bigint)")
    assert unprotected() == {"helpdesk_forgotten"}


def test_a_view_sees_what_its_reader_may_see(owner):
    assert ask(VIEWS_THAT_ACT_FOR_THEIR_OWNER) == []
    owner("CREATE VIEW everybody AS SELECT * FROM helpdesk_customer")
    assert ask(VIEWS_THAT_ACT_FOR_THEIR_OWNER) == ["everybody"]


def test_foreign_keys_stay_within_the_organization(owner):
    assert ask(PLAIN_FOREIGN_KEYS) == []
    owner(
        "ALTER TABLE helpdesk_identity ADD CONSTRAINT plain FOREIGN KEY (customer_id) "
        "REFERENCES helpdesk_customer (id)"
    )
    assert ask(PLAIN_FOREIGN_KEYS) == ["helpdesk_identity.plain"]


def test_every_relation_between_organization_tables_is_a_constraint_of_the_database():
    composite = {
        tuple(name.split(" "))
        for name in ask(
            "SELECT c.relname || ' ' || a.attname FROM pg_constraint k "
            "JOIN pg_class c ON c.oid = k.conrelid "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[2] "
            "WHERE k.contype = 'f' AND array_length(k.conkey, 1) = 2"
        )
    }
    relations = {
        (model._meta.db_table, field.column)
        for model in organization_models()
        for field in model._meta.local_concrete_fields
        if field.is_relation and issubclass(field.related_model, OrganizationModel)
    }
    assert relations - composite == set()


def test_unique_keys_start_with_the_organization(owner):
    assert ask(UNIQUE_KEYS_OVER_ALL) == []
    owner("CREATE UNIQUE INDEX telling ON helpdesk_customer (email, id)")
    assert ask(UNIQUE_KEYS_OVER_ALL) == ["telling"]


def test_functions_that_see_everything_are_bound():
    assert ask(LOOSE_FUNCTIONS, [settings.DATABASE_DEFINER_ROLE]) == []


def test_the_application_role_is_bound_by_the_policies():
    assert ask("SELECT current_user", using="default") == [settings.DATABASE_APPLICATION_ROLE]
    powers = "rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole"
    assert ask(f"SELECT {powers} FROM pg_roles WHERE rolname = current_user", using="default") == [
        False
    ]
    owned = "SELECT relname FROM pg_class WHERE relowner = current_user::regrole"
    assert ask(owned, using="default") == []


@pytest.mark.parametrize(
    "table", ["helpdesk_auditentry", "helpdesk_auditseal", "helpdesk_platformauditentry"]
)
@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE"])
def test_the_audit_trail_is_insert_only(table, right):
    assert ask("SELECT has_table_privilege(%s, %s)", [table, right], using="default") == [False]
