"""A real web process on the database of the tests, and sockets to it as browsers open them."""

import asyncio
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connections
from psycopg import sql
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from deploy import plan
from deploy.test_databases import owner_connection
from tests.deploy.stack import PROJECT, eventually, is_listening

PATIENCE_SECONDS = 15.0
NAME = "web-of-tests"


class WebProcess:
    """What the supervisor would start, with its limits on frames."""

    def __init__(self, folder: Path) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "helpdesk.settings",
            "DATABASE_URL": _address_of_tests(),
            "PUBLIC_URL": self.url,
            "PORT": str(self.port),
            # By which its connections are told from those of the tests.
            "PGAPPNAME": NAME,
        }
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        (child,) = plan.web_processes(
            self.folder,
            listener=self.listener.fileno(),
            port=self.port,
            count=1,
            environment=self.environment,
        )
        self.listener.listen(256)
        with (self.folder / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in child.command],
                cwd=PROJECT,
                env=self.environment,
                pass_fds=[self.listener.fileno()],
                stdout=log,
                stderr=log,
            )
        eventually(self.answers)

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "web.log").read_text()
        return is_listening(self.port) and self._is_well()

    def ask_to_stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def _is_well(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as probe:
            probe.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return probe.recv(64).split(b" ")[1:2] == [b"200"]

    # --- sockets --------------------------------------------------------------------------------

    async def staff(self, cookie: str, origin: str | None = None) -> "Line":
        """Open the socket of somebody's screen."""
        headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"}
        return Line(await self._open("/live/staff/", origin, additional_headers=headers))

    async def visitor(self, public_id: str, origin: str | None = None) -> "Line":
        """Open the socket of a tab with the widget."""
        return Line(await self._open(f"/live/visitor/{public_id}/", origin))

    async def _open(self, path: str, origin: str | None, **options: Any) -> ClientConnection:
        named: Any = origin or self.url  # Any: a plain string is what it takes
        return await connect(
            f"ws://127.0.0.1:{self.port}{path}",
            origin=named,
            max_size=None,
            proxy=None,
            open_timeout=PATIENCE_SECONDS,
            **options,
        )


class Line:
    """One socket, and everything it has heard."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[str] = []

    async def tell(self, **frame: object) -> None:
        await self.socket.send(json.dumps(frame))

    async def hear(self, part: str, *others: str) -> str:
        """Return the next message that has one of these parts."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                text = str(await self.socket.recv())
                self.heard.append(text)
                if any(each in text for each in (part, *others)):
                    return text

    async def rest(self, seconds: float = 0.3) -> str:
        """Return what else comes, until nothing has for a moment."""
        found = []
        try:
            while True:
                found.append(str(await asyncio.wait_for(self.socket.recv(), seconds)))
        except (TimeoutError, ConnectionClosed):
            self.heard += found
            return "".join(found)

    async def closing_code(self) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while True:
                    self.heard.append(str(await self.socket.recv()))
            except ConnectionClosed:
                return int(self.socket.close_code or 0)

    async def leave(self) -> None:
        await self.socket.close()


@contextmanager
def web_process(folder: Path) -> Iterator[WebProcess]:
    web = WebProcess(folder)
    try:
        web.start()
        yield web
    finally:
        web.stop()
        web.listener.close()


@contextmanager
def database_away() -> Iterator[None]:
    """Let the web process not reach the database; no other database and no test is touched."""
    name = str(connections["default"].settings_dict["NAME"])
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    with owner_connection(name) as owner, connections["default"].cursor() as own:
        owner.execute(limit.format(sql.Identifier(name), sql.SQL("0")))
        try:
            own.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = %s",
                [NAME],
            )
            yield
        finally:
            owner.execute(limit.format(sql.Identifier(name), sql.SQL("-1")))


def _address_of_tests() -> str:
    name = str(connections["default"].settings_dict["NAME"])
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
