"""The secrets of one installation: random, made once, readable by their owner only."""

import base64
import os
import secrets
from pathlib import Path

NAMES = ("SECRET_KEY", "FIELD_KEYS")
DATABASE_NAMES = ("SUPERUSER_PASSWORD", "OWNER_PASSWORD", "APPLICATION_PASSWORD")


def installation_secrets(home: Path) -> dict[str, str]:
    """Return what signs and encrypts, kept in `secrets.env`, making what is missing."""
    return _kept(home / "secrets.env", NAMES)


def database_passwords(home: Path) -> dict[str, str]:
    """Return the embedded database's passwords, kept where settings do not look."""
    return _kept(home / "postgres.env", DATABASE_NAMES)


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only from its first moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    scratch.replace(path)


def _kept(path: Path, names: tuple[str, ...]) -> dict[str, str]:
    lines = path.read_text().splitlines() if path.exists() else []
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    missing = [name for name in names if name not in values]
    if missing:
        values.update({name: _new_value(name) for name in missing})
        header = "# Made for this installation; keep it with the backups, and private.\n"
        write_private(path, header + "".join(f"{name}={value}\n" for name, value in values.items()))
    return values


def _new_value(name: str) -> str:
    if name == "FIELD_KEYS":  # the form that Fernet wants
        return base64.urlsafe_b64encode(os.urandom(32)).decode()
    return secrets.token_urlsafe(48 if name == "SECRET_KEY" else 24)
