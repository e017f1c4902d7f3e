"""What a socket must pass before it is heard: where it comes from, and how fast it speaks."""

import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings


class FloodGate:
    """Counts what one socket says in each period of so many seconds; 100 frames a second by default."""

    __slots__ = ("count", "most", "period", "seconds")

    def __init__(self, most: int = 100, seconds: int = 1) -> None:
        self.most, self.seconds = most, seconds
        self.period = self.count = 0

    def is_flooded(self) -> bool:
        """Count one; tells whether there were too many in this period."""
        period = int(time.monotonic()) // self.seconds
        if period != self.period:
            self.period, self.count = period, 0
        self.count += 1
        return self.count > self.most


def origin_of(scope: dict[str, Any]) -> str | None:
    """Return the origin that the browser names; None when it names none, or two."""
    found = [value for name, value in scope["headers"] if name == b"origin"]
    return found[0].decode("latin-1") if len(found) == 1 else None


def caller_address(scope: dict[str, Any]) -> str:
    """Return the address of the caller; behind our own proxy, the one that the proxy names last."""
    if settings.SECURE_PROXY_SSL_HEADER:
        named = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        if named:
            return str(named[-1].decode("latin-1").rpartition(",")[2].strip())
    client = scope.get("client") or ("", 0)
    return str(client[0] or "")


def is_own_origin(scope: dict[str, Any]) -> bool:
    """Tell whether a staff socket was opened by one of our own pages."""
    origin = origin_of(scope)
    if origin is None:
        return False
    if origin == settings.PUBLIC_URL:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    host = next(
        (value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), ""
    )
    # An explicit list even where ALLOWED_HOSTS is a pattern: "*" would let every page in.
    known = [
        each for each in settings.ALLOWED_HOSTS if "*" not in each and not each.startswith(".")
    ]
    is_ours = parts.hostname in known or f"[{parts.hostname}]" in known
    return parts.scheme in {"http", "https"} and parts.netloc == host and is_ours
