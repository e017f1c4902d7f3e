"""Row-level security means nothing unless the product connects as a role that it binds."""

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection

pytestmark = pytest.mark.django_db


def ask(query: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def test_tests_run_as_the_application_role() -> None:
    assert ask("SELECT current_user") == settings.DATABASE_APPLICATION_ROLE


def test_application_role_is_bound_by_row_level_security() -> None:
    query = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    assert ask(query) is False
    assert ask("SELECT count(*) FROM pg_tables WHERE tableowner = current_user") == 0


def test_application_role_cannot_become_owner_or_definer() -> None:
    owner, definer = settings.DATABASES["owner"]["USER"], settings.DATABASE_DEFINER_ROLE
    for role in (owner, definer):
        assert ask(f"SELECT pg_has_role(current_user, '{role}', 'MEMBER')") is False


@pytest.mark.parametrize("statement", ["CREATE TABLE x (y int)", "TRUNCATE helpdesk_user CASCADE"])
def test_application_role_cannot_make_or_truncate_tables(statement: str) -> None:
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission denied"):
        cursor.execute(statement)


def test_definer_role_cannot_sign_in() -> None:
    query = f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{settings.DATABASE_DEFINER_ROLE}'"
    assert ask(query) is False


@pytest.mark.django_db(transaction=True)
def test_what_a_transactional_test_writes_is_gone_afterwards_part_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_session VALUES ('left over', '', now())")


@pytest.mark.django_db(transaction=True)
def test_what_a_transactional_test_writes_is_gone_afterwards_part_two() -> None:
    assert ask("SELECT count(*) FROM django_session") == 0
    assert ask("SELECT count(*) > 0 FROM auth_permission") is True
