"""Tells which steps of the preparation have anything to do, without loading the application."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from deploy.credentials import write_private

PROJECT = Path(__file__).resolve().parent.parent
APPS = ("helpdesk", "routing", "knowledge", "channels_app")
# Steps in their order, and the files that decide whether a step must run again.
STEPS = {
    "migrations": ["*/migrations/*.py", "helpdesk/migration_operations.py", "deploy/roles.py"],
    "translations": ["locale/**/*.po"],
    "static": ["*/static/**/*", "requirements.txt"],
    "demo": ["channels_app/management/commands/demo.py", "*/demo/**/*", "*/demo_*.py", "*/demo.py"],
}
AFTER = {"demo": ["migrations"]}


def current() -> dict[str, str]:
    """Return a fingerprint of every step's files; the database's address counts for its steps."""
    prints = {step: _of_files(patterns) for step, patterns in STEPS.items()}
    address = os.environ.get("DATABASE_URL", "").split("host=", 1)[0]
    prints["migrations"] = _of_text(prints["migrations"], address)
    for step, earlier in AFTER.items():
        prints[step] = _of_text(prints[step], *(prints[name] for name in earlier))
    return prints


def changed(home: Path) -> list[str]:
    """Return the steps whose files differ from those of the last time."""
    try:
        before = json.loads((home / "prepared.json").read_text())
    except (FileNotFoundError, ValueError):
        before = {}
    return [step for step, value in current().items() if before.get(step) != value]


def remember(home: Path, step: str) -> None:
    """Note that a step is done with the files as they are."""
    path = home / "prepared.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    write_private(path, json.dumps(before | {step: current()[step]}, indent=1) + "\n")


def _of_files(patterns: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in _matches(pattern)}):
        digest.update(str(path.relative_to(PROJECT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _matches(pattern: str) -> list[Path]:
    first, _, rest = pattern.partition("/")
    roots = [PROJECT / app for app in APPS] if first == "*" else [PROJECT / first]
    if not rest:
        return [root for root in roots if root.is_file()]
    found = [path for root in roots if root.is_dir() for path in root.glob(rest)]
    return [path for path in found if path.is_file() and path.suffix not in {".pyc", ".mo"}]


def _of_text(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
