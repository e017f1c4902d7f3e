"""The one way out: every call of a vendor or webhook leaves through `call`.

Where it may go is said by `egress`. Nothing is redirected, and nothing is unpacked: a kilobyte may hold
a gigabyte.
"""

import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore
import httpx

from channels_app import egress
from channels_app.calls import recording

MAX_REPLY_BYTES = 25 * 1024 * 1024
# Of the call that this thread makes.
_call = threading.local()
TIMEOUT = httpx.Timeout(10, connect=5, pool=5)
WHOLE_CALL_SECONDS = 60.0


class ReplyTooLarge(httpx.TransportError):
    """The reply passes the size cap; the rest was not read."""


class ReplyPacked(httpx.TransportError):
    """The reply is compressed, though we asked for one that is not; it was not read."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    content: bytes


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    content: bytes | None = None,
    max_bytes: int = MAX_REPLY_BYTES,
    timeout: httpx.Timeout = TIMEOUT,
) -> Reply:
    """Return the reply to one request, which is noted for the channel that makes it.

    Raises httpx.TransportError: before anything was sent (httpx.ConnectError, also for a refused
    address), after it (the rest), or for a reply that is compressed or above `max_bytes`.
    """
    request = _client().build_request(
        method, url, headers=headers, params=params, content=content, timeout=timeout
    )
    asked = recording.Body.of(headers or {}, content)
    with recording.noted(method, str(request.url), asked) as answers:
        reply = _called(request, max_bytes=max_bytes)
        answers.append((reply.status, recording.Body.of(reply.headers, reply.content)))
    return reply


def _called(request: httpx.Request, *, max_bytes: int) -> Reply:
    _call.deadline = deadline = time.monotonic() + WHOLE_CALL_SECONDS
    if request.url.scheme not in {"http", "https"}:
        raise httpx.UnsupportedProtocol("Only http and https leave this house", request=request)
    reply = _client().send(request, stream=True)
    try:
        return Reply(
            status=reply.status_code,
            headers={name.lower(): value for name, value in reply.headers.items()},
            content=_read_capped(reply, max_bytes=max_bytes, deadline=deadline),
        )
    finally:
        reply.close()


def _read_capped(reply: httpx.Response, *, max_bytes: int, deadline: float) -> bytes:
    encoding = reply.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity"}:
        raise ReplyPacked(f"The reply is packed: {encoding[:50]}", request=reply.request)
    parts: list[bytes] = []
    size = 0
    for part in reply.iter_raw():
        size += len(part)
        if size > max_bytes:
            raise ReplyTooLarge(f"More than {max_bytes} bytes", request=reply.request)
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("The reply drips", request=reply.request)
        parts.append(part)
    return b"".join(parts)


def was_refused(error: BaseException) -> bool:
    """Tell whether a call failed because its host is no public address and no operator allowed it."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, egress.AddressRefused):
        # The pool raises it anew, without its cause.
        cause = cause.__cause__ or cause.__context__
    return cause is not None


class _Hurried(httpcore.NetworkStream):
    """A connection on which no step waits past the end of the call it is used for."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Hurried(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:  # Any: as httpcore says
        return self._inner.get_extra_info(info)


def _left(timeout: float | None, late: type[Exception]) -> float | None:
    """Return how long a step may take; raises `late` when the call has had its time."""
    deadline: float | None = getattr(_call, "deadline", None)
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise late("The whole call took too long")
    return left if timeout is None else min(timeout, left)


class _GuardedBackend(httpcore.NetworkBackend):
    """Connects to the checked address only; TLS still verifies the name that was asked for."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            address = egress.checked_address(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return _Hurried(
            self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
        )

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("No vendor lives in a local socket")


@cache
def _client() -> httpx.Client:
    # One context and one pool for the process: making them costs 86 ms, using them 0.2 ms.
    transport = httpx.HTTPTransport()
    transport._pool = httpcore.ConnectionPool(  # httpx offers no other place for a resolver
        ssl_context=egress.tls(),
        max_connections=50,
        max_keepalive_connections=20,
        keepalive_expiry=30,
        network_backend=_GuardedBackend(),
    )
    return httpx.Client(
        transport=transport,
        timeout=TIMEOUT,
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": "Everydesk", "Accept-Encoding": "identity"},
    )
