"""A database that is away is asked once; whoever waits is told when to come back."""

from collections.abc import Callable

import pytest
from django.db import connections
from psycopg_pool import PoolTimeout

from helpdesk.portal.middleware import StaffMiddleware
from tests.helpdesk.portal.conftest import Screen

GoAway = Callable[[], list[None]]


@pytest.fixture
def go_away(monkeypatch: pytest.MonkeyPatch) -> GoAway:
    """Return what takes the database away and counts how often it is waited for."""
    times: list[None] = []

    def wait(*args: object, **options: object) -> None:
        times.append(None)
        raise PoolTimeout

    def away() -> list[None]:
        for name in ("cursor", "connect"):
            monkeypatch.setattr(type(connections["default"]), name, wait)
        return times

    return away


@pytest.mark.parametrize("path", ["/", "/profile/", "/admin/", "/nowhere/"])
@pytest.mark.parametrize("htmx", [False, True])
def test_a_page_waits_for_it_once(screen: Screen, go_away: GoAway, path: str, htmx: bool) -> None:
    client = screen("carol", htmx=htmx)
    times = go_away()
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert answer["Cache-Control"] == "private, no-store"
    assert not answer.cookies  # nobody is signed out
    assert len(times) == 1


def test_what_is_sent_waits_for_it_once(screen: Screen, go_away: GoAway) -> None:
    client = screen("carol")
    times = go_away()
    answer = client.post("/profile/", {"language": "en"})
    assert answer.status_code == 503
    assert len(times) == 1


def test_what_loses_it_on_the_way_waits_no_more(
    screen: Screen, go_away: GoAway, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[list[None]] = []

    def lose(*args: object) -> None:
        waits.append(go_away())
        raise PoolTimeout

    client = screen("carol")
    monkeypatch.setattr(StaffMiddleware, "_respond", lose)
    answer = client.post("/profile/", {"language": "en"})
    assert answer.status_code == 503
    assert answer["Cache-Control"] == "private, no-store"
    assert waits == [[]]
