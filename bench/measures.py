"""The measures by name; each starts what it needs in a temporary folder and stops it."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import psutil

from bench.table import Figure

SMALL, LARGE = 10_000, 100_000
# The other processes of a measure: what they do must not slow what is measured.
NICENESS = 5


def pages() -> list[Figure]:
    """Measure pages in this process, on services of their own."""
    with temporary_home() as home, services(home):
        from bench import company, pages  # noqa: PLC0415  (needs loaded apps)

        organization_id = company.prepare_small()
        company.grow(organization_id, to=SMALL)
        return pages.measure(organization_id, small=SMALL, large=LARGE)


def live() -> list[Figure]:
    """Measure how changes reach open screens, on an installation of its own."""
    from bench.live import measure  # noqa: PLC0415  (loads much)

    with temporary_home() as folder:
        return measure(folder / "home")


def startup() -> list[Figure]:
    """Measure both starts."""
    from bench.startup import measure  # noqa: PLC0415  (loads much)

    with temporary_home() as folder:
        return measure(folder)


@contextmanager
def temporary_home() -> Iterator[Path]:
    """Make a folder for an installation that nobody needs afterwards."""
    with tempfile.TemporaryDirectory(prefix="everydesk-bench-") as name:
        home = Path(name)
        home.chmod(0o755)
        yield home


@contextmanager
def services(home: Path) -> Iterator[None]:
    """Start services for this process and load the application on them."""
    from deploy.services import provide_secrets, services_for_command  # noqa: PLC0415

    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    os.environ |= {"LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "helpdesk.settings"}
    os.environ["STATIC_STORAGE"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    (home / "static").mkdir()
    os.environ["EVERYDESK_HOME"] = str(home)
    provide_secrets(home)
    with services_for_command(home):
        for child in psutil.Process().children(recursive=True):
            child.nice(NICENESS)
        import django  # noqa: PLC0415

        django.setup()
        yield


MEASURES: dict[str, Callable[[], list[Figure]]] = {"pages": pages, "live": live, "startup": startup}
for _name in ("deciding", "assignment", "queue", "mail", "doors", "parsing", "search", "panel"):
    MEASURES[_name] = import_module(f"bench.{_name}").measure
