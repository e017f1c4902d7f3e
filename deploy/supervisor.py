"""Runs one installation: services, preparation, processes; the owner of everything it starts."""

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO
from urllib.parse import urlsplit

import psycopg

from deploy import announcement, fingerprints, plan, processes
from deploy.children import Child, describe_status, stop_together
from deploy.services import (
    Services,
    home_folder,
    provide_secrets,
    running_services,
    take_ownership,
)

READY_TIMEOUT_SECONDS = 120.0
FALLS_BEFORE_FIRST_PAGE = 3
STOP_GRACE_SECONDS = 10.0
LOG_CHECK_SECONDS = 60.0
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class AskedToStopError(Exception):
    """Somebody asked the supervisor to end."""


class Supervisor:
    """Starts everything in order, watches it, and stops it in the opposite order."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = int(os.environ.get("PORT") or 8000)
        self.address = os.environ.get("BIND_ADDRESS") or "127.0.0.1"
        self.public_url = (os.environ.get("PUBLIC_URL") or f"http://127.0.0.1:{self.port}").rstrip(
            "/"
        )
        self.web_count = max(1, int(os.environ.get("WEB_PROCESSES") or 1))
        self.children: list[Child] = []
        self.is_stopping = False
        self._wake_reader, self._wake_writer = os.pipe()

    def run(self) -> int:
        """Run until stopped; return the exit status."""
        self._listen_to_signals()
        lock = self._own_home()
        (self.home / "ready.json").unlink(missing_ok=True)  # of one that was killed
        try:
            with lock, self._listener() as listener, Services(self.home) as services:
                services.publish(owner="supervisor")
                self._prepare()
                try:
                    self._start(listener.fileno())
                    self._watch(services)
                finally:
                    self._stop_children()
        except AskedToStopError:
            say("stopped")
            return 0
        except (RuntimeError, OSError, psycopg.Error) as error:
            say(f"cannot run: {error}")
            return 1
        return 0

    def _own_home(self) -> IO[str]:
        provide_secrets(self.home)
        said = False
        while (lock := take_ownership(self.home)) is None:
            running = running_services(self.home)
            if running is not None and running.get("owner") == "supervisor":
                sys.exit(f"Everydesk already runs from {self.home} (process {running['pid']}).")
            if not said:
                say("waiting for another command that uses the embedded services")
                said = True
            self._pause(0.5)
        return lock

    @contextmanager
    def _listener(self) -> Iterator[socket.socket]:
        """Hold the port before anything starts: that it is in use is told at once."""
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((self.address, self.port))
            except OSError as error:
                raise RuntimeError(
                    f"port {self.port}: {error.strerror}; try PORT=8001 make run"
                ) from error
            listener.listen(512)
            yield listener

    def _prepare(self) -> None:
        wants_demo = os.environ.get("DEMO") != "0" and is_loopback(self.address, self.public_url)
        todo = [step for step in fingerprints.changed(self.home) if step != "demo" or wants_demo]
        if not todo:
            return
        say(f"preparing: {', '.join(todo)}")
        command = [sys.executable, str(processes.PROJECT / "manage.py"), "prepare"]
        if not wants_demo:
            command.append("--no-demo")
        process = processes.start(command, cwd=processes.PROJECT)
        try:
            while process.poll() is None:
                self._pause(1.0)
        finally:
            processes.stop(process)
        if process.returncode != 0:
            raise RuntimeError(f"the preparation failed ({describe_status(process.returncode)})")

    def _start(self, listener: int) -> None:
        """Start the web, and the others when it answers: a page is what people wait for."""
        environment = plan.child_environment(os.environ)
        web = plan.web_processes(
            self.home,
            listener=listener,
            port=self.port,
            count=self.web_count,
            environment=environment,
        )
        self.children = web
        for child in web:
            child.start()
        self._await_first_page()
        behind = plan.background_processes(self.home, environment)
        for child in behind:
            child.start()
        self.children = [*web, *behind]
        self._announce()

    def _await_first_page(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while not announcement.answers(self.port, announcement.host_of(self.public_url)):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the web did not answer; see {self.home / 'log'}")
            for child in self.children:
                child.watch(say)
                if child.falls >= FALLS_BEFORE_FIRST_PAGE:
                    raise RuntimeError(f"{child.name} does not start:\n{child.last_words()}")
            self._pause(0.1)

    def _announce(self) -> None:
        ports = [
            self.port,
            *(self.port + 1 + i for i in range(self.web_count if self.web_count > 1 else 0)),
        ]
        facts = announcement.ready_facts(
            self.home,
            public_url=self.public_url,
            web_urls=[f"http://127.0.0.1:{port}/" for port in ports],
        )
        announcement.write_ready(self.home, facts)
        print(announcement.text_for_people(facts), flush=True)

    def _watch(self, services: Services) -> None:
        next_log_check = time.monotonic()
        while True:
            services.revive(say)
            for child in self.children:
                child.watch(say)
            if time.monotonic() >= next_log_check:
                next_log_check = time.monotonic() + LOG_CHECK_SECONDS
                for child in self.children:
                    child.limit_log()
            self._pause(0.5)

    def _stop_children(self) -> None:
        (self.home / "ready.json").unlink(missing_ok=True)
        for phase in sorted({child.phase for child in self.children}):
            stop_together(
                [child for child in self.children if child.phase == phase], STOP_GRACE_SECONDS
            )

    def _pause(self, seconds: float) -> None:
        """Sleep until the time is over or a signal arrives, the death of a child among them."""
        readable, _, _ = select.select([self._wake_reader], [], [], seconds)
        if readable:
            os.read(self._wake_reader, 4096)
        if self.is_stopping:
            raise AskedToStopError

    def _listen_to_signals(self) -> None:
        os.set_blocking(self._wake_writer, False)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        if not self.is_stopping:
            say("stopping")
        self.is_stopping = True


def say(text: str) -> None:
    """Print one line, dated, to whoever watches; a closed terminal is no reason to fall."""
    with suppress(OSError, ValueError):
        print(f"{time.strftime('%H:%M:%S')} everydesk: {text}", flush=True)


def is_loopback(address: str, public_url: str) -> bool:
    """Return whether only this machine can reach the installation."""
    return address in LOOPBACK and urlsplit(public_url).hostname in LOOPBACK


def refuse_demo_accounts_abroad(home: Path, address: str, public_url: str) -> str | None:
    """Return why this installation must not be reachable from other machines, if so."""
    if is_loopback(address, public_url) or not (home / "demo_accounts.json").exists():
        return None
    return (
        f"{home} holds the demo company, whose accounts are for this machine only. "
        "Choose another EVERYDESK_HOME (and DATABASE_URL) for an installation that others reach."
    )


def main() -> int:
    """Run the supervisor; with --with-parent it ends when the program that started it ends."""
    if "--with-parent" in sys.argv:
        processes.die_with_own_parent()
    home = home_folder()
    supervisor = Supervisor(home)
    refusal = refuse_demo_accounts_abroad(home, supervisor.address, supervisor.public_url)
    if refusal:
        say(refusal)
        return 1
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
