"""Removes what running and testing left in this folder: packages, data, caches. Asks first."""

import os
import shutil
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CACHES = (".mypy_cache", ".ruff_cache", ".import_linter_cache", ".pytest_cache", ".hypothesis")


def main() -> None:
    """Remove it all; the data of an installation only after a yes, or with YES=1."""
    home = Path(os.environ.get("EVERYDESK_HOME") or PROJECT / "var").resolve()
    if home.exists() and not _may_remove(home):
        sys.exit("Nothing was removed.")
    if _is_running(home):
        sys.exit(f"Everydesk runs from {home}: stop it first.")
    outside = home / "postgresql"
    if outside.is_symlink():  # the rows of a home that PostgreSQL's user cannot reach
        shutil.rmtree(outside.resolve().parent, ignore_errors=True)
    for folder in (home, PROJECT / ".venv", *(PROJECT / name for name in CACHES)):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in PROJECT.rglob("__pycache__"):
        shutil.rmtree(folder, ignore_errors=True)
    for compiled in (PROJECT / "locale").rglob("*.mo"):
        compiled.unlink()


def _may_remove(home: Path) -> bool:
    if os.environ.get("YES") == "1":
        return True
    if not sys.stdin.isatty():
        sys.exit(f"{home} holds data; YES=1 make clean removes it.")
    return input(f"Remove {home} with all its data? [y/N] ").strip().lower() in {"y", "yes"}


def _is_running(home: Path) -> bool:
    import fcntl  # noqa: PLC0415  (only here)

    try:
        with (home / "services.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


if __name__ == "__main__":
    main()
