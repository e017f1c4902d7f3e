"""Ending the access of a colleague who was called in, and saying how important a conversation is."""

import re
from datetime import timedelta

import pytest

from helpdesk.models import Mention
from helpdesk.services import assignment, replying
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen


@pytest.fixture
def called(world: World) -> tuple[int, int]:
    """A conversation that dave owns, into which carol called erin of another department."""
    pk = world.message().conversation_id
    carol = world.access("carol")
    assignment.take(carol, pk)
    replying.note(carol, pk, text="@Erin", mention_ids=[world.erin.pk])
    assignment.put_back(carol, pk)
    assignment.take(world.access("dave"), pk)
    with world.transaction():
        return pk, Mention.objects.get().pk


def _is_running(world: World, mention_id: int) -> bool:
    with world.transaction():
        return Mention.objects.get(pk=mention_id).ended_at is None


@pytest.mark.parametrize("name", ["carol", "dave"])
def test_who_called_and_the_owner_end_it_with_a_button(
    world: World, screen: Screen, called: tuple[int, int], name: str
) -> None:
    pk, mention_id = called
    url = f"/conversations/{pk}/mentions/{mention_id}/end/"
    assert screen("erin").get(f"/conversations/{pk}/").status_code == 200
    assert url in screen(name).get(f"/conversations/{pk}/").content.decode()
    answer = screen(name, htmx=True).post(url)
    assert answer.status_code == 200
    assert 'id="guests"' not in answer.content.decode()
    assert not _is_running(world, mention_id)
    assert screen("erin").get(f"/conversations/{pk}/").status_code == 404


@pytest.mark.parametrize("name", ["bob", "erin", "frank"])
def test_nobody_else_ends_it(
    world: World, screen: Screen, called: tuple[int, int], name: str
) -> None:
    pk, mention_id = called
    url = f"/conversations/{pk}/mentions/{mention_id}/end/"
    assert url not in screen(name).get(f"/conversations/{pk}/").content.decode()
    assert screen(name, htmx=True).post(url).status_code == 404
    assert _is_running(world, mention_id)


def test_an_access_ends_only_by_the_address_of_its_own_conversation(
    world: World, screen: Screen, called: tuple[int, int]
) -> None:
    pk, mention_id = called
    other = world.message("another", "second").conversation_id
    dave = screen("dave", htmx=True)
    assert dave.post(f"/conversations/{other}/mentions/{mention_id}/end/").status_code == 404
    assert _is_running(world, mention_id)
    assert dave.post(f"/conversations/{pk}/mentions/{mention_id}/end/").status_code == 200


@pytest.mark.parametrize(("name", "status"), [("erin", 403), ("carol", 200)])
@pytest.mark.parametrize("what", ["topic", "priority"])
def test_who_was_called_in_answers_colleagues_and_decides_nothing(
    world: World, screen: Screen, called: tuple[int, int], name: str, status: int, what: str
) -> None:
    pk, _ = called
    topic = world.topic("退货", world.support)
    body = {"topic": topic.pk} if what == "topic" else {"priority": "urgent"}
    url = f"/conversations/{pk}/{what}/"
    assert (url in screen(name).get(f"/conversations/{pk}/").content.decode()) == (status == 200)
    answer = screen(name, htmx=True).post(url, body)
    # A form says what its service refused; the button has no form.
    assert answer.status_code == (422 if (what, status) == ("topic", 403) else status)
    found = world.conversation(pk)
    changed = found.topic_id == topic.pk or found.priority == "urgent"
    assert changed == (status == 200)


def test_called_in_twice_is_called_in_once_for_the_longer_time(
    world: World, screen: Screen, called: tuple[int, int]
) -> None:
    pk, first = called
    dave = world.access("dave")
    for hours in (30, 2):
        replying.note(
            dave,
            pk,
            text="@Erin",
            mention_ids=[world.erin.pk],
            access_for=timedelta(hours=hours),
        )
    with world.transaction():
        running = Mention.objects.get(ended_at__isnull=True)
        assert timedelta(hours=29) < running.access_until - running.at <= timedelta(hours=30)
        assert running.pk != first
    url = f"/conversations/{pk}/mentions/{running.pk}/end/"
    for name, has_button in (("bob", False), ("carol", True), ("dave", True)):
        shown = screen(name).get(f"/conversations/{pk}/").content.decode()
        assert (url in shown) == has_button
    screen("carol", htmx=True).post(url)
    assert screen("erin").get(f"/conversations/{pk}/").status_code == 404


@pytest.mark.parametrize(("name", "hours"), [("erin", 8), ("dave", 48)])
def test_who_was_called_in_gives_no_more_time_than_they_have(
    world: World, called: tuple[int, int], name: str, hours: int
) -> None:
    pk, _ = called
    replying.note(
        world.access(name),
        pk,
        text="@Frank",
        mention_ids=[world.people["frank"].pk],
        access_for=timedelta(hours=48),
    )
    with world.transaction():
        given = Mention.objects.get(staff=world.people["frank"])
        until = given.access_until - given.at
    assert timedelta(hours=hours - 1) < until <= timedelta(hours=hours)


def test_the_priority_is_set_where_the_customer_stands(world: World, screen: Screen) -> None:
    pk = world.message().conversation_id
    carol = screen("carol", htmx=True)
    answer = carol.post(f"/conversations/{pk}/priority/", {"priority": "urgent"})
    pressed = re.findall(r'value="(\w+)" aria-pressed="true"', answer.content.decode())
    assert pressed == ["urgent"]
    found = world.conversation(pk)
    assert found.priority == "urgent"
    carol.post(f"/conversations/{pk}/priority/", {"priority": "urgent"})
    assert world.conversation(pk).last_number == found.last_number


@pytest.mark.parametrize("wanted", ["", "huge", "URGENT"])
def test_there_are_four_priorities(world: World, screen: Screen, wanted: str) -> None:
    pk = world.message().conversation_id
    answer = screen("carol", htmx=True).post(f"/conversations/{pk}/priority/", {"priority": wanted})
    assert answer.status_code in {400, 422}
    assert world.conversation(pk).priority == "normal"


@pytest.mark.parametrize(("name", "status"), [("erin", 404), ("frank", 404), ("dave", 200)])
def test_the_priority_is_for_those_who_work_there(
    world: World, screen: Screen, name: str, status: int
) -> None:
    pk = world.message().conversation_id
    answer = screen(name, htmx=True).post(f"/conversations/{pk}/priority/", {"priority": "high"})
    assert answer.status_code == status
    assert world.conversation(pk).priority == ("high" if status == 200 else "normal")
