import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def reachable() -> Iterator[Path]:
    """A folder that other users may enter; pytest makes its own private again with every run."""
    folder = Path(tempfile.mkdtemp(prefix="everydesk-stack-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def place(reachable: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of one test below it."""
    folder = reachable / str(abs(hash(request.node.nodeid)))
    folder.mkdir()
    return folder
