"""Real mail servers on loopback: what tests and journeys send to and fetch from."""

import asyncio
import imaplib
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

START_SECONDS = 20.0
# Half a million rounds for every sign-in are meant for real passwords.
_PYMAP = """
from pysasl.hashing import BuiltinHash
BuiltinHash.__init__.__kwdefaults__["rounds"] = 1
from pymap.main import main
main()
"""
STOP_SECONDS = 5.0


@dataclass
class Received:
    """One mail that the server took, and what it was told about it."""

    sender: str
    recipients: list[str]
    content: bytes
    options: list[str]
    user: str


@dataclass
class SmtpServer:
    """Takes every mail, unless its script says otherwise: a command, or an address, and the answer.

    The answer "drop" cuts the line and "wait" never answers.
    """

    port: int = 0
    received: list[Received] = field(default_factory=list)
    script: dict[str, str] = field(default_factory=dict)
    password: str = ""
    connections: int = 0
    # Ends the server; begins it anew at the same port.
    stop: Callable[[], None] = lambda: None
    start: Callable[[], None] = lambda: None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let nobody listen at the port for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    async def handle_EHLO(  # noqa: N802  (the name aiosmtpd calls)
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        await self._scripted(server, "EHLO")
        return [each for each in answers if "SMTPUTF8" not in each or "SMTPUTF8" in self.script]

    async def handle_MAIL(  # noqa: N802  (the name aiosmtpd calls)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        scripted = await self._scripted(server, "MAIL")
        if scripted:
            return scripted
        envelope.mail_from = address
        envelope.mail_options = options
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  (the name aiosmtpd calls)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        scripted = await self._scripted(server, "RCPT") or await self._scripted(server, address)
        if not scripted:
            envelope.rcpt_tos.append(address)
        return scripted or "250 OK"

    async def handle_DATA(  # noqa: N802  (the name aiosmtpd calls)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = self.script.get("DATA", "250 OK")
        if answer[:1] not in "45":
            user = session.auth_data.login.decode() if session.auth_data else ""
            self.received.append(
                Received(
                    sender=(envelope.mail_from or "").strip("<>"),
                    recipients=list(envelope.rcpt_tos),
                    content=bytes(envelope.original_content or b""),
                    options=list(envelope.mail_options),
                    user=user,
                )
            )
        return await self._scripted(server, "DATA") or answer

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and data.password.decode() == self.password
        return AuthResult(success=is_right, handled=is_right, auth_data=data)

    async def _scripted(self, server: SMTP, step: str) -> str:
        answer = self.script.get(step, "")
        if answer == "drop":
            server.transport.abort()
            raise ConnectionResetError
        if answer == "wait":
            await asyncio.sleep(3600)
        return answer


@contextmanager
def smtp_server(
    *, password: str = "", certificate: Path | None = None, security: str = "tls"
) -> Iterator[SmtpServer]:
    """Run an SMTP server in a thread; with a password it wants to be signed in to.

    With a certificate it speaks TLS from the start, or offers STARTTLS if `security` says so.
    """
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    desk = SmtpServer(port=free_port(), password=password)

    def start() -> None:
        controller = _Controller(
            desk,
            hostname="127.0.0.1",
            port=desk.port,
            ready_timeout=START_SECONDS,
            ssl_context=context if security == "tls" else None,
            server_kwargs={
                "enable_SMTPUTF8": True,
                "authenticator": desk.authenticate if password else None,
                "auth_required": bool(password),
                "auth_require_tls": False,
                "tls_context": context if security == "starttls" else None,
            },
        )
        controller.start()
        desk.stop = lambda: controller.stop(no_assert=True)

    desk.start = start
    start()
    try:
        yield desk
    finally:
        desk.stop()


class _Controller(Controller):
    """Counts connections, and takes its arguments apart as the base class wants them."""

    def __init__(
        self, handler: SmtpServer, *, server_kwargs: dict[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(
            handler, **{k: v for k, v in kwargs.items() if v is not None}, **server_kwargs
        )

    def factory(self) -> SMTP:
        self.handler.connections += 1
        return super().factory()


@dataclass
class ImapServer:
    """A mailbox in a process of its own."""

    port: int
    user: str = "help@ours.example"
    password: str = "imap-pass"
    folder: str = "INBOX"

    def append(self, *mails: bytes) -> None:
        """Put mails into the mailbox, as its server would on arrival."""
        with self.client() as client:
            for mail in mails:
                answer, said = client.append(self.folder, "", "", mail)
                assert answer == "OK", said

    def create(self, folder: str = "") -> None:
        """Make a folder; one made again has another UIDVALIDITY."""
        with self.client() as client:
            assert client.create(folder or self.folder)[0] == "OK"

    def delete(self) -> None:
        with self.client() as client:
            assert client.delete(self.folder)[0] == "OK"

    @contextmanager
    def client(self) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        # A mail goes in two writes, and the second would wait for the other side's late ACK.
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            client.login(self.user, self.password)
            yield client
        finally:
            with suppress(imaplib.IMAP4.error, OSError):
                client.logout()


@contextmanager
def imap_server(*, certificate: Path | None = None) -> Iterator[ImapServer]:
    """Run an IMAP server with one empty mailbox; with a certificate it offers STARTTLS."""
    server = ImapServer(free_port())
    command = [sys.executable, "-c", _PYMAP, "--host", "127.0.0.1"]
    command += ["--port", str(server.port)]
    files = ["--cert", str(certificate), "--key", str(certificate)]
    command += files if certificate else ["--no-tls"]
    command += ["--no-service", "admin", "--no-service", "managesieve"]
    command += ["dict", "--demo-user", server.user, "--demo-password", server.password]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(server.port, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


class ScriptedImap(socketserver.ThreadingTCPServer):
    """A small IMAP server that does what good ones do not: breaks lines, lies, refuses, has no IDLE.

    `broken` says of a uid how handing it over goes wrong: "drop" cuts the line, "huge" announces a
    literal that never comes, "no" refuses, "no body" refuses unless only the head is asked for,
    "drop body" cuts the line unless only the head is asked for. `untold` says of a uid how asking
    about it goes wrong: "no" refuses, "left out" says nothing of it. `chatter` is what the server
    says before it answers a command, again and again, so many times and with such pauses.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ScriptedSession)
        self.mails: dict[int, bytes] = {}
        self.broken: dict[int, str] = {}
        self.untold: dict[int, str] = {}
        self.chatter: tuple[bytes, int, float] = (b"", 0, 0.0)
        self.commands: list[str] = []
        self.quotes_bodies = False
        self.uid_after_body = False

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _ScriptedSession(socketserver.StreamRequestHandler):
    server: ScriptedImap

    def handle(self) -> None:
        self._say("* OK ready")
        with suppress(OSError, _Cut):
            while line := self.rfile.readline():
                tag, _space, rest = line.decode().strip().partition(" ")
                self.server.commands.append(rest)
                self._answer(tag, rest)

    def _answer(self, tag: str, command: str) -> None:
        word, _space, rest = command.partition(" ")
        if word == "UID":
            word, _space, rest = rest.partition(" ")
        answer = "OK done"
        said, times, pause_seconds = self.server.chatter
        for _time in range(times):
            self.wfile.write(said)
            threading.Event().wait(pause_seconds)
        if word == "CAPABILITY":
            self._say("* CAPABILITY IMAP4rev1")
        elif word == "STATUS":
            last = max(self.server.mails, default=0)
            count = len(self.server.mails)
            self._say(f'* STATUS "INBOX" (MESSAGES {count} UIDNEXT {last + 1} UIDVALIDITY 1)')
        elif word == "SEARCH":
            self._say("* SEARCH " + " ".join(map(str, self._chosen(rest.split(" ")[1]))))
        elif word == "FETCH":
            answer = self._fetch(*rest.split(" ", 1))
        elif word == "LOGOUT":
            self._say("* BYE")
        self._say(f"{tag} {answer}")

    def _chosen(self, wanted: str) -> list[int]:
        if ":" in wanted:
            first, last = wanted.split(":")
            end = max(self.server.mails, default=0) if last == "*" else int(last)
            return [uid for uid in sorted(self.server.mails) if int(first) <= uid <= end]
        return [uid for uid in map(int, wanted.split(",")) if uid in self.server.mails]

    def _fetch(self, uids: str, what: str) -> str:
        for uid in self._chosen(uids):
            mail = self.server.mails[uid]
            if "BODY" not in what:
                how = self.server.untold.get(uid, "")
                if how == "no":
                    return "NO [SERVERBUG] this one is damaged"
                if how == "left out":
                    continue
                date = datetime.now(UTC).strftime("%d-%b-%Y %H:%M:%S +0000")
                about = f'UID {uid} FLAGS () RFC822.SIZE {len(mail)} INTERNALDATE "{date}"'
                self._say(f"* {uid} FETCH ({about})")
                continue
            is_head = "<0." in what
            how = self.server.broken.get(uid, "")
            if how == "drop" or (how == "drop body" and not is_head):
                raise _Cut
            if how == "no" or (how == "no body" and not is_head):
                return "NO [SERVERBUG] this one is damaged"
            if how == "huge":
                self._say(f"* {uid} FETCH (UID {uid} BODY[] {{99999999999}}")
                raise _Cut
            self._body(
                uid, mail[:65_536] if is_head else mail, "BODY[]<0>" if is_head else "BODY[]"
            )
        return "OK done"

    def _body(self, uid: int, mail: bytes, name: str) -> None:
        if self.server.quotes_bodies:
            escaped = mail.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\r\n", b" ")
            self.wfile.write(f'* {uid} FETCH (UID {uid} {name} "'.encode() + escaped + b'")\r\n')
            return
        before, after = ("", f" UID {uid}") if self.server.uid_after_body else (f"UID {uid} ", "")
        self.wfile.write(f"* {uid} FETCH ({before}{name} {{{len(mail)}}}\r\n".encode() + mail)
        self._say(f"{after})")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class _Cut(Exception):
    """The line is cut here."""


@contextmanager
def scripted_imap_server() -> Iterator[ScriptedImap]:
    """Run the small server in a thread."""
    with ScriptedImap() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(STOP_SECONDS)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not come up")
