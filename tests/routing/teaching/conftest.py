"""A shop with enough questions to learn from."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from helpdesk.models import Topic
from helpdesk.tenancy import organization_scope
from routing import kept_models
from routing.models import TopicModel
from routing.understanding.storing import FORMAT, to_bytes
from tests.factories import World
from tests.routing.teaching.shop import open_shop
from tests.snapshots import Snapshots


@pytest.fixture
def world(transactional_db: None, django_db_setup: Snapshots) -> Iterator[World]:
    world = django_db_setup.world()
    with organization_scope(world.organization.pk):
        yield world


@pytest.fixture
def topics(world: World) -> dict[str, Topic]:
    return open_shop(world)


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    """Let no test serve a model that another has loaded: row ids begin anew."""
    kept_models._models.clear()


Store = Callable[..., TopicModel]


@pytest.fixture
def store(world: World) -> Store:
    """Return a function that stores a version: a model, or bytes that are none."""

    def store(number: int, model: Any, state: str = "in_use", **facts: Any) -> TopicModel:
        content = model if isinstance(model, bytes) else to_bytes(model)
        now = timezone.now()
        if state in {"in_use", "retired"}:
            facts.setdefault("used_since", now)
        with world.transaction():
            row: TopicModel = TopicModel.objects.create(
                number=number, content=content, format=FORMAT, state=state, trained_at=now, **facts
            )
        return row

    return store
