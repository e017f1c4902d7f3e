"""A world for routing: topics, skills and people who are there."""

from decimal import Decimal

import pytest

from helpdesk.models import Staff, TopicExample
from routing import engine
from routing.models import Decision
from routing.recording import read
from tests.factories import World, make_world
from tests.snapshots import Snapshots


def with_topics() -> World:
    """Support and sales, with a topic each."""
    world = make_world()
    returns = world.topic(
        "退货", world.support, name_en="Returns", keywords=["退货", "退款", "return"]
    )
    matter = world.topic("兼容性", world.sales, name_en="Compatibility", keywords=["matter"])
    with world.transaction():
        TopicExample.objects.create(topic=returns, text="怎么退货")
        TopicExample.objects.create(topic=matter, text="H2 网关支持 Matter 吗")
        Staff.objects.update(languages=["zh", "en"], capacity=Decimal(3))
    return world


@pytest.fixture
def world(transactional_db: None, django_db_setup: Snapshots) -> World:
    """Support and sales, with a topic each and somebody there for both."""
    world = django_db_setup.world(with_topics)
    world.online("carol", "dave", "erin")
    return world


def route(world: World) -> engine.Outcome:
    """Have the router look once."""
    return engine.route(world.organization.pk)


def decisions(world: World, conversation_id: int) -> list[Decision]:
    with world.transaction():
        return list(Decision.objects.filter(conversation_id=conversation_id).order_by("id"))


def left_out(decision: Decision, reason: str) -> list[int]:
    """Return whom nothing but this kept from being asked."""
    excluded = read(decision).excluded.items()
    return sorted(staff_id for staff_id, why in excluded if why == (reason,))
