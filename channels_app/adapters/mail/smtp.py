"""Mails leave by SMTP: one connection and one transaction for each, every step bounded in time."""

import re
import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal, NoReturn
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from channels_app import egress
from channels_app.adapters.mail.composing import Envelope
from channels_app.protocol import ChannelConfig, SendError, SendResult

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 20.0
ANSWER_SECONDS = 60.0
WHOLE_SECONDS = 120.0
LONGEST_REASON = 250
_Kind = Literal["auth", "rate", "blocked", "undeliverable", "server"]
_SLOW_DOWN = {421, 450, 451, 452}
_AUTH = {530, 534, 535, 538}
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
# By policy, not because of the address (RFC 3463).
_POLICY = re.compile(rb"5\.7\.\d+")


class _Pinned(smtplib.SMTP):
    """Connects to the address that was checked; TLS still verifies the name that was asked for."""

    # A second handle on the connection, which can be hung up while the first one waits.
    line: socket.socket | None = None

    # smtplib's own hook, which its annotations do not have.
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = egress.connect(host, port, CONNECT_SECONDS)
        connection.settimeout(timeout)
        self.line = connection.dup()
        return connection

    def hang_up(self) -> None:
        with suppress(OSError):
            if self.line is not None:
                self.line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        super().close()
        if self.line is not None:
            self.line.close()


class _PinnedTls(smtplib.SMTP_SSL, _Pinned):
    """SMTP_SSL asks its next class for the socket that it wraps: the pinned one."""


def send(letter: Envelope, config: ChannelConfig) -> SendResult:
    """Hand one mail to the server, for all its recipients at once. Raises SendError."""
    data = letter.mail.as_bytes()
    with _session(config) as server:
        refused = _envelope(server, letter, len(data))
        _data(server, data)
    warning = ""
    if refused:
        warning = _("Not accepted for: %s") % "; ".join(
            f"{address} ({_words(answer)})" for address, (_code, answer) in refused.items()
        )
    return SendResult(status="sent", provider_ids=(letter.mail_id,), warning=warning[:500])


def test(config: ChannelConfig) -> None:
    """Sign in and leave. Raises SendError."""
    with _session(config) as server:
        _expect(server.docmd("NOOP"))


@contextmanager
def _session(config: ChannelConfig) -> Iterator[smtplib.SMTP]:
    """Give a connection that has signed in; whatever goes wrong before the last dot may be tried again."""
    server = _server(config)
    # Whoever drips answers byte by byte passes every timeout but this one.
    watch = threading.Timer(WHOLE_SECONDS, server.hang_up)
    watch.daemon = True
    watch.start()
    try:
        with _translated():
            _connect(server, config)
            _sign_in(server, config)
            yield server
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
    finally:
        watch.cancel()
        server.close()


def _server(config: ChannelConfig) -> _Pinned:
    name = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    if config.settings.get("smtp_security") == "tls":
        return _PinnedTls(local_hostname=name, timeout=COMMAND_SECONDS, context=egress.tls())
    return _Pinned(local_hostname=name, timeout=COMMAND_SECONDS)


def _connect(server: _Pinned, config: ChannelConfig) -> None:
    host, port = str(config.settings.get("smtp_host") or ""), config.settings.get("smtp_port")
    if not host:
        raise SendError(_("There is no server for mails that leave."), kind="auth")
    # What TLS verifies; the constructor would set it, and connect before anybody watches.
    server._host = host  # type: ignore[attr-defined]  # not in its annotations
    code, answer = server.connect(host, int(str(port or 465)))
    if code != 220:
        words = f"{code} {_words(answer)}".strip()
        raise SendError(words, kind="blocked" if code >= 500 else "rate", retryable=code < 500)


def _sign_in(server: smtplib.SMTP, config: ChannelConfig) -> None:
    server.ehlo_or_helo_if_needed()
    if config.settings.get("smtp_security") == "starttls":
        server.starttls(context=egress.tls())
        server.ehlo_or_helo_if_needed()
    password = config.named_secrets.get("smtp_password", "")
    user = str(config.settings.get("smtp_user") or "")
    if not (user or password):
        return
    try:
        server.login(user or str(config.settings.get("address") or ""), password)
    except smtplib.SMTPResponseException as error:
        temporary = 400 <= error.smtp_code < 500
        raise SendError(_login_failed(error), kind="auth", retryable=temporary) from error
    except (smtplib.SMTPNotSupportedError, UnicodeError) as error:
        raise SendError(
            _("The server offers no way to sign in with a password."), kind="auth"
        ) from error


def _envelope(server: smtplib.SMTP, letter: Envelope, size: int) -> dict[str, tuple[int, bytes]]:
    """Name sender and recipients; returns who was refused while others were not."""
    options = []
    if server.has_extn("size"):
        limit = server.esmtp_features.get("size", "")
        if limit.isdecimal() and 0 < int(limit) < size:
            raise SendError(_("The mail is larger than the server takes."), kind="undeliverable")
        options.append(f"size={size}")
    if letter.needs_utf8:
        if not server.has_extn("smtputf8"):
            reason = _("The server cannot send to addresses with such characters before the @.")
            raise SendError(reason, kind="undeliverable")
        options.append("SMTPUTF8")
    _expect(server.mail(letter.sender, options))
    refused = {}
    for address in letter.recipients:
        code, answer = server.rcpt(address)
        if code == 421 or not 200 <= code < 600:
            _refuse(code, answer)
        if code // 100 != 2:
            refused[address] = (code, answer)
    if refused.keys() >= set(letter.to):
        # Whoever gets a copy has it too early when the one it is written to has not. One of those who
        # may be accepted later decides.
        _refuse_recipient(*min(refused[address] for address in letter.to))
    return refused


def _data(server: smtplib.SMTP, data: bytes) -> None:
    code, answer = server.docmd("DATA")
    if code != 354:
        _refuse(code, answer)
    body = data if data.endswith(b"\r\n") else data + b"\r\n"
    server.send(_LEADING_DOT.sub(b"..", body) + b".\r\n")
    # From here on it may have been taken, whatever we hear or do not hear.
    try:
        if server.sock is not None:
            server.sock.settimeout(ANSWER_SECONDS)
        code, answer = server.getreply()
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        reason = _("The server did not say whether it has taken the mail.")
        raise SendError(reason, kind="server", ambiguous=True) from error
    except smtplib.SMTPResponseException as error:
        raise SendError(_words(error.smtp_error), kind="server", ambiguous=True) from error
    _expect((code, answer))


def _expect(reply: tuple[int, bytes]) -> None:
    if reply[0] // 100 != 2:
        _refuse(*reply)


def _refuse(code: int, answer: bytes) -> NoReturn:
    raise SendError(
        f"{code} {_words(answer)}".strip(),
        kind=_kind(code, answer),
        # No code at all: the line was cut.
        retryable=not 500 <= code < 600,
    )


def _refuse_recipient(code: int, answer: bytes) -> NoReturn:
    """Raise what an answer about an address means: one for now is about it too, and not about us."""
    if code >= 500:
        _refuse(code, answer)
    raise SendError(f"{code} {_words(answer)}".strip(), kind="undeliverable", retryable=True)


def _kind(code: int, answer: bytes) -> _Kind:
    if code in _AUTH:
        return "auth"
    if code in _SLOW_DOWN:
        return "rate"
    if 500 <= code < 600:
        return "blocked" if code == 554 and _POLICY.search(answer) else "undeliverable"
    return "server"


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what smtplib and sockets raise into SendError, in words for an administrator."""
    try:
        yield
    except smtplib.SMTPResponseException as error:
        answer = error.smtp_error
        _refuse(error.smtp_code, answer if isinstance(answer, bytes) else str(answer).encode())
    except smtplib.SMTPNotSupportedError as error:
        reason = _("The server offers no encryption here.")
        raise SendError(reason, kind="server", retryable=True) from error
    except (smtplib.SMTPException, OSError) as error:
        is_refused = isinstance(error, egress.AddressRefused)
        raise SendError(
            egress.trouble(error),
            kind="blocked" if is_refused else "server",
            retryable=not is_refused,
        ) from error


def _login_failed(error: smtplib.SMTPResponseException) -> str:
    said = _words(error.smtp_error)
    return _("The server did not accept user and password: %s") % f"{error.smtp_code} {said}"


def _words(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(part for part in text.split() if part.isprintable())[:LONGEST_REASON]
