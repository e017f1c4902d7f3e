"""Eight routers without a lease race for every free slot; one of them is killed."""

import subprocess
import sys
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F, Sum
from django.utils import timezone

from helpdesk.models import (
    Assignment,
    Conversation,
    Customer,
    Department,
    Identity,
    Presence,
    Queue,
    Staff,
)
from helpdesk.registries import invariant_checks
from helpdesk.services import audit, grants, organizations
from routing.models import Decision
from tests.factories import World, make_world
from tests.processes import environment

pytestmark = [pytest.mark.soak, pytest.mark.django_db(transaction=True)]

COMMITTERS = 8
SLOTS_EACH = 10


def furnish(world: World, *, people: int, conversations: int) -> None:
    """Put people who are there, and conversations that wait, into support."""
    now = timezone.now()
    with world.transaction():
        Presence.objects.all().delete()
        support = Department.objects.get(pk=world.support.pk)
        for number in range(people):
            staff = organizations.take_in(
                email=f"racer{number}@acme.example",
                name=f"Racer {number}",
                department=support,
                capacity=Decimal(SLOTS_EACH),
            )
            grants.grant_role(staff, world.roles["agent"], support)
        hour = now + timedelta(hours=1)
        Presence.objects.filter(staff__name__startswith="Racer").delete()
        Presence.objects.bulk_create(
            Presence(staff=staff, status="online", lease_until=hour)
            for staff in Staff.objects.filter(name__startswith="Racer")
        )
        queue = Queue.objects.get(is_default=True)
        customers = Customer.objects.bulk_create(Customer() for _ in range(conversations))
        identities = Identity.objects.bulk_create(
            Identity(customer=customer, channel=world.channel, external_id=f"v{customer.pk}")
            for customer in customers
        )
        waiting = Conversation.objects.bulk_create(
            Conversation(
                customer=identity.customer,
                identity=identity,
                channel=world.channel,
                department=support,
                queue=queue,
                urgency=identity.pk % 90,
                opened_at=now,
                queued_at=now,
                waiting_since=now,
            )
            for identity in identities
        )
        for conversation in waiting:
            audit.record("conversation.opened", conversation)


def race(world: World, *options: str, kill_one: bool) -> None:
    """Run the committers to their end, one of them only halfway."""
    command = [sys.executable, "-m", "tests.soak.committer", str(world.organization.pk), *options]
    racers = [
        subprocess.Popen(
            command,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(COMMITTERS)
    ]
    try:
        start_together(racers)
        if kill_one:
            wait_for_some(world, racers[0])
            racers[0].kill()
        codes = [racer.wait(900) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()
            assert racer.stdout is not None
            racer.stdout.close()
    assert codes[1:] == [0] * (COMMITTERS - 1)


def start_together(racers: "list[subprocess.Popen[str]]") -> None:
    """Let all begin once the last one is ready."""
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.close()


def wait_for_some(world: World, racer: "subprocess.Popen[str]") -> None:
    """Wait until the race is well under way."""
    while racer.poll() is None:
        with world.transaction():
            if Assignment.objects.count() >= 50:
                return
        time.sleep(0.05)
    raise AssertionError("the race was over before it began")


def over_capacity(world: World) -> list[int]:
    """Return who holds more than their capacity, by the assignments themselves."""
    with world.transaction():
        held = Assignment.objects.filter(ended_at__isnull=True).order_by().values_list("staff_id")
        capacities = dict(Staff.objects.values_list("pk", "capacity"))
        return [pk for pk, sum_ in held.annotate(Sum("weight")) if sum_ > capacities[pk]]


def test_eight_routers_fill_exactly_the_slots_there_are() -> None:
    world = make_world()
    furnish(world, people=100, conversations=5_000)
    race(world, kill_one=True)
    with world.transaction():
        held = Conversation.objects.filter(owner__isnull=False).count()
        assert held == Assignment.objects.count() == 1_000
        assert Conversation.objects.filter(state="queued").count() == 4_000
        assert Decision.objects.filter(outcome="assigned").count() == 1_000
        assert not Staff.objects.filter(load__gt=F("capacity")).exists()
        assert Staff.objects.aggregate(Sum("load"))["load__sum"] == 1_000
        broken = [line for _n, check in invariant_checks.items() for line in check.violations()]
    assert over_capacity(world) == []
    assert broken == []


def test_the_race_catches_a_router_that_checks_and_then_acts() -> None:
    world = make_world()
    furnish(world, people=12, conversations=300)
    race(world, "planted", kill_one=False)
    assert over_capacity(world)
