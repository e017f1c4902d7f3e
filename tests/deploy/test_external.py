"""A database server of one's own: what it lacks is said in words an administrator can act on."""

import pytest
from django.db import OperationalError, connections

from deploy.role_check import role_problems

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def test_a_server_with_the_three_roles_lacks_nothing() -> None:
    assert role_problems() == []


def test_a_missing_definer_role_is_named_with_the_statement_that_makes_it(settings) -> None:
    settings.DATABASE_DEFINER_ROLE = "nobody_made_it"
    assert role_problems() == [
        "CREATE ROLE nobody_made_it NOLOGIN BYPASSRLS (as a superuser) is missing."
    ]


def test_one_role_for_everything_is_refused(settings) -> None:
    settings.DATABASE_APPLICATION_ROLE = settings.DATABASES["owner"]["USER"]
    assert "must name another role" in role_problems()[0]


def test_a_role_that_sees_all_rows_is_refused(settings) -> None:
    settings.DATABASE_APPLICATION_ROLE = settings.DATABASE_DEFINER_ROLE
    problems = role_problems()
    assert any("NOSUPERUSER NOBYPASSRLS" in problem for problem in problems)


def test_a_server_that_does_not_answer_is_told_by_its_variable(monkeypatch) -> None:
    def refuse() -> None:
        raise OperationalError("nobody there")

    monkeypatch.setattr(connections["owner"], "ensure_connection", refuse)
    assert role_problems() == ["DATABASE_OWNER_URL: no connection: nobody there"]
