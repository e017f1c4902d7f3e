"""Thousands of random events: nobody is ever merged with another by what was not proved, nor across organizations.

Whoever comes is somebody of a small crowd; what they claim may be another's. The truth is kept beside the
database: an address belongs to one person, and a verified claim is always true.
"""

import random
from collections import defaultdict

import pytest

from helpdesk.models import Channel, Identity, IdentityAlias, MergeSuggestion
from helpdesk.services.aliases import Known
from helpdesk.services.identifying import Sender, identify, readdress, typed
from helpdesk.services.organizations import open_channel
from tests.factories import World

Kind = IdentityAlias.Kind
PEOPLE, CHANNELS, BATCH = 120, 4, 50
KINDS = (Kind.PHONE, Kind.MAIL, Kind.UNION_ID)


class Crowd:
    """The people of one organization; the same names exist in the other one."""

    def __init__(self, world: World, seed: int, people: int = PEOPLE) -> None:
        self.world, self.random = world, random.Random(seed)
        self.people = people
        self.moves: dict[tuple[int, int], int] = defaultdict(int)
        with world.transaction():
            self.channels = [
                open_channel(Channel(kind="webhook", name=f"door {number}"))
                for number in range(CHANNELS)
            ]

    def name_of(self, person: int, kind: str) -> str:
        return {
            Kind.PHONE: f"+86138{person:08d}",
            Kind.MAIL: f"p{person}@example.com",
            Kind.UNION_ID: f"union-{person}",
        }[Kind(kind)]

    def address_of(self, person: int, door: int) -> str:
        return f"u-{person}-{door}-{self.moves[person, door]}"

    def claims(self, person: int) -> tuple[Known, ...]:
        """Return what somebody tells of themselves: the truth where it is verified, anything where it is not."""
        told = []
        for kind in KINDS:
            choice = self.random.random()
            if choice < 0.2:
                told.append(Known(kind, self.name_of(person, kind), True))
            elif choice < 0.35:
                other = self.random.randrange(self.people)
                told.append(Known(kind, self.name_of(other, kind)))
        return tuple(told)

    def happen(self) -> None:
        """Let one thing happen."""
        person, door = self.random.randrange(self.people), self.random.randrange(CHANNELS)
        channel, address = self.channels[door], self.address_of(person, door)
        sender = Sender(address, f"person {person}", is_verified=True, known=self.claims(person))
        identity = identify(channel, sender)
        what = self.random.random()
        if what < 0.1:
            kind = self.random.choice(KINDS)
            typed(
                identity,
                [Known(kind, self.name_of(self.random.randrange(self.people), kind), True)],
            )
        elif what < 0.2:
            self.moves[person, door] += 1
            readdress(identity, [self.address_of(person, door)])

    def wrong(self) -> list[str]:
        """Return the customers who are more than one person, and people whose proofs are with several."""
        people, customers = defaultdict(set), defaultdict(set)
        with self.world.transaction():
            for row in Identity.objects.order_by("pk"):
                people[row.customer_id].add(row.external_id.split("-")[1])
                assert row.organization_id == self.world.organization.pk
            proofs = IdentityAlias.objects.filter(is_verified=True, kind__in=KINDS)
            for value, customer_id in proofs.values_list("value", "identity__customer_id"):
                customers[value].add(customer_id)
        found = [f"customer {pk} is {who}" for pk, who in people.items() if len(who) > 1]
        return found + [f"{value} is of {who}" for value, who in customers.items() if len(who) > 1]


@pytest.mark.parametrize(
    ("seed", "events"),
    [(7, 150), pytest.param(20261127, 10_000, marks=pytest.mark.soak)],
)
def test_random_events_merge_nobody_wrongly(
    world: World, other_world: World, seed: int, events: int
) -> None:
    people = min(PEOPLE, events // 20)
    crowds = [Crowd(world, seed, people), Crowd(other_world, seed + 1, people)]
    order = random.Random(seed)
    for _batch in range(events // BATCH):
        crowd = order.choice(crowds)
        with crowd.world.transaction():
            for _event in range(BATCH):
                crowd.happen()
    for crowd in crowds:
        assert crowd.wrong() == []
        with crowd.world.transaction():
            joined = Identity.objects.order_by().values("customer_id").distinct().count()
            assert joined < Identity.objects.count()
            assert MergeSuggestion.objects.exists()
