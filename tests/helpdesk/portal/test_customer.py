"""Changing what is known of a customer, beside the conversation."""

import re

import pytest

from helpdesk.models import AuditEntry, Customer, Identity
from helpdesk.services import assignment
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen

GIVEN = {
    "name": "李雷",
    "company": "和光",
    "email": "lei@example.com",
    "phone": "",
    "place": "上海",
    "language": "en",
    "tier": "vip",
    "tags": "急,老客户",
    "remark": "常买耳机",
}


@pytest.fixture
def pk(world: World) -> int:
    found = world.message().conversation_id
    assignment.take(world.access("carol"), found)
    return found


def _customer(world: World) -> Customer:
    with world.transaction():
        return Customer.objects.get()


def test_supervisor_changes_the_customer(world: World, screen: Screen, pk: int) -> None:
    bob, url = screen("bob", htmx=True), f"/conversations/{pk}/customer/"
    assert url in screen("bob").get(f"/conversations/{pk}/").content.decode()
    assert 'name="tags"' in bob.get(url).content.decode()
    answer = bob.post(url, GIVEN)
    assert answer.status_code == 200
    assert "常买耳机" in answer.content.decode()
    changed = _customer(world)
    assert (changed.name, changed.tier, changed.tags) == ("李雷", "vip", ["急", "老客户"])
    with world.transaction():
        entry = AuditEntry.objects.get(action="customer.changed")
    assert entry.staff_id == world.bob.pk
    assert "name" in entry.data["fields"]


def test_error_names_the_field_and_keeps_what_was_typed(
    world: World, screen: Screen, pk: int
) -> None:
    url = f"/conversations/{pk}/customer/"
    answer = screen("bob", htmx=True).post(url, {**GIVEN, "email": "nowhere"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="nowhere"' in page
    assert "data-error" in page
    assert _customer(world).name == ""


@pytest.mark.parametrize(("name", "status"), [("carol", 403), ("erin", 404), ("frank", 404)])
def test_others_may_not(world: World, screen: Screen, pk: int, name: str, status: int) -> None:
    url = f"/conversations/{pk}/customer/"
    person = screen(name, htmx=True)
    assert person.get(url).status_code == status
    assert person.post(url, GIVEN).status_code == status
    assert _customer(world).name == ""
    assert url not in screen(name).get(f"/conversations/{pk}/").content.decode()


def test_what_stands_beside_a_conversation_is_for_who_may_see_it(
    world: World, screen: Screen, pk: int
) -> None:
    url = f"/conversations/{pk}/context/"
    seen = screen("carol", htmx=True).get(url)
    assert seen.status_code == 200
    assert f'data-conversation="{pk}"' in seen.content.decode()
    assert screen("carol").get(url).url == f"/conversations/{pk}/"
    for name in ("erin", "frank"):
        assert screen(name, htmx=True).get(url).status_code == 404


def test_a_customer_has_no_more_tags_than_rest_allows(
    world: World, screen: Screen, pk: int
) -> None:
    tags = ",".join(f"t{number}" for number in range(21))
    answer = screen("bob", htmx=True).post(
        f"/conversations/{pk}/customer/", {**GIVEN, "tags": tags}
    )
    assert answer.status_code == 422
    assert _customer(world).tags == []


def test_an_address_that_nobody_proved_is_shown_as_such(
    world: World, screen: Screen, pk: int
) -> None:
    with world.transaction():
        Identity.objects.update(data={"email": "left@example.com"})
    shown = screen("carol").get(f"/conversations/{pk}/").content.decode()
    assert re.search("left@example.com</span></span><span [^>]+>(Not verified|未核实)", shown)
    # Somebody has written it down as the customer's.
    screen("bob", htmx=True).post(
        f"/conversations/{pk}/customer/", {**GIVEN, "email": "left@example.com"}
    )
    shown = screen("carol").get(f"/conversations/{pk}/").content.decode()
    assert shown.count("left@example.com") == 1
