"""Counts how often something was done in a minute: in Redis, or in this process while Redis is away."""

import time
from collections import Counter
from functools import lru_cache

import redis
from django.conf import settings

WINDOW_SECONDS = 60
# A hint that does not come at once is given up; then Redis is left alone for a while.
TIMEOUT_SECONDS = 0.2
PAUSE_SECONDS = 5.0

_local: Counter[str] = Counter()
_redis_paused_until = 0.0


def window_key(what: str, organization_id: int, who: int) -> str:
    """Return the key under which this is counted now."""
    window = int(time.time()) // WINDOW_SECONDS
    return f"everydesk:{organization_id}:{what}:{who}:{window}"


def seconds_left() -> float:
    """Return the seconds until the next window begins."""
    return WINDOW_SECONDS - time.time() % WINDOW_SECONDS


def count(key: str) -> int:
    """Return how often this key was counted, this time included."""
    global _redis_paused_until
    if time.monotonic() >= _redis_paused_until:
        try:
            with _broker().pipeline() as pipeline:
                pipeline.incr(key)
                pipeline.expire(key, 2 * WINDOW_SECONDS)
                return int(pipeline.execute()[0])
        except redis.RedisError:
            _redis_paused_until = time.monotonic() + PAUSE_SECONDS
    return _count_here(key)


def _count_here(key: str) -> int:
    window = key.rpartition(":")[2]
    for old in [name for name in _local if name.rpartition(":")[2] != window]:
        del _local[old]
    _local[key] += 1
    return _local[key]


@lru_cache(maxsize=1)
def _broker() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
    )
