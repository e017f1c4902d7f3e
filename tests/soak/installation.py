"""A whole installation without a demo, furnished for a soak, and the hand that breaks it."""

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import redis

from tests.deploy.stack import PROJECT, Stack, clean_environment
from tests.soak.stores import Store, services_of

KILLED = {
    "web": ("daphne",),
    "router": ("run_router",),
    "sweeper": ("run_sweeps",),
    "connector": ("run_connector",),
}
EVERY_SECONDS = 3.0
# Who has done so much since the last kill may be killed again: on a slow machine, too, work goes on.
LEAST_DONE = 60


class Installation(Stack):
    """Web, router, sweeper, connector and their stores, with one organization of our own."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, DEMO="0", OUTGOING_ALLOWED_NETWORKS="127.0.0.0/8")
        self.command = [sys.executable, "-m", "tests.soak.patient_supervisor"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def furnish(self, what: str, wanted: object) -> Any:
        """Run one of the works of `tests.soak.furnish`."""
        return json.loads(self.run("-m", "tests.soak.furnish", what, given=json.dumps(wanted)))

    def run(self, *command: str, given: str = "") -> str:
        """Run Python beside the processes, in their environment; returns what it prints."""
        environment = clean_environment(self.home) | {
            name: value
            for name, value in services_of(self.home).items()
            if name in {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"}
        }
        environment |= {"DJANGO_SETTINGS_MODULE": "helpdesk.settings", "PUBLIC_URL": self.url}
        done = subprocess.run(
            [sys.executable, *command], cwd=PROJECT, env=environment, input=given,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def check_invariants(self) -> None:
        print(self.run("manage.py", "check_invariants")[-3000:])

    def flush(self) -> None:
        redis.Redis.from_url(services_of(self.home)["REDIS_URL"]).flushall()

    def kill_one(self, name: str) -> bool:
        """Kill a process if it lives just now; returns whether it did."""
        child = self.child(*KILLED[name])
        if child is None:
            return False
        try:
            child.kill()
        except psutil.NoSuchProcess:
            return False
        return True


class Storm:
    """Kills one process every three seconds, each in its turn by the seed, until it is told to end."""

    def __init__(self, own: Installation, seed: int, done: dict[str, Callable[[], int]]) -> None:
        self.own = own
        self.done = done
        self._before: Counter[str] = Counter()
        self.killed: Counter[str] = Counter()
        self.flushes = 0
        self.ended_at = 0.0
        self._luck = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._rage)

    def __enter__(self) -> "Storm":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.ended_at = time.monotonic()

    def _rage(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            names = self._luck.sample(list(KILLED), len(KILLED))
            name = next(each for each in names if self._has_worked(each))
            self.killed[name] += self.own.kill_one(name)
            if self.flushes < 2 and self.killed.total() == 6 * (self.flushes + 1):
                self.own.flush()
                self.flushes += 1

    def _has_worked(self, name: str) -> bool:
        """Tell whether a process has done enough since it was killed; two of them do nothing that is counted."""
        if name not in self.done:
            return True
        count = self.done[name]()
        if count - self._before[name] < LEAST_DONE:
            return False
        self._before[name] = count
        return True


def drained(store: Store, statement: str, seconds: float) -> float:
    """Wait until nothing is counted any more; returns how long that took."""
    started = time.monotonic()
    while left := store.rows(statement)[0][0]:
        assert time.monotonic() - started < seconds, f"{left} left after {seconds:.0f} s"
        time.sleep(0.5)
    return time.monotonic() - started
