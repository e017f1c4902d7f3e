import pytest
from django.db import OperationalError

from helpdesk import health


@pytest.fixture
def get(rf):
    return lambda: health.healthz(rf.get("/healthz"))


@pytest.mark.django_db
def test_a_healthy_process_says_so(get) -> None:
    response = get()
    assert response.status_code == 200
    assert b'"status": "ok"' in response.content


@pytest.mark.django_db
def test_without_the_broker_we_are_slower_and_not_down(get, settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = get()
    assert response.status_code == 200
    assert b'"status": "degraded"' in response.content


def test_without_the_database_we_are_down_and_say_when_to_come_back(get, monkeypatch) -> None:
    def refuse() -> None:
        raise OperationalError("away")

    monkeypatch.setattr(health.connection, "cursor", refuse)
    response = get()
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
