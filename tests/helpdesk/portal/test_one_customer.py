"""Beside a conversation: who may be the same customer, merging and undoing it, notes elsewhere, consent."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.access import conversation as visible_conversation
from helpdesk.models import Conversation, Customer, CustomerMerge, IdentityAlias, MergeSuggestion
from helpdesk.portal.known import read_identities, read_known, read_past
from helpdesk.services import assignment, customers, matching, replying
from helpdesk.services.aliases import Named, keep
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen

MOST_QUERIES = 8


class Pair:
    """Two customers who may be one, each with a conversation that carol holds."""

    def __init__(self, world: World) -> None:
        self.world = world
        carol = world.access("carol")
        self.conversations = []
        for number, name in enumerate(("Li Lei", "Han Meimei")):
            pk = world.message("hello", f"v{number}").conversation_id
            if number == 0:
                assignment.take(carol, pk)
            replying.note(carol, pk, text=f"note of {name}")
            customers.edit_customer(world.access("bob"), self.customer(pk), name=name)
            self.conversations.append(pk)
        self.first, self.second = self.conversations
        with world.transaction():
            self.customers = [self._customer(pk) for pk in self.conversations]
            matching.suggest(*self.customers, {"kind": "mail", "value": "lei@example.com"})
            self.suggestion = MergeSuggestion.objects.get().pk

    def customer(self, pk: int) -> int:
        with self.world.transaction():
            return self._customer(pk)

    def _customer(self, pk: int) -> int:
        return int(Conversation.objects.get(pk=pk).customer_id)

    def url(self, part: str, pk: int | None = None) -> str:
        return f"/conversations/{pk or self.first}/{part}"


@pytest.fixture
def pair(world: World) -> Pair:
    return Pair(world)


def known(browser: Any, pair: Pair) -> str:
    answer = browser.get(pair.url("known/"))
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_supervisor_merges_as_suggested_and_undoes_it(
    world: World, screen: Screen, pair: Pair
) -> None:
    bob = screen("bob", htmx=True)
    page = known(bob, pair)
    for shown in ("Han Meimei", "The same mail address: lei@example.com"):
        assert shown in page
    assert pair.url(f"customer/suggestions/{pair.suggestion}/accept/") in page
    answer = bob.post(pair.url(f"customer/suggestions/{pair.suggestion}/accept/"))
    assert "Merged with Han Meimei" in answer.content.decode()
    assert pair.customer(pair.second) == pair.customer(pair.first)
    page = known(bob, pair)
    assert "note of Han Meimei" in page
    assert "May be the same customer" not in page
    with world.transaction():
        merged = CustomerMerge.objects.get().pk
    undo = pair.url(f"customer/merges/{merged}/undo/")
    assert undo in page
    assert bob.post(pair.url(f"customer/merges/{merged}/undo/", pair.second)).status_code == 200
    assert [pair.customer(pk) for pk in pair.conversations] == pair.customers
    assert bob.post(undo).status_code == 409


def test_two_who_are_not_the_same_are_never_asked_about_again(
    world: World, screen: Screen, pair: Pair
) -> None:
    bob = screen("bob", htmx=True)
    assert bob.post(pair.url(f"customer/suggestions/{pair.suggestion}/dismiss/")).status_code == 200
    with world.transaction():
        matching.suggest(*pair.customers, {"kind": "phone", "value": "+8613812345678"})
    assert "May be the same customer" not in known(bob, pair)


def test_another_customer_is_found_and_merged(world: World, screen: Screen, pair: Pair) -> None:
    bob, url = screen("bob", htmx=True), pair.url("customer/merge/")
    assert url in known(bob, pair)
    assert 'name="other"' not in bob.get(url).content.decode()
    page = bob.get(url, {"q": "meimei"}).content.decode()
    assert f'value="{pair.customers[1]}"' in page
    assert f'value="{pair.customers[0]}"' not in page
    assert bob.post(url, {}).status_code == 422
    assert bob.post(url, {"other": pair.customers[0]}).status_code == 422
    assert bob.post(url, {"other": 10**9}).status_code == 404
    assert bob.post(url, {"other": pair.customers[1]}).status_code == 200
    assert pair.customer(pair.second) == pair.customers[0]


def test_consent_is_written_down_and_withdrawn(world: World, screen: Screen, pair: Pair) -> None:
    bob, url = screen("bob", htmx=True), pair.url("customer/consent/")
    assert bob.get(url).status_code == 200
    assert bob.post(url, {"purpose": " ", "said": "granted"}).status_code == 422
    bob.post(url, {"purpose": "newsletter", "said": "granted"})
    assert "granted" in known(bob, pair)
    bob.post(url, {"purpose": "newsletter", "said": "withdrawn", "note": "by phone"})
    page = known(screen("carol", htmx=True), pair)
    assert "withdrawn" in page
    assert "granted" not in page
    assert url not in page


@pytest.mark.parametrize(("name", "status"), [("carol", 403), ("erin", 404), ("frank", 404)])
def test_others_may_not(world: World, screen: Screen, pair: Pair, name: str, status: int) -> None:
    person = screen(name, htmx=True)
    merged = matching.accept(world.access("bob"), pair.suggestion)
    with world.transaction():
        third = Customer.objects.create(name="Third").pk
        matching.suggest(pair.customers[0], third, {"kind": "mail", "value": "a@b"})
        suggested = MergeSuggestion.objects.get(state="open").pk
    calls = {
        "customer/merge/": {"other": third},
        f"customer/merges/{merged.pk}/undo/": {},
        f"customer/suggestions/{suggested}/accept/": {},
        f"customer/suggestions/{suggested}/dismiss/": {},
        "customer/consent/": {"purpose": "x", "said": "granted"},
    }
    for part, body in calls.items():
        assert person.post(pair.url(part), body).status_code == status, part
    assert pair.customer(pair.second) == pair.customers[0]
    answer = person.get(pair.url("known/"))
    assert answer.status_code == (404 if status == 404 else 200)
    for hidden in ("Third", "/customer/merge", "a@b"):
        assert hidden not in answer.content.decode()


def test_history_and_notes_are_those_that_somebody_may_see(
    world: World, screen: Screen, pair: Pair
) -> None:
    with world.transaction():
        Conversation.objects.filter(pk=pair.second).update(department=world.sales)
    matching.accept(world.access("bob"), pair.suggestion)
    page = known(screen("carol", htmx=True), pair)
    assert "note of Han Meimei" not in page
    whole = screen("carol").get(pair.url("")).content.decode()
    assert f"/conversations/{pair.second}/" not in whole
    with world.transaction():
        Conversation.objects.filter(pk=pair.second).update(department=world.support)
    assert "note of Han Meimei" in known(screen("carol", htmx=True), pair)
    assert f"/conversations/{pair.second}/" in screen("carol").get(pair.url("")).content.decode()


def test_addresses_are_shown_as_what_they_are(world: World, screen: Screen, pair: Pair) -> None:
    with world.transaction():
        identity = Conversation.objects.get(pk=pair.first).identity
        identity.data = {"page": "https://shop.example/a3", "title": "Tingyu A3"}
        identity.save()
        kind = IdentityAlias.Kind
        names = [
            Named(kind.PHONE, "+8613812345678", True),
            Named(kind.MAIL, "typed@example.com", False),
        ]
        keep(identity, [*names, Named(kind.PHONE, "+8613900000000", True)])
        identity.aliases.filter(value="+8613900000000").update(ended_at="2026-01-01T00:00Z")
    page = " ".join(screen("carol").get(pair.url("")).content.decode().split())
    for shown in (
        "+8613812345678",
        "typed@example.com",
        "No longer theirs",
        "Tingyu A3",
        "Not verified",
    ):
        assert shown in page, shown


def test_the_panel_asks_little_however_much_is_known(world: World, pair: Pair) -> None:
    with world.transaction():
        matching.suggest(pair.customers[0], Customer.objects.create().pk, {"kind": "mail"})
    matching.accept(world.access("bob"), pair.suggestion)
    bob = world.access("bob")
    with world.transaction():
        found = visible_conversation(bob, pair.first)
        with CaptureQueriesContext(connection) as asked:
            read_identities(found)
            read_past(bob, found)
            read_known(bob, found)
    assert len(asked) <= MOST_QUERIES, [each["sql"] for each in asked]
