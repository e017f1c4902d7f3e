"""The secrets of one installation: random, made once, readable by their owner only."""

import base64
import os
import secrets
from pathlib import Path

NAMES = ("SECRET_KEY", "FIELD_KEYS", "DATABASE_OWNER_PASSWORD", "DATABASE_PASSWORD")


def _new_value(name: str) -> str:
    if name == "FIELD_KEYS":  # the form that Fernet wants
        return base64.urlsafe_b64encode(os.urandom(32)).decode()
    return secrets.token_urlsafe(48 if name == "SECRET_KEY" else 24)


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only from its first moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    scratch.replace(path)


def installation_secrets(home: Path) -> dict[str, str]:
    """Return the secrets kept in `secrets.env`, making those that are missing."""
    path = home / "secrets.env"
    lines = path.read_text().splitlines() if path.exists() else []
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    missing = [name for name in NAMES if name not in values]
    if missing:
        values.update({name: _new_value(name) for name in missing})
        header = "# Made for this installation; keep it with the backups, and private.\n"
        write_private(path, header + "".join(f"{name}={value}\n" for name, value in values.items()))
    return values


def superuser_password(home: Path) -> str:
    """Return the password of the embedded superuser, which no Everydesk process is given."""
    path = home / "postgres.password"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24) + "\n")
    return path.read_text().strip()
