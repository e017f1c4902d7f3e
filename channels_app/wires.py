"""A websocket to a vendor, through the same guard as every other call."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from channels_app import egress
from channels_app.protocol import SendError

CONNECT_SECONDS = 10.0
# Some vendors never close their end, and what is held instead waits meanwhile.
CLOSE_SECONDS = 2.0
# What one frame may hold, unpacked.
MOST_FRAME_BYTES = 3 * 1024 * 1024
_UNWELCOME = frozenset({401, 403})


class WireClosed(SendError):
    """The line broke or was hung up; `closed_with` is the vendor's code, 1006 where it said nothing."""

    def __init__(self, closed_with: int) -> None:
        reason = _("The line to the vendor was closed (%(code)s).") % {"code": closed_with}
        super().__init__(reason, kind="server", retryable=True)
        self.closed_with = closed_with


class Wire:
    """An open websocket; one thread reads, any may send."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def send(self, message: str | bytes) -> None:
        """Send one message. Raises WireClosed."""
        try:
            self._connection.send(message)
        except ConnectionClosed as error:
            raise _closed(error) from error

    def receive(self, seconds: float) -> str | bytes | None:
        """Return the next message, None when none came in time. Raises WireClosed."""
        try:
            return self._connection.recv(timeout=seconds)
        except TimeoutError:
            return None
        except ConnectionClosed as error:
            raise _closed(error) from error

    def close(self, code: int) -> None:
        """Hang up with a code, where the vendor minds with which; twice is once."""
        self._connection.close(code)


@contextmanager
def open_wire(url: str, *, headers: Mapping[str, str] | None = None) -> Iterator[Wire]:
    """Give an open websocket to a ws or wss address. Raises SendError where none can be had."""
    host, line = _dialled(url)
    is_secure = urlsplit(url).scheme == "wss"
    with closing(line), ExitStack() as stack:
        try:
            connection = stack.enter_context(
                connect(
                    url,
                    sock=line,
                    ssl=egress.tls() if is_secure else None,
                    server_hostname=host if is_secure else None,
                    additional_headers=dict(headers or {}),
                    open_timeout=CONNECT_SECONDS,
                    close_timeout=CLOSE_SECONDS,
                    max_size=MOST_FRAME_BYTES,
                    user_agent_header="Everydesk",
                    proxy=None,
                )
            )
        except InvalidStatus as error:
            raise _unwelcome(error.response.status_code) from error
        except (OSError, WebSocketException) as error:
            raise _unreachable(error) from error
        yield Wire(connection)


def _dialled(url: str) -> tuple[str, socket.socket]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
        if parts.scheme not in {"ws", "wss"} or not host:
            raise ValueError("neither ws nor wss")
        return host, egress.connect(host, port, CONNECT_SECONDS)
    except ValueError as error:
        raise SendError(_("The address for the line is unusable."), kind="undeliverable") from error
    except OSError as error:
        raise _unreachable(error) from error


def _unwelcome(status: int) -> SendError:
    reason = _("The other system answered with %(status)s.") % {"status": status}
    is_refused = status in _UNWELCOME
    return SendError(reason, kind="auth" if is_refused else "server", retryable=not is_refused)


def _unreachable(error: Exception) -> SendError:
    is_refused = isinstance(error, egress.AddressRefused | ssl.SSLCertVerificationError)
    return SendError(str(egress.trouble(error)), kind="server", retryable=not is_refused)


def _closed(error: ConnectionClosed) -> WireClosed:
    return WireClosed(error.rcvd.code if error.rcvd is not None else 1006)
