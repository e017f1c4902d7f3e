"""Test customers and the demo's traffic: through the real door, bounded, and only while somebody looks."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app.demo import visitors
from channels_app.demo.visitors import TEST_SLOTS, Traffic, send_test_customer
from channels_app.models import InboundEvent
from helpdesk.errors import NotFound, TooMany
from helpdesk.models import Conversation, Organization, Rating
from helpdesk.services import lifecycle, replying
from helpdesk.tenancy import platform_transaction


@pytest.fixture
def demo(world, settings):
    settings.IS_LOOPBACK = True
    with platform_transaction():
        Organization.objects.filter(pk=world.organization.pk).update(is_demo=True)
    return world


def _run(traffic: Traffic, **later: int) -> int:
    return traffic.run(timezone.now() + timedelta(**later))


def test_a_test_customer_writes_through_the_widgets_door(world):
    pk = send_test_customer(world.access("alice"))
    conversation = world.conversation(pk)
    assert conversation.state == "queued"
    assert conversation.last_text
    with world.transaction():
        assert InboundEvent.objects.filter(entry__conversation=pk).count() == 1


def test_outside_the_demo_only_administrators_ask_for_test_customers(world):
    with pytest.raises(NotFound):
        send_test_customer(world.access("carol"))


def test_in_the_demo_anybody_asks_for_test_customers(demo):
    assert send_test_customer(demo.access("carol"))


def test_no_more_test_customers_than_slots(world):
    for _ in TEST_SLOTS:
        send_test_customer(world.access("alice"))
    with pytest.raises(TooMany):
        send_test_customer(world.access("alice"))


def test_a_visitor_reads_answers_goes_on_and_rates_at_the_end(world):
    pk = send_test_customer(world.access("alice"))
    traffic = Traffic()
    assert _run(traffic, seconds=20) == 0
    for _ in range(2):
        replying.reply(world.access("carol"), pk, text="好的")
        assert _run(traffic, seconds=2) == 0
        assert _run(traffic, seconds=20) == 1
        assert world.conversation(pk).last_direction == "in"
    lifecycle.resolve(world.access("carol"), pk)
    assert _run(traffic, seconds=60) == 1
    with world.transaction():
        assert Rating.objects.filter(conversation=pk).count() == 1
    for _ in TEST_SLOTS:
        send_test_customer(world.access("alice"))


def test_a_visitor_whom_nobody_answers_leaves(world):
    pk = send_test_customer(world.access("alice"))
    assert _run(Traffic(), minutes=30) == 1
    assert world.conversation(pk).state == "resolved"
    with world.transaction():
        assert not Rating.objects.exists()


def test_traffic_comes_while_somebody_looks_and_never_fills_up(demo):
    traffic = Traffic()
    assert _run(traffic) == 0
    demo.online("carol")
    assert _run(traffic) == 1
    for number in range(1, 8):
        demo.online("carol")
        traffic.last_arrival.clear()
        _run(traffic, seconds=number)
    with demo.transaction():
        open_ones = Conversation.objects.exclude(state__in=["resolved", "closed"]).count()
    assert open_ones == len(visitors.TRAFFIC_SLOTS)


def test_traffic_keeps_away_from_real_organizations_and_open_addresses(demo, settings):
    demo.online("carol")
    settings.IS_LOOPBACK = False
    assert _run(Traffic()) == 0
    settings.IS_LOOPBACK = True
    with platform_transaction():
        Organization.objects.filter(pk=demo.organization.pk).update(is_demo=False)
    assert _run(Traffic()) == 0


def test_visitors_come_about_once_a_minute(demo):
    demo.online("carol")
    traffic = Traffic()
    assert _run(traffic) == 1
    assert _run(traffic, seconds=40) == 0
    assert _run(traffic, seconds=80) == 1
