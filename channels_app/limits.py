"""How often somebody may do something: counted in Redis for all processes, here when Redis is away."""

import ipaddress
import logging
import time
from functools import cache
from threading import Lock

import redis
from django.conf import settings

from helpdesk.errors import TooMany

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60
# In one window, for one visitor and for one address; schools and offices share an address.
MESSAGES = (60, 600)
ARRIVALS = (120, 1200)
UPLOADS = (20, 200)
ADDRESSES = (10, 100)
# Of an app: everything it asks for counts, also what is answered at once.
REQUESTS = (300, 3000)
RAISED = 1_000_000
_AWAY_SECONDS = 5.0
_MOST_LOCAL = 50_000

_local: dict[str, int] = {}
# What was used once, and until when that is remembered.
_used: dict[str, float] = {}
_lock = Lock()
_away_until = 0.0


def spend(
    what: str, limits: tuple[int, int], *, who: str, address: str, public_id: str = ""
) -> None:
    """Count one act of a visitor and of their address. Raises TooMany with the seconds to wait."""
    window = int(time.time() // WINDOW_SECONDS)
    of_visitor, of_address = limits
    if is_loopback(address) and _is_raised(public_id):
        of_visitor = of_address = RAISED
    for name, limit in ((f"who:{who}", of_visitor), (f"address:{counted(address)}", of_address)):
        if _count(f"everydesk:rate:{what}:{public_id}:{name}:{window}") > limit:
            raise TooMany(retry_after_seconds=WINDOW_SECONDS - int(time.time()) % WINDOW_SECONDS)


def is_first(key: str, seconds: int) -> bool:
    """Tell whether something is used for the first time in so many seconds, and remember that it was."""
    try:
        return bool(_ask("set", f"everydesk:once:{key}", "1", ex=seconds, nx=True))
    except redis.RedisError:
        return _is_first_here(key, seconds)


def raise_for_loopback(public_id: str, seconds: int) -> None:
    """Lift the limits of one channel for callers on this machine, for a time."""
    _client().set(_raised_key(public_id), "1", ex=seconds)


def restore(public_id: str) -> None:
    """Take `raise_for_loopback` back."""
    _client().delete(_raised_key(public_id))


def counted(address: str) -> str:
    """Return what an address counts as: who has one of IPv6 has the 2^64 addresses of its network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), 64), strict=False))


def is_loopback(address: str) -> bool:
    """Tell whether a caller is on this machine."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _raised_key(public_id: str) -> str:
    return f"everydesk:rate:raised:{public_id}"


def _is_raised(public_id: str) -> bool:
    try:
        return bool(_ask("get", _raised_key(public_id)))
    except redis.RedisError:
        return False


def _count(key: str) -> int:
    try:
        count = int(_ask("incr", key) or 0)
        if count == 1:
            _ask("expire", key, WINDOW_SECONDS * 2)
        return count
    except redis.RedisError:
        return _count_here(key)


def _count_here(key: str) -> int:
    with _lock:
        if len(_local) >= _MOST_LOCAL:
            _local.clear()
        _local[key] = _local.get(key, 0) + 1
        return _local[key]


def _is_first_here(key: str, seconds: int) -> bool:
    now = time.monotonic()
    with _lock:
        if len(_used) >= _MOST_LOCAL:
            for old in [each for each, until in _used.items() if until <= now]:
                del _used[old]
        # Rather refuse what is good than take what came before.
        if _used.get(key, 0.0) > now or len(_used) >= _MOST_LOCAL:
            return False
        _used[key] = now + seconds
        return True


def _ask(command: str, *arguments: str | int, **options: object) -> str | bytes | int | None:
    """Ask Redis; after a failure not again for some seconds, so that nobody waits for it."""
    global _away_until
    if time.monotonic() < _away_until:
        raise redis.ConnectionError("Away a moment ago")
    try:
        answer: str | bytes | int | None = getattr(_client(), command)(*arguments, **options)
    except redis.RedisError:
        _away_until = time.monotonic() + _AWAY_SECONDS
        logger.warning("Redis is away: limits are counted in this process only")
        raise
    return answer


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.2, socket_connect_timeout=0.2)
