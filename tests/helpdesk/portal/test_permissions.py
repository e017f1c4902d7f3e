"""Who may not: absent and forbidden answer alike, by page, by fragment and by every action."""

import pytest

from helpdesk.models import Conversation
from helpdesk.services import assignment, grants
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen

READS = ["", "earlier/?before=5", "snippets/", "colleagues/"]
WRITES = [
    "write/",
    "take/",
    "release/",
    "resolve/",
    "reopen/",
    "transfer/",
    "assign/",
    "snooze/",
    "escalate/",
    "topic/",
    "priority/",
]


@pytest.mark.parametrize("htmx", [False, True])
@pytest.mark.parametrize("part", READS)
def test_conversation_reads_the_same_absent_forbidden_and_foreign(
    world: World, other_world: World, screen: Screen, part: str, htmx: bool
) -> None:
    mine = world.message().conversation_id
    foreign = other_world.message().conversation_id
    assert screen("carol", htmx=htmx).get(f"/conversations/{mine}/{part}").status_code == 200
    stranger = screen("frank", htmx=htmx)
    forbidden = stranger.get(f"/conversations/{mine}/{part}")
    absent = stranger.get(f"/conversations/999999/{part}")
    other = stranger.get(f"/conversations/{foreign}/{part}")
    assert forbidden.status_code == absent.status_code == other.status_code == 404
    assert (
        _without_token(forbidden.content)
        == _without_token(absent.content)
        == _without_token(other.content)
    )


@pytest.mark.parametrize("part", WRITES)
def test_stranger_changes_nothing(world: World, screen: Screen, part: str) -> None:
    pk = world.message().conversation_id
    body = {
        "text": "x",
        "to": f"staff-{world.frank.pk}",
        "staff": world.frank.pk,
        "choice": "hour",
        "priority": "urgent",
        "reason": "x",
    }
    before = _facts(world, pk)
    response = screen("frank", htmx=True).post(f"/conversations/{pk}/{part}", body)
    assert response.status_code == 404
    assert _facts(world, pk) == before


def test_board_is_for_supervisors(world: World, screen: Screen) -> None:
    assert screen("bob").get("/board/").status_code == 200
    assert screen("carol").get("/board/").status_code == 404
    assert screen("carol").get("/board/parts/").status_code == 404


def test_board_shows_the_departments_one_supervises_only(world: World, screen: Screen) -> None:
    page = screen("bob").get("/board/").content.decode()
    assert "Support" in page
    assert "Erin" not in page


def test_first_steps_are_for_administrators(world: World, screen: Screen) -> None:
    assert screen("alice").get("/start/").status_code == 200
    bob = screen("bob")
    assert bob.get("/start/").status_code == 404
    assert bob.post("/start/name/", {"name": "Mine now"}).status_code == 404
    assert bob.post("/start/invite/", _invitation(world)).status_code == 404


def test_role_taken_away_closes_the_conversation(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    carol = screen("carol")
    assert carol.get(f"/conversations/{pk}/").status_code == 200
    with world.transaction():
        grants.revoke_role(world.carol.role_grants.get())
    assert carol.get(f"/conversations/{pk}/").status_code == 404
    assert carol.post(f"/conversations/{pk}/write/", {"text": "still here?"}).status_code == 404


def test_stranger_to_the_organization_signs_in_first(world: World, screen: Screen, client) -> None:
    response = client.get("/")
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/")
    fragment = client.get("/parts/list/", headers={"HX-Request": "true"})
    assert fragment.status_code == 401
    assert fragment["HX-Redirect"] == "/sign-in/"


def test_nobody_works_for_an_organization_they_do_not_belong_to(
    world: World, other_world: World, screen: Screen
) -> None:
    pk = other_world.message().conversation_id
    carol = screen("carol")
    session = carol.session
    session["organization_id"] = other_world.organization.pk
    session.save()
    assert carol.get("/").status_code == 403
    assert carol.get(f"/conversations/{pk}/").status_code in {403, 404}
    carol.post("/organization/", {"organization": other_world.organization.pk})
    assert carol.session.get("organization_id") != other_world.organization.pk


def test_owner_sees_their_conversation_and_may_answer(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    assignment.take(world.access("carol"), pk)
    page = screen("carol").get(f"/conversations/{pk}/").content.decode()
    assert 'id="composer"' in page
    assert f"/conversations/{pk}/resolve/" in page


def _facts(world: World, pk: int) -> tuple[object, ...]:
    found: Conversation = world.conversation(pk)
    return found.state, found.owner_id, found.department_id, found.topic_id, found.last_number


def _invitation(world: World) -> dict[str, object]:
    return {
        "name": "New",
        "email": "new@acme.example",
        "department": world.support.pk,
        "role": world.roles["agent"].pk,
    }


def _without_token(page: bytes) -> bytes:
    return page
