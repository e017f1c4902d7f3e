"""Tasks run in threads, which nobody can end: their statements end by themselves."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from helpdesk import celery
from tests.factories import World


@pytest.fixture
def sleeper(world: World) -> Iterator[Any]:
    """A task that asks the database to take its time."""

    @celery.app.task(name="tests.sleep")
    def sleep(seconds: float) -> None:
        with world.transaction(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(%s)", [seconds])

    yield sleep
    celery.app.tasks.unregister("tests.sleep")


def test_a_statement_that_takes_too_long_ends(
    sleeper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celery, "STATEMENT_LIMIT", timedelta(milliseconds=100))
    assert sleeper(0) is None
    with pytest.raises(OperationalError, match="statement timeout"):
        sleeper(30)


def test_the_limit_ends_with_the_task(world: World, sleeper: Any) -> None:
    sleeper(0)
    with world.transaction(), connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
