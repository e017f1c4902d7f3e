"""An account is one identity under all of its names; a number that changed hands leads to nobody else's."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.models import AuditEntry, Channel, Customer, Identity, IdentityAlias
from helpdesk.phones import e164, is_number
from helpdesk.services.aliases import MOST, Known, named
from helpdesk.services.identifying import Sender, find, identify, readdress, typed
from helpdesk.services.organizations import open_channel
from tests.factories import World

Kind = IdentityAlias.Kind
USER, OTHER = "DE.1349120865530274191", "DE.2200000000000000000"
PHONE, NEWER = "491711234567", "491729999999"


@pytest.fixture
def channel(world: World) -> Channel:
    with world.transaction():
        return open_channel(Channel(kind="webhook", name="Messenger"))


def account(*names: str, verified: bool = True, **facts: Any) -> Sender:
    """Return a sender whose account goes by these names, the first of them its address."""
    first, *others = names
    known = [
        Known(Kind.NUMBER if is_number(each) else Kind.USER_ID, each, verified) for each in others
    ]
    known += [Known(Kind.PHONE, f"+{each}", verified) for each in names if is_number(each)]
    return Sender(external_id=first, is_verified=verified, known=tuple(known), **facts)


def met(world: World, channel: Channel, *names: str, **facts: Any) -> Identity:
    with world.transaction():
        return identify(channel, account(*names, **facts))


@pytest.mark.parametrize("order", [((USER, PHONE), (PHONE,)), ((PHONE,), (USER, PHONE))])
def test_id_and_number_of_an_account_are_one_identity_whichever_comes_first(
    world: World, channel: Channel, order: tuple[tuple[str, ...], ...]
) -> None:
    first, second = (met(world, channel, *names) for names in order)
    again = met(world, channel, USER)
    assert first.pk == second.pk == again.pk
    assert again.external_id == USER
    with world.transaction():
        assert Customer.objects.count() == 1


def test_a_name_that_nobody_vouches_for_leads_nowhere(world: World, channel: Channel) -> None:
    first = met(world, channel, USER, PHONE)
    liar = met(world, channel, OTHER, PHONE, verified=False)
    number = met(world, channel, PHONE, USER, verified=False)
    # An address of the channel is its own to give: only what is told beside it may be a lie.
    assert number.pk == first.pk
    assert liar.pk != first.pk
    assert liar.customer_id != first.customer_id


def test_the_same_names_on_another_channel_are_another_account(
    world: World, channel: Channel
) -> None:
    with world.transaction():
        other = open_channel(Channel(kind="webhook", name="Another"))
    first, second = met(world, channel, USER, PHONE), met(world, other, OTHER, USER)
    assert first.pk != second.pk


def test_a_number_that_changed_hands_belongs_to_whom_it_was_named_for_last(
    world: World, channel: Channel
) -> None:
    first = met(world, channel, USER, PHONE)
    second = met(world, channel, OTHER, PHONE)
    assert second.pk != first.pk
    assert second.customer_id != first.customer_id
    assert met(world, channel, PHONE).pk == second.pk
    assert met(world, channel, USER).pk == first.pk
    with world.transaction():
        left = IdentityAlias.objects.filter(identity=first, ended_at__isnull=False)
        assert {each.value for each in left} == {PHONE, f"+{PHONE}"}


def test_an_account_that_moved_keeps_its_identity_and_what_it_left_is_free(
    world: World, channel: Channel
) -> None:
    first = met(world, channel, PHONE)
    with world.transaction():
        readdress(first, [NEWER, OTHER])
    for names in ((OTHER,), (NEWER,), (OTHER, NEWER)):
        found = met(world, channel, *names)
        assert (found.pk, found.external_id) == (first.pk, OTHER)
    stranger = met(world, channel, PHONE)
    assert stranger.pk != first.pk
    assert stranger.customer_id != first.customer_id
    with world.transaction():
        assert AuditEntry.objects.filter(
            action="identity.readdressed", subject_id=first.pk
        ).exists()
        old = IdentityAlias.objects.get(identity=first, value=PHONE)
        assert old.ended_at is not None


def test_what_came_under_the_newer_address_already_is_found(world: World, channel: Channel) -> None:
    first, second = met(world, channel, USER), met(world, channel, OTHER)
    with world.transaction():
        assert readdress(first, [OTHER]).pk == second.pk
        first.refresh_from_db()
    assert first.external_id == USER


def test_an_id_that_was_left_still_leads_to_its_account(world: World, channel: Channel) -> None:
    first = met(world, channel, USER)
    with world.transaction():
        readdress(first, [OTHER])
        assert find(channel, Sender(USER)) == first
    assert met(world, channel, USER).external_id == OTHER


def test_what_was_verified_stays_so_and_what_was_typed_is_not(
    world: World, channel: Channel
) -> None:
    with world.transaction():
        known = Known(Kind.MAIL, "Lin@Example.com ", True)
        one = identify(channel, Sender("u1", is_verified=True, known=(known,)))
        typed(one, [known, Known(Kind.MAIL, "other@example.com", True)])
        identify(
            channel, Sender("u1", is_verified=True, known=(Known(Kind.MAIL, "lin@example.com"),))
        )
        rows = dict(one.aliases.values_list("value", "is_verified"))
    assert rows == {"lin@example.com": True, "other@example.com": False}


def test_who_is_known_costs_one_query(world: World, channel: Channel) -> None:
    with world.transaction():
        sender = account(USER, PHONE)
        identify(channel, sender)
        with CaptureQueriesContext(connection) as asked:
            identify(channel, sender)
    assert len(asked) == 1


def test_no_more_names_are_kept_than_anybody_has(world: World, channel: Channel) -> None:
    known = tuple(Known(Kind.MAIL, f"a{number}@example.com") for number in range(500))
    with world.transaction():
        one = identify(channel, Sender("u1", known=known))
        assert one.aliases.count() == MOST


def test_names_of_another_organization_lead_nowhere(
    world: World, other_world: World, channel: Channel
) -> None:
    with other_world.transaction():
        theirs = open_channel(Channel(kind="webhook", name="Messenger"))
        identify(theirs, account(USER, PHONE))
    mine = met(world, channel, PHONE)
    assert mine.external_id == PHONE
    with world.transaction():
        assert not IdentityAlias.objects.filter(value=USER).exists()
    call_command("check_invariants", verbosity=0)


@pytest.mark.parametrize(
    ("text", "country", "found"),
    [
        ("138 1234 5678", "CN", "+8613812345678"),
        ("+86 138-1234-5678", "", "+8613812345678"),
        ("0171 1234567", "DE", "+491711234567"),
        ("+5215512345678", "CN", "+5215512345678"),
        ("12", "CN", ""),
        ("ring me", "CN", ""),
        ("+49 171 1234567 ext. 5", "CN", ""),
        ("1" * 500, "CN", ""),
        ("", "CN", ""),
    ],
)
def test_a_number_is_the_same_however_it_is_typed(text: str, country: str, found: str) -> None:
    assert e164(text, country) == found


def test_a_number_without_a_prefix_is_one_of_the_organizations_country(world: World) -> None:
    with world.transaction():
        assert [each.value for each in named([Known(Kind.PHONE, "13812345678")])] == [
            "+8613812345678"
        ]
