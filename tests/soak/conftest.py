"""Where soaked installations live."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that other users may pass, as PostgreSQL's must; not among pytest's, which it tidies."""
    with tempfile.TemporaryDirectory(prefix="everydesk-soak-") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "home"
