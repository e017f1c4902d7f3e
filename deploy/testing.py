"""Behind make test, soak, bench and lint: what runs, and what could not."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from deploy.browser import bring_browser
from deploy.processes import PROJECT

PYTHON = sys.executable
CHECKS: dict[str, list[str]] = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "rules": ["ruff", "check", "--quiet", "."],
    "types": ["mypy"],
    "imports": ["importlinter.cli"],
    "migrations": ["manage", "makemigrations", "--check", "--dry-run"],
    "settings": ["manage", "check", "--fail-level", "WARNING"],
}
IMPORT_LINTER = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"


def main(arguments: Sequence[str]) -> int:
    """Run what the first argument names; the rest goes to pytest."""
    what, rest = arguments[0], list(arguments[1:])
    if what == "lint":
        return lint()
    if what == "test":
        return test(rest)
    if what == "soak":
        return run_pytest(["-m", "soak", "-s", *rest])
    return subprocess.run([PYTHON, "-m", "bench", *rest], cwd=PROJECT, check=False).returncode


def lint() -> int:
    """Run every check, also after one has failed; return how many failed."""
    failed = []
    for name, command in CHECKS.items():
        started = time.monotonic()
        run = ["-c", IMPORT_LINTER] if name == "imports" else ["-m", *command]
        done = subprocess.run(
            [PYTHON, *run], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        verdict = "failed" if done.returncode else "ok"
        if done.returncode:
            failed.append(name)
            print(done.stdout, done.stderr, sep="")
        print(f"lint: {name}: {verdict} ({time.monotonic() - started:.1f} s)", flush=True)
    return len(failed)


def test(rest: list[str]) -> int:
    """Run all but the soaks; without a browser the journeys are left out, which CI does not accept."""
    if bring_browser() is None and os.environ.get("CI", "").lower() == "true":
        print("make test: no browser for the journeys: apt-get install chromium fonts-noto-cjk")
        return 1
    workers = os.environ.get("TEST_WORKERS") or str(min(4, max(2, os.cpu_count() or 2)))
    return run_pytest(["-m", "not soak", "-n", workers, "--dist", "loadgroup", *rest])


def run_pytest(arguments: list[str]) -> int:
    """Run pytest in this environment; a selection that matches nothing is no failure."""
    command = [PYTHON, "-m", "pytest", *arguments]
    status = subprocess.run(command, cwd=PROJECT, check=False).returncode
    return 0 if status == 5 else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
