"""Other processes that work on the database of the running test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from django.db import connections


def environment() -> dict[str, str]:
    """Return the environment in which another process works on this test's database."""
    found = dict(os.environ)
    for name, alias in (("DATABASE_URL", "default"), ("DATABASE_OWNER_URL", "owner")):
        address = urlsplit(found[name])
        found[name] = address._replace(path=f"/{connections[alias].settings_dict['NAME']}").geturl()
    return found


@contextmanager
def running(*command: str) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a management command beside the test; killed at the end if it has not ended by itself."""
    process = subprocess.Popen([sys.executable, "manage.py", *command], env=environment())
    try:
        yield process
    finally:
        process.kill()
        process.wait()
