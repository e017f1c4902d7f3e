"""Says whether this process can serve: asked by supervisors and load balancers, not by people."""

from contextlib import suppress

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

BROKER_TIMEOUT_SECONDS = 0.2


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the database does, else 503; without the broker we are only slower."""
    database, broker = database_answers(), broker_answers()
    body = {
        "status": "ok" if database and broker else "degraded" if database else "down",
        "database": "ok" if database else "down",
        "broker": "ok" if broker else "down",
    }
    response = JsonResponse(body, status=200 if database else 503)
    response["Cache-Control"] = "no-store"
    if not database:
        response["Retry-After"] = "5"
    return response


def database_answers() -> bool:
    """Return whether the database answers a query now."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        with suppress(DatabaseError):
            connection.close()
        return False
    return True


def broker_answers() -> bool:
    """Return whether the broker answers now."""
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=BROKER_TIMEOUT_SECONDS,
        socket_connect_timeout=BROKER_TIMEOUT_SECONDS,
    )
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
