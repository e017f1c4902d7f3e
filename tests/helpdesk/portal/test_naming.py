"""Naming the organization: its name is one line, wherever it is given."""

from typing import Any

import pytest

from helpdesk.errors import Invalid
from helpdesk.models import Organization
from helpdesk.services import invitations, organizations
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen

LINES = ["Acme\nBcc: x@y.example", "Acme\r\nBcc: x@y.example", "Acme\x00", "Acme\u2028Inc"]
PLAIN = ["Acme", "和光 · 智能家居", "Acme 👩\u200d💻"]


@pytest.mark.parametrize("name", [*PLAIN, *LINES])
@pytest.mark.parametrize("field", ["name", "name_en"])
def test_an_organization_is_named_in_one_line(field: str, name: str) -> None:
    if name in PLAIN:
        organizations.check_name(name, field)
    else:
        with pytest.raises(Invalid) as refused:
            organizations.check_name(name, field)
        assert refused.value.details == {"field": field}


@pytest.mark.parametrize("name", ["Acme & Co", *LINES[:2]])
@pytest.mark.parametrize("field", ["name", "name_en"])
def test_the_form_shows_what_is_wrong_with_a_name(
    world: World, screen: Screen, field: str, name: str
) -> None:
    answer = screen("alice").post("/start/name/", {"name": "Acme", field: name})
    is_plain = name not in LINES
    assert answer.status_code == (302 if is_plain else 422)
    assert ("A name is one line of plain characters." in answer.content.decode()) != is_plain
    with world.transaction():
        assert (getattr(Organization.objects.get(), field) == name) == is_plain


@pytest.mark.parametrize("name", ["Acme & Co", *LINES[:2]])
def test_an_organization_is_founded_under_one_line(world: World, name: str) -> None:
    if name in LINES:
        with pytest.raises(Invalid):
            organizations.found(name=name, slug="new")
    else:
        assert organizations.found(name=name, slug="new").name == name


def test_a_name_from_before_that_rule_still_invites(world: World, mailoutbox: list[Any]) -> None:
    with world.transaction():
        Organization.objects.update(name=LINES[0], name_en=LINES[0])
        world.carol.organization.refresh_from_db()
        invitations.invite(world.carol)
    assert "Acme Bcc: x@y.example" in mailoutbox[0].subject
