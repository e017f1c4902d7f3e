"""Two furnished organizations, made once for all tests of a module."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connections
from django.test.utils import override_settings
from pytest_django.plugin import DjangoDbBlocker

from tests.security.worlds import Furnished, furnish
from tests.snapshots import Snapshots

PLAIN_FILES = {
    **settings.STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


@pytest.fixture(scope="module")
def two(
    django_db_setup: Snapshots, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[Furnished, Furnished]]:
    """The stranger's own organization, and the one that is none of their business."""
    with django_db_blocker.unblock(), override_settings(STORAGES=PLAIN_FILES):
        django_db_setup.cleaner.empty()
        own, other = furnish("ours"), furnish("theirs")
        other.world.person("gina", other.world.sales, other.world.roles["agent"])
        yield own, other
        connections.close_all()
        django_db_setup.cleaner.empty()
