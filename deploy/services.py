"""Finds the services a command needs: named, already running, or started for it."""

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from deploy import processes, roles
from deploy.credentials import database_passwords, installation_secrets, write_private

if TYPE_CHECKING:
    from deploy.postgres import Postgres
    from deploy.valkey import Valkey

PROJECT = Path(__file__).resolve().parent.parent
# These load the settings but ask neither database nor broker.
COMMANDS_WITHOUT_SERVICES = {
    "bench",
    "check",
    "collectstatic",
    "diffsettings",
    "evaluate_topics",
    "findstatic",
    "help",
    "messages",
    "simulate_routing",
    "spectacular",
    "version",
}
ADDRESSES = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")


def home_folder() -> Path:
    """Return where this installation keeps what is its own."""
    return Path(os.environ.get("EVERYDESK_HOME") or PROJECT / "var").resolve()


@contextmanager
def ensure_services(argv: Sequence[str]) -> Iterator[None]:
    """Set the addresses and secrets that settings read, for the time of one command."""
    home = home_folder()
    provide_secrets(home)
    if not needs_services(argv):
        provide_placeholders()
        yield
        return
    follow_running_web(home)
    with services_for_command(home):
        yield


def follow_running_web(home: Path) -> None:
    """Know the web address of the installation that runs here, unless the environment names one."""
    if {"PORT", "PUBLIC_URL"} & os.environ.keys():
        return
    with suppress(OSError, ValueError, KeyError):
        running = json.loads((home / "ready.json").read_text())
        os.environ["PUBLIC_URL"] = str(running["url"]).rstrip("/")


def needs_services(argv: Sequence[str]) -> bool:
    """Return whether the command, which stands first in its arguments, talks to a service."""
    arguments = list(argv[1:])
    if not arguments or "--help" in arguments or "-h" in arguments:
        return False
    return arguments[0].lstrip("-") not in COMMANDS_WITHOUT_SERVICES or "--database" in arguments


def provide_secrets(home: Path) -> None:
    """Put this installation's secrets where settings look, unless the environment has its own."""
    os.environ["EVERYDESK_HOME"] = str(home)
    if not (os.environ.get("SECRET_KEY") and os.environ.get("FIELD_KEYS")):
        values = installation_secrets(home)
        for name in ("SECRET_KEY", "FIELD_KEYS"):
            os.environ.setdefault(name, values[name])


def provide_placeholders() -> None:
    """Let settings load where nothing will be asked of a service."""
    for name in ADDRESSES:
        os.environ.setdefault(
            name,
            "redis://127.0.0.1:1/0"
            if name == "REDIS_URL"
            else "postgres://nobody@127.0.0.1:1/none",
        )


@contextmanager
def services_for_command(home: Path, *, is_throwaway: bool = False) -> Iterator[None]:
    """Use the services running in this home, or start them until nobody uses them."""
    if not missing_parts():
        yield
        return
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        users = stack.enter_context((home / "services.users").open("a"))
        while True:
            lock = take_ownership(home)
            if lock is not None:
                stack.enter_context(lock)
                services = Services(home, is_throwaway=is_throwaway)
                stack.enter_context(services)
                services.publish(owner="command")
                fcntl.flock(users, fcntl.LOCK_SH)
                # Runs before the services stop: others may have joined us.
                stack.callback(fcntl.flock, users, fcntl.LOCK_EX)
                break
            fcntl.flock(users, fcntl.LOCK_SH)
            running = running_services(home)
            if running is not None:
                provide_addresses(running)
                break
            fcntl.flock(users, fcntl.LOCK_UN)
            time.sleep(0.1)
        yield


def missing_parts() -> list[str]:
    """Return which services the environment does not name."""
    return [name for name in ("DATABASE_URL", "REDIS_URL") if not os.environ.get(name)]


def take_ownership(home: Path) -> IO[str] | None:
    """Return the lock of whoever runs the services of this home, or None when it is taken.

    The kernel frees it when its holder dies, so a lock that is taken means services that live.
    """
    home.mkdir(parents=True, exist_ok=True)
    lock = (home / "services.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def running_services(home: Path) -> dict[str, object] | None:
    """Return what the owner of this home's services published, or None while it starts or stops."""
    try:
        published: dict[str, object] = json.loads((home / "services.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return published if processes.is_alive(int(str(published["pid"]))) else None


def provide_addresses(published: dict[str, object]) -> None:
    """Put the published addresses where settings look; what the environment names stays."""
    for name in ADDRESSES:
        if name in published:
            os.environ.setdefault(name, str(published[name]))


class Services:
    """The embedded parts that the environment does not replace, as children of this process."""

    def __init__(self, home: Path, *, is_throwaway: bool = False) -> None:
        self.home = home
        self.is_throwaway = is_throwaway
        self.addresses: dict[str, str] = {}
        self._running: list[Postgres | Valkey] = []
        self._stack = ExitStack()

    def __enter__(self) -> "Services":
        self._remove_traces()
        folder = make_socket_folder()
        self._stack.callback(self._remove_traces)
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self.socket_folder = folder
        try:
            for name in missing_parts():
                self._start_postgres() if name == "DATABASE_URL" else self._start_valkey()
        except BaseException:
            self._stack.close()
            raise
        os.environ.update(self.addresses)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def publish(self, owner: str) -> None:
        """Tell other commands the addresses; the file holds passwords and is private."""
        facts = {
            "pid": os.getpid(),
            "owner": owner,
            "socket_folder": str(self.socket_folder),
            **self.addresses,
        }
        write_private(self.home / "services.json", json.dumps(facts, indent=1) + "\n")

    def revive(self, say: Callable[[str], None]) -> None:
        """Start again what has ended, at the same address; raises when it will not start."""
        for service in self._running:
            if service.process is not None and service.process.poll() is not None:
                say(f"{type(service).__name__} ended; starting it again")
                service.start()

    def _start_postgres(self) -> None:
        from deploy.postgres import Postgres  # noqa: PLC0415  (its packages may be absent)

        postgres = Postgres(self.home, self.socket_folder, is_throwaway=self.is_throwaway)
        self._stack.callback(postgres.stop)
        self._running.append(postgres)
        postgres.start()
        secrets = database_passwords(self.home)
        owner_password, password = secrets["OWNER_PASSWORD"], secrets["APPLICATION_PASSWORD"]
        with postgres.connect() as connection:
            roles.create_roles(connection, owner_password=owner_password, password=password)
        place = f"{roles.DATABASE}?host={self.socket_folder}"
        self.addresses["DATABASE_URL"] = f"postgres://{roles.APPLICATION}:{password}@/{place}"
        self.addresses["DATABASE_OWNER_URL"] = f"postgres://{roles.OWNER}:{owner_password}@/{place}"

    def _start_valkey(self) -> None:
        from deploy.valkey import Valkey  # noqa: PLC0415  (its packages may be absent)

        valkey = Valkey(self.home, self.socket_folder)
        self._stack.callback(valkey.stop)
        self._running.append(valkey)
        valkey.start()
        self.addresses["REDIS_URL"] = valkey.url

    def _remove_traces(self) -> None:
        """Forget what was published, and the sockets of an owner that was killed."""
        published = self.home / "services.json"
        try:
            folder = Path(str(json.loads(published.read_text())["socket_folder"]))
        except (FileNotFoundError, ValueError, KeyError):
            return
        published.unlink(missing_ok=True)
        if folder.name.startswith("everydesk-"):
            shutil.rmtree(folder, ignore_errors=True)


def make_socket_folder() -> Path:
    """Return a new private folder with a short path: a socket's path ends at 107 bytes."""
    base = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="everydesk-", dir=base if len(base) < 60 else "/tmp"))
    user = processes.unprivileged_user()
    if user is not None:  # root passes anyway; PostgreSQL's user must own the place of its socket
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder
