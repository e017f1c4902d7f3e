"""What every test stands on: a database of its own, used as the application role."""

import os
from collections.abc import Iterator

import pytest
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker

from deploy.test_databases import Truncator, migrated_copy


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    with django_db_blocker.unblock(), migrated_copy(worker), pytest.MonkeyPatch.context() as patch:
        truncator = Truncator()
        # Django's own flush is the application's, which may not truncate.
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: truncator.empty())
        yield
        truncator.connection.close()
