"""What is proved brings customers together; what was typed only suggests it, and a person decides for good."""

from typing import Any

import pytest

from helpdesk.errors import WrongState
from helpdesk.models import (
    AuditEntry,
    Channel,
    Conversation,
    Customer,
    CustomerMerge,
    Identity,
    IdentityAlias,
    MergeSuggestion,
)
from helpdesk.services import customers, matching, merging
from helpdesk.services.aliases import Known
from helpdesk.services.identifying import Sender, identify, typed
from helpdesk.services.organizations import open_channel
from helpdesk.services.receiving import receive
from tests.factories import World

Kind = IdentityAlias.Kind
PHONE, MAIL = "+8613812345678", "lin@example.com"


class Doors:
    """Two channels of one organization, and who comes through them."""

    def __init__(self, world: World) -> None:
        self.world = world
        with world.transaction():
            self.channels = [open_channel(Channel(kind="webhook", name=name)) for name in "ab"]

    def come(self, who: str, *known: Known, door: int = 0, **facts: Any) -> Identity:
        """Return the identity of somebody who came, as it is now."""
        sender = Sender(who, is_verified=True, known=known, **facts)
        with self.world.transaction():
            return identify(self.channels[door], sender)

    def pairs(self, state: str = "open") -> list[tuple[int, int]]:
        with self.world.transaction():
            rows = MergeSuggestion.objects.filter(state=state).order_by("pk")
            return list(rows.values_list("first_id", "second_id"))


@pytest.fixture
def doors(world: World) -> Doors:
    return Doors(world)


def proved(value: str, kind: str = Kind.PHONE) -> Known:
    return Known(kind, value, True)


def said(value: str, kind: str = Kind.PHONE) -> Known:
    return Known(kind, value)


@pytest.mark.parametrize(
    "known",
    [(Kind.PHONE, PHONE), (Kind.MAIL, MAIL), (Kind.UNION_ID, "oGZUI0egBJY1zhBYw2KhdUfwVJJE")],
)
def test_who_is_proved_to_be_known_joins_at_once(doors: Doors, known: tuple[str, str]) -> None:
    kind, value = known
    one = doors.come("u1", proved(value, kind))
    two = doors.come("x9", proved(value.upper() if kind == Kind.MAIL else value, kind), door=1)
    assert one.pk != two.pk
    assert one.customer_id == two.customer_id
    assert doors.pairs() == []


def test_two_accounts_of_one_channel_stay_two_identities_of_one_customer(doors: Doors) -> None:
    one, two = doors.come("u1", proved(PHONE)), doors.come("u2", proved(PHONE))
    assert one.pk != two.pk
    assert one.customer_id == two.customer_id


@pytest.mark.parametrize("first", [proved, said])
def test_what_was_typed_only_suggests(doors: Doors, first: Any) -> None:
    one, two = doors.come("u1", first(PHONE)), doors.come("x9", said("138 1234 5678"), door=1)
    assert one.customer_id != two.customer_id
    assert doors.pairs() == [(one.customer_id, two.customer_id)]
    with doors.world.transaction():
        evidence = MergeSuggestion.objects.get().evidence
    assert evidence == [{"kind": "phone", "value": PHONE, "verified": False}]


def test_what_was_typed_first_is_no_proof_later_either(doors: Doors) -> None:
    """Somebody who typed another's address before them gets nothing of theirs."""
    liar = doors.come("liar", said(MAIL, Kind.MAIL))
    owner = doors.come("owner", proved(MAIL, Kind.MAIL), door=1)
    assert liar.customer_id != owner.customer_id
    assert doors.pairs() == [(liar.customer_id, owner.customer_id)]


def test_two_who_turn_out_to_be_one_are_merged_with_all_they_said(doors: Doors) -> None:
    with doors.world.transaction():
        sender = Sender("x9", is_verified=True)
        pk = receive(doors.channels[1], sender, text="?", client_ref="1").conversation_id
    one = doors.come("u1", proved(PHONE))
    two = doors.come("x9", proved(PHONE), door=1)
    with doors.world.transaction():
        merged = CustomerMerge.objects.get()
        # The older one stays.
        assert two.customer_id == merged.kept_id == min(merged.kept_id, merged.gone_id)
        assert Identity.objects.get(pk=one.pk).customer_id == merged.kept_id
        assert Conversation.objects.get(pk=pk).customer_id == merged.kept_id
        assert merged.by_id is None
        assert merged.evidence == [{"kind": "phone", "value": PHONE, "verified": True}]
        entry = AuditEntry.objects.filter(action="customer.merged")[0]
        assert entry.actor == AuditEntry.Actor.SYSTEM


def test_who_a_person_held_apart_is_never_joined_by_itself_again(doors: Doors) -> None:
    doors.come("x9", door=1)
    doors.come("u1", proved(PHONE))
    doors.come("x9", proved(PHONE), door=1)
    bob = doors.world.access("bob")
    with doors.world.transaction():
        merged = CustomerMerge.objects.get()
    merging.undo(bob, merged.pk)
    again = doors.come("u1", proved(PHONE), proved(MAIL, Kind.MAIL))
    other = doors.come("x9", proved(PHONE), proved(MAIL, Kind.MAIL), door=1)
    assert again.customer_id != other.customer_id
    assert doors.pairs() == []
    assert len(doors.pairs("dismissed")) == 1
    # Nor does a third, whose number is both of theirs, choose one of them.
    third = doors.come("u3", proved(PHONE))
    assert third.customer_id not in {again.customer_id, other.customer_id}
    assert len(doors.pairs()) == 2


def test_two_whom_the_crm_knows_apart_are_only_suggested(doors: Doors) -> None:
    one, two = doors.come("u1", proved(PHONE)), doors.come("x9", door=1)
    bob = doors.world.access("bob")
    for number, each in enumerate((one, two)):
        customers.edit_customer(bob, each.customer_id, external_id=f"crm-{number}")
    doors.come("x9", proved(PHONE), door=1)
    assert doors.pairs() == [(one.customer_id, two.customer_id)]


def test_a_suggestion_is_decided_once(doors: Doors) -> None:
    one, two = doors.come("u1", said(PHONE)), doors.come("x9", said(PHONE), door=1)
    bob = doors.world.access("bob")
    with doors.world.transaction():
        (row,) = matching.suggestions_of(bob, two.customer_id)
    matching.dismiss(bob, row.pk)
    for act in (matching.accept, matching.dismiss):
        with pytest.raises(WrongState):
            act(bob, row.pk)
    with doors.world.transaction():
        typed(one, [said(MAIL, Kind.MAIL)])
        typed(two, [said(MAIL, Kind.MAIL)])
        assert matching.suggestions_of(bob, one.customer_id) == []
    assert doors.pairs("dismissed") == [(one.customer_id, two.customer_id)]


def test_an_accepted_suggestion_keeps_its_evidence(doors: Doors) -> None:
    one, two = doors.come("u1", said(PHONE)), doors.come("x9", said(PHONE), door=1)
    bob = doors.world.access("bob")
    with doors.world.transaction():
        (row,) = matching.suggestions_of(bob, one.customer_id)
    merged = matching.accept(bob, row.pk)
    assert (merged.kept_id, merged.gone_id) == (one.customer_id, two.customer_id)
    assert merged.evidence[0]["value"] == PHONE
    assert doors.pairs("accepted") == [(one.customer_id, two.customer_id)]
    merging.undo(bob, merged.pk)
    assert doors.pairs("dismissed") == [(one.customer_id, two.customer_id)]


def test_what_was_decided_of_one_holds_for_whom_it_becomes(doors: Doors) -> None:
    one, two = doors.come("u1", said(PHONE)), doors.come("x9", said(PHONE), door=1)
    bob = doors.world.access("bob")
    with doors.world.transaction():
        (row,) = matching.suggestions_of(bob, one.customer_id)
    matching.dismiss(bob, row.pk)
    third = doors.come("u3")
    merged = merging.merge(bob, third.customer_id, one.customer_id)
    assert merging_is_barred(doors, third.customer_id, two.customer_id)
    merging.undo(bob, merged.pk)
    assert not merging_is_barred(doors, third.customer_id, two.customer_id)


def merging_is_barred(doors: Doors, one: int, other: int) -> bool:
    with doors.world.transaction():
        return merging.was_undone(one, other)


def test_what_many_share_suggests_nothing(doors: Doors) -> None:
    for number in range(matching.MOST_ALIKE + 3):
        doors.come(f"u{number}", said("office@example.com", Kind.MAIL))
    assert len(doors.pairs()) == sum(range(matching.MOST_ALIKE + 1))


def test_what_colleagues_write_down_suggests(doors: Doors) -> None:
    bob = doors.world.access("bob")
    one = customers.add_customer(bob, name="林小满", place="杭州")
    two = customers.add_customer(bob, name="林小满", place="杭州")
    customers.add_customer(bob, name="林小满", place="上海")
    assert doors.pairs() == [(one.pk, two.pk)]
    three = customers.add_customer(bob, phone="13812345678")
    customers.edit_customer(bob, one.pk, phone="+86 138-1234-5678")
    assert (one.pk, three.pk) in doors.pairs()
    guest = doors.come("u1", said(PHONE))
    assert (one.pk, guest.customer_id) in doors.pairs()


def test_the_same_proof_in_another_organization_is_nobodys_here(
    world: World, other_world: World, doors: Doors
) -> None:
    theirs = Doors(other_world).come("u1", proved(PHONE), proved(MAIL, Kind.MAIL))
    mine = doors.come("u1", proved(PHONE), said(MAIL, Kind.MAIL))
    assert mine.customer_id != theirs.customer_id
    assert doors.pairs() == []
    with world.transaction():
        assert Customer.objects.filter(pk=mine.customer_id).exists()
        assert not Customer.objects.filter(pk=theirs.customer_id).exists()


def test_who_proves_two_things_joins_whoever_has_either(doors: Doors) -> None:
    one = doors.come("u1", proved(PHONE))
    two = doors.come("u2", proved(MAIL, Kind.MAIL))
    assert one.customer_id != two.customer_id
    three = doors.come("x9", proved(PHONE), proved(MAIL, Kind.MAIL), door=1)
    again = [doors.come("u1", proved(PHONE)), doors.come("u2", proved(MAIL, Kind.MAIL))]
    assert {each.customer_id for each in again} == {three.customer_id}
