"""Merging and splitting on screen: dialogs, what was said before in its place, undoing, and who may not."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.models import Conversation, ConversationLink
from helpdesk.services import assignment, joining, parting, replying
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen
from tests.helpdesk.services.links import open_door


@pytest.fixture
def pair(world: World) -> tuple[int, int]:
    """Two threads of one customer, the first carol's; in it they ask two things."""
    open_door(world)
    first = world.message("where is my parcel", thread_key="a").conversation_id
    assignment.take(world.access("carol"), first)
    world.message("the invoice is wrong", thread_key="a")
    return first, world.message("parcel, once more", thread_key="b").conversation_id


def url(pk: int, part: str) -> str:
    return f"/conversations/{pk}/{part}"


def page_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def test_a_colleague_merges_reads_on_and_undoes_it(
    world: World, screen: Screen, pair: tuple[int, int]
) -> None:
    carol, (first, second) = screen("carol", htmx=True), pair
    assert url(first, "merge/") in page_of(carol.get(url(first, "")))
    dialog = page_of(carol.get(url(first, "merge/")))
    assert "parcel, once more" in dialog
    assert carol.post(url(first, "merge/"), {}).status_code == 422
    thread = page_of(carol.post(url(first, "merge/"), {"other": second}))
    with world.transaction():
        link = ConversationLink.objects.get()
    undo = url(first, f"links/{link.pk}/undo/")
    assert undo in thread
    assert f"Carol merged C-{second} into this conversation." in thread
    history = page_of(carol.get(url(first, f"links/{link.pk}/")))
    assert "parcel, once more" in history
    assert undo in history
    assert "where it goes on" in page_of(carol.get(url(second, "")))
    assert "no other conversation" in page_of(carol.get(url(first, "merge/")))
    assert carol.post(undo).status_code == 200
    assert carol.post(undo).status_code == 409
    assert "parcel, once more" not in page_of(carol.get(url(first, f"links/{link.pk}/")))


def test_a_colleague_splits_reads_on_and_undoes_it(
    world: World, screen: Screen, pair: tuple[int, int]
) -> None:
    carol, first = screen("carol", htmx=True), pair[0]
    assert "the invoice is wrong" in page_of(carol.get(url(first, "split/")))
    assert carol.post(url(first, "split/"), {}).status_code == 422
    assert carol.post(url(first, "split/"), {"messages": [2]}).status_code == 422
    thread = page_of(carol.post(url(first, "split/"), {"messages": [3], "keep": "on"}))
    with world.transaction():
        link = ConversationLink.objects.get()
    part = f"goes on in C-{link.target_id}"
    assert thread.count(part) == 1
    assert "the invoice is wrong" not in page_of(carol.get(url(first, "split/")))
    begun = page_of(carol.get(url(link.target_id, "")))
    assert url(link.target_id, f"links/{link.pk}/") in begun
    history = page_of(carol.get(url(link.target_id, f"links/{link.pk}/")))
    assert "the invoice is wrong" in history
    assert "where is my parcel" not in history
    undo = url(link.target_id, f"links/{link.pk}/undo/")
    assert undo in history
    assert carol.post(undo).status_code == 200
    assert part not in page_of(carol.get(url(first, "")))


def test_without_scripts_the_dialogs_and_the_history_are_pages(
    world: World, screen: Screen, pair: tuple[int, int]
) -> None:
    carol, (first, second) = screen("carol"), pair
    for part in ("merge/", "split/"):
        assert url(first, part) in page_of(carol.get(url(first, part)))
    assert carol.post(url(first, "merge/"), {"other": second}).status_code == 302
    with world.transaction():
        link = ConversationLink.objects.get()
    assert "parcel, once more" in page_of(carol.get(url(first, f"links/{link.pk}/")))


def test_who_may_not_see_the_other_one_gets_only_the_fact(
    world: World, screen: Screen, pair: tuple[int, int]
) -> None:
    first, second = pair
    link = joining.merge(world.access("carol"), first, second)
    replying.note(world.access("carol"), first, text="look", mention_ids=[world.erin.pk])
    erin = screen("erin", htmx=True)
    assert f"merged C-{second} into this" in page_of(erin.get(url(first, "")))
    hidden = page_of(erin.get(url(first, f"links/{link.pk}/")))
    assert "parcel, once more" not in hidden
    assert "undo" not in hidden
    assert erin.get(url(second, f"links/{link.pk}/")).status_code == 404


def test_whoever_sees_the_part_reads_its_messages(
    world: World, screen: Screen, pair: tuple[int, int]
) -> None:
    link = parting.split(world.access("carol"), pair[0], numbers=[3])
    with world.transaction():
        Conversation.objects.filter(pk=link.target_id).update(department=world.sales)
    erin = screen("erin", htmx=True)
    history = page_of(erin.get(url(link.target_id, f"links/{link.pk}/")))
    assert "the invoice is wrong" in history
    assert "where is my parcel" not in history
    assert erin.get(url(pair[0], "")).status_code == 404


def test_undoing_a_split_is_offered_to_whom_it_is_granted(
    world: World, screen: Screen, pair: tuple[int, int]
) -> None:
    with world.transaction():
        Conversation.objects.filter(pk=pair[0]).update(owner=world.erin)
    link = parting.split(world.access("erin"), pair[0], numbers=[3])
    replying.note(world.access("carol"), link.target_id, text="look", mention_ids=[world.erin.pk])
    erin, undo = screen("erin", htmx=True), url(link.target_id, f"links/{link.pk}/undo/")
    history = url(link.target_id, f"links/{link.pk}/")
    assert undo in page_of(erin.get(history))
    assignment.take(world.access("dave"), link.target_id)
    assert undo not in page_of(erin.get(history))
    assert erin.post(undo).status_code == 403


@pytest.mark.parametrize(("name", "status"), [("erin", 403), ("frank", 404)])
def test_others_may_not(
    world: World, screen: Screen, pair: tuple[int, int], name: str, status: int
) -> None:
    first, second = pair
    if name == "erin":
        for pk in pair:
            replying.note(world.access("carol"), pk, text="look", mention_ids=[world.erin.pk])
    link = parting.split(world.access("carol"), first, numbers=[3])
    person = screen(name, htmx=True)
    calls = {
        "merge/": {"other": second},
        "split/": {"messages": [3]},
        f"links/{link.pk}/undo/": {},
    }
    for part, body in calls.items():
        assert person.post(url(first, part), body).status_code == status, part
    for part in ("merge/", "split/"):
        assert person.get(url(first, part)).status_code == status, part
    if name == "erin":
        shown = page_of(person.get(url(first, "")))
        assert url(first, "merge/") not in shown
        assert url(first, "split/") not in shown


def test_links_of_others_are_not_there(
    world: World, other_world: World, screen: Screen, pair: tuple[int, int]
) -> None:
    first, second = pair
    carol = screen("carol", htmx=True)
    link = joining.merge(world.access("carol"), first, second)
    third = world.message("third", thread_key="c").conversation_id
    for pk in (third, second):
        assert carol.get(url(pk, f"links/{link.pk}/")).status_code == 404
    assert carol.post(url(third, f"links/{link.pk}/undo/")).status_code == 404
    stranger = screen("carol", other_world, htmx=True)
    assert stranger.get(url(first, f"links/{link.pk}/")).status_code == 404
    theirs = other_world.message("hello").conversation_id
    assert carol.post(url(first, "merge/"), {"other": theirs}).status_code == 404


def test_the_history_costs_the_same_whatever_its_length(
    world: World, screen: Screen, pair: tuple[int, int]
) -> None:
    first, second = pair
    carol = screen("carol", htmx=True)
    counts = []
    for more in (0, 6):
        for number in range(more):
            world.message(f"more {number}", thread_key="b")
        link = joining.merge(world.access("carol"), first, second)
        carol.get(url(first, f"links/{link.pk}/"))
        with CaptureQueriesContext(connection) as queries:
            page_of(carol.get(url(first, f"links/{link.pk}/")))
        counts.append(len(queries))
        joining.undo(world.access("carol"), link.pk)
    assert counts[0] == counts[1]
