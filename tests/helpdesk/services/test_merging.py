"""Two customers become one and two again, with nothing lost either way, and only where somebody may."""

from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from helpdesk.access import visible_conversations
from helpdesk.errors import HelpdeskError, Invalid, NotFound, Refused, WrongState
from helpdesk.models import (
    Attachment,
    AuditEntry,
    Consent,
    Conversation,
    Customer,
    CustomerMerge,
    Entry,
    Identity,
    IdentityAlias,
    MergeSuggestion,
    Message,
    Rating,
)
from helpdesk.reports.customer_search import customers_named
from helpdesk.services import assignment, customers, lifecycle, matching, merging, ratings, replying
from tests.factories import World

# What is written whenever a row is saved.
UNSTEADY = {"updated_at"}


def whole(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return every row that tells of customers and what they said."""
    tables = (
        Customer,
        Identity,
        IdentityAlias,
        Conversation,
        Entry,
        Message,
        Attachment,
        Rating,
        Consent,
    )
    with world.transaction():
        return {
            table.__name__: [
                {name: value for name, value in row.items() if name not in UNSTEADY}
                for row in table.objects.order_by("pk").values()
            ]
            for table in tables
        }


def known(world: World, visitor: str, **facts: Any) -> int:
    """Have somebody write, be answered and rate, and be known by these facts; return their id."""
    carol, pk = world.access("carol"), world.message(f"hello of {visitor}", visitor).conversation_id
    assignment.take(carol, pk)
    replying.reply(carol, pk, text="answer")
    replying.note(carol, pk, text="note")
    lifecycle.resolve(carol, pk)
    ratings.rate(pk, score=4)
    world.message("again", visitor)
    with world.transaction():
        found = Conversation.objects.get(pk=pk).customer_id
        Consent.objects.create(
            customer_id=found, purpose="marketing", is_granted=True, at=timezone.now()
        )
    customers.edit_customer(world.access("bob"), found, **facts)
    return int(found)


@pytest.fixture
def two(world: World) -> tuple[int, int]:
    first = known(
        world,
        "v1",
        name="Li Lei",
        company="Li & Sons",
        tags=["old"],
        remark="calls often",
        tier="important",
    )
    second = known(
        world, "v2", email="lei@example.com", phone="138 1234 5678", tags=["new"], remark="likes tea",
        tier="vip", external_id="crm-7", company="Tea House",
    )  # fmt: skip
    return first, second


def test_everything_goes_to_the_one_that_is_kept(world: World, two: tuple[int, int]) -> None:
    kept, gone = two
    merging.merge(world.access("bob"), kept, gone)
    with world.transaction():
        customer, other = Customer.objects.get(pk=kept), Customer.objects.get(pk=gone)
        assert (customer.name, customer.email, customer.number) == (
            "Li Lei", "lei@example.com", "+8613812345678",
        )  # fmt: skip
        assert (customer.tier, customer.tags, customer.external_id) == (
            "vip",
            ["old", "new"],
            "crm-7",
        )
        assert customer.remark == "calls often\nlikes tea"
        assert other.merged_into_id == kept
        for table in (Identity, Conversation, Consent):
            assert not table.objects.filter(customer=gone).exists()
        assert AuditEntry.objects.filter(action="customer.merged").count() == 2
        # Whoever looks for the other's company finds the one who was kept.
        assert customers_named("Tea House") == [kept]
    call_command("check_invariants", verbosity=0)


def test_undoing_restores_every_byte(world: World, two: tuple[int, int]) -> None:
    before = whole(world)
    bob = world.access("bob")
    row = merging.merge(bob, *two)
    assert whole(world) != before
    merging.undo(bob, row.pk)
    assert whole(world) == before
    with world.transaction():
        assert AuditEntry.objects.filter(action="customer.unmerged").count() == 2
        assert CustomerMerge.objects.get().undone_by_id == world.bob.pk
    call_command("check_invariants", verbosity=0)


def test_what_was_changed_since_stays_changed(world: World, two: tuple[int, int]) -> None:
    kept, gone = two
    bob = world.access("bob")
    row = merging.merge(bob, kept, gone)
    customers.edit_customer(
        bob, kept, name="Li Lei (CEO)", tags=["old", "new", "mine"], remark="now other"
    )
    # The address that moved has begun something new since.
    with world.transaction():
        Conversation.objects.filter(customer=kept).update(state="closed", queue=None, owner=None)
    begun = world.message("since then", "v2").conversation_id
    merging.undo(bob, row.pk)
    with world.transaction():
        customer, other = Customer.objects.get(pk=kept), Customer.objects.get(pk=gone)
        assert (customer.name, customer.tags, customer.remark) == (
            "Li Lei (CEO)", ["old", "mine"], "now other",
        )  # fmt: skip
        assert (customer.email, customer.external_id) == ("", "")
        assert (other.email, other.external_id) == ("lei@example.com", "crm-7")
        assert Conversation.objects.get(pk=begun).customer_id == gone


def test_merges_are_undone_in_the_order_that_is_possible(
    world: World, two: tuple[int, int]
) -> None:
    bob, third = world.access("bob"), known(world, "v3", name="Third")
    before = whole(world)
    inner = merging.merge(bob, two[0], two[1])
    outer = merging.merge(bob, third, two[0])
    with pytest.raises(WrongState):
        merging.undo(bob, inner.pk)
    merging.undo(bob, outer.pk)
    merging.undo(bob, inner.pk)
    assert whole(world) == before
    with pytest.raises(WrongState):
        merging.undo(bob, inner.pk)


def test_who_was_merged_is_neither_merged_nor_changed_again(
    world: World, two: tuple[int, int]
) -> None:
    bob, third = world.access("bob"), known(world, "v3")
    merging.merge(bob, *two)
    refused: list[tuple[type[HelpdeskError], Any]] = [
        (WrongState, lambda: merging.merge(bob, third, two[1])),
        (WrongState, lambda: merging.merge(bob, two[1], third)),
        (WrongState, lambda: customers.edit_customer(bob, two[1], name="x")),
        (Invalid, lambda: merging.merge(bob, third, third)),
        (NotFound, lambda: merging.merge(bob, third, 10**9)),
    ]
    for error, act in refused:
        with pytest.raises(error):
            act()


@pytest.mark.parametrize(("name", "error"), [("carol", Refused), ("frank", NotFound)])
def test_others_may_not(
    world: World, two: tuple[int, int], name: str, error: type[HelpdeskError]
) -> None:
    person, before = world.access(name), whole(world)
    with pytest.raises(error):
        merging.merge(person, *two)
    assert whole(world) == before
    row = merging.merge(world.access("bob"), *two)
    with pytest.raises(error):
        merging.undo(person, row.pk)
    with world.transaction():
        matching.suggest(two[0], known_customer(world), {"kind": "mail", "value": "a@b"})
        pk = MergeSuggestion.objects.get(state="open").pk
        assert matching.suggestions_of(person, two[0]) == []
    for act in (matching.accept, matching.dismiss):
        with pytest.raises(error):
            act(person, pk)


def known_customer(world: World) -> int:
    return int(Customer.objects.create(name="Other").pk)


def test_customers_of_another_organization_are_not_there(
    world: World, other_world: World, two: tuple[int, int]
) -> None:
    with other_world.transaction():
        theirs = Customer.objects.create(name="Li Lei").pk
    bob = world.access("bob")
    for pair in ((two[0], theirs), (theirs, two[0])):
        with pytest.raises(NotFound):
            merging.merge(bob, *pair)
    with world.transaction(), pytest.raises(NotFound):
        merging.join(two[0], theirs)


def test_a_merge_lets_colleagues_see_what_they_saw_and_no_more(
    world: World, two: tuple[int, int]
) -> None:
    erin = world.access("erin")
    with world.transaction():
        before = set(visible_conversations(erin).values_list("pk", flat=True))
    merging.merge(world.access("bob"), *two)
    with world.transaction():
        assert set(visible_conversations(erin).values_list("pk", flat=True)) == before
