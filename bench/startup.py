"""How long `make run` takes with a warm package cache, and the second time."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from bench.table import Figure
from deploy.processes import PROJECT
from tests.deploy.stack import clean_environment, free_port

LIMIT_FIRST_SECONDS, LIMIT_SECOND_SECONDS = 40, 10
PATIENCE_SECONDS = 300


def measure(folder: Path) -> list[Figure]:
    """Start a clean copy of the project twice with `make run`; packages come from the cache."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", str(PROJECT), str(clone)], check=True)
    environment = clean_environment(clone / "var", PORT=str(free_port()))
    environment.pop("VIRTUAL_ENV", None)
    try:
        first, second = _seconds(clone, environment), _seconds(clone, environment)
    finally:
        shutil.rmtree(clone, ignore_errors=True)
    return [
        Figure("make run, clean clone with a warm package cache", first, "s", LIMIT_FIRST_SECONDS),
        Figure("make run, second start", second, "s", LIMIT_SECOND_SECONDS),
    ]


def _seconds(clone: Path, environment: dict[str, str]) -> float:
    started = time.monotonic()
    process = subprocess.Popen(
        ["make", "run"], cwd=clone, env=environment, stdout=subprocess.DEVNULL, process_group=0
    )
    try:
        while not (clone / "var" / "ready.json").exists():
            if process.poll() is not None or time.monotonic() - started > PATIENCE_SECONDS:
                raise RuntimeError("make run did not get ready")
            time.sleep(0.05)
        return time.monotonic() - started
    finally:
        os.killpg(process.pid, 15)
        process.wait(60)
