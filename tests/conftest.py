"""What every test stands on: a database of its own, used as the application role."""

import os
from collections.abc import Iterator

import pytest
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker

from deploy.test_databases import Cleaner, migrated_copy
from helpdesk import access
from helpdesk.tenancy import organization_scope
from routing.predicting import outlook
from tests.factories import World, make_world
from tests.snapshots import Snapshots

pytest_plugins = ["tests.selection"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[Snapshots]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    with django_db_blocker.unblock(), migrated_copy(worker), pytest.MonkeyPatch.context() as patch:
        cleaner = Cleaner()
        # Django's own flush is the application's, which may not truncate.
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: cleaner.empty())
        yield Snapshots(cleaner)
        cleaner.connection.close()


@pytest.fixture(autouse=True)
def forgotten_access() -> None:
    """Forget what is kept by id, as people's rights and reckoned waits: ids begin anew in every test."""
    access._cache.clear()
    outlook.forget()


@pytest.fixture
def world(transactional_db: None, django_db_setup: Snapshots) -> Iterator[World]:
    """An organization in scope, whose transactions really commit, so that events are really published."""
    made = django_db_setup.world()
    with organization_scope(made.organization.pk):
        yield made


@pytest.fixture
def other_world(world: World) -> World:
    """A second organization beside it."""
    return make_world("other")
