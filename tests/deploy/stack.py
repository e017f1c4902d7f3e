"""A whole installation in a folder of its own, started as people start it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 180.0
# What a test run sets for itself and an installation must not see.
OWN_TO_TESTS = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "FIELD_KEYS",
    "STATIC_STORAGE",
    "DATABASE_POOL_IDLE",
    "DJANGO_SETTINGS_MODULE",
    "EVERYDESK_HOME",
    "EVERYDESK_TEST_HOME",
)


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in OWN_TO_TESTS and not name.startswith(("PYTEST_", "CI"))
    }
    return kept | {"EVERYDESK_HOME": str(home)} | more


def free_port() -> int:
    """Return a port with free ones behind it, for more than one web process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)


class Stack:
    """One supervisor and what it started."""

    def __init__(self, home: Path, *, user: int | None = None, **environment: str) -> None:
        self.home = home
        self.port = int(environment.setdefault("PORT", str(free_port())))
        environment.setdefault("DEMO", "0")
        self.output = home.parent / f"{home.name}.output"
        self.environment = clean_environment(home, **environment)
        self.user = user
        self.command = [sys.executable, "-m", "deploy.supervisor"]
        self.project = PROJECT
        self.process: subprocess.Popen[bytes] | None = None
        self.seen: set[psutil.Process] = set()

    def start(self) -> None:
        identity = (
            {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        )
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.project,
                env=self.environment,
                stdout=output,
                stderr=output,
                **identity,
            )

    def await_ready(self) -> dict[str, object]:
        process = self.process
        assert process is not None

        def is_ready() -> bool:
            assert process.poll() is None, self.output.read_text()
            # One that was killed leaves its own file behind.
            return self.ready_facts().get("process") in {process.pid, *self.descendant_ids()}

        eventually(is_ready)
        self.seen.update(self.descendants())
        return self.ready_facts()

    def ready_facts(self) -> dict[str, object]:
        path = self.home / "ready.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def status(self) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()

    def descendants(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def descendant_ids(self) -> set[int]:
        return {process.pid for process in self.descendants()}

    def child(self, *words: str) -> psutil.Process | None:
        """Return the process whose command line has all the words."""
        assert self.process is not None
        for child in self.descendants():
            try:
                line = " ".join(child.cmdline())
            except psutil.Error:
                continue
            if all(word in line for word in words):
                return child
        return None

    def kill(self, *words: str) -> None:
        """Kill a child and return when another has taken its place."""
        old = self.child(*words)
        assert old is not None, words
        old.kill()

        def is_back() -> bool:
            new = self.child(*words)
            return new is not None and new.pid != old.pid

        eventually(is_back)
        self.seen.update(self.descendants())

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.seen.update(self.descendants() if self.process.poll() is None else [])
        self.process.send_signal(number)
        return self.process.wait(60)

    def remains(self) -> list[psutil.Process]:
        """Return what still runs of all that was ever seen."""
        return [
            process
            for process in self.seen
            if process.is_running() and process.status() != "zombie"
        ]


@contextmanager
def stack(home: Path, *, user: int | None = None, **environment: str) -> Iterator[Stack]:
    running = Stack(home, user=user, **environment)
    running.start()
    try:
        yield running
    finally:
        if running.process is not None and running.process.poll() is None:
            running.stop()
        outside = home / "postgresql"
        if outside.is_symlink():
            shutil.rmtree(outside.resolve().parent)
