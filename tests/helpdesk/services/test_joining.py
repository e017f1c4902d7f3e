"""Two conversations become one and two again: nothing moves, nobody is forgotten, and only who may does it."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from helpdesk.errors import Invalid, NotFound, Refused, WrongState
from helpdesk.models import (
    Assignment,
    AuditEntry,
    Conversation,
    ConversationLink,
    Entry,
    Mention,
    Staff,
    State,
)
from helpdesk.services import assignment, joining, lifecycle, links, merging, replying
from tests.factories import World
from tests.helpdesk.services.links import history, kept, loads, open_door, places


@pytest.fixture
def two(world: World) -> tuple[int, int]:
    """Two threads of one customer, both waiting: the first is carol's, the second is queued."""
    open_door(world)
    first = world.message("my parcel", thread_key="a").conversation_id
    second = world.message("my parcel again", thread_key="b").conversation_id
    assignment.take(world.access("carol"), first)
    return first, second


def test_the_other_one_is_closed_and_its_customer_waits_in_this_one(
    world: World, two: tuple[int, int]
) -> None:
    carol, (first, second) = world.access("carol"), two
    replying.reply(carol, first, text="coming")
    waiting_since = world.conversation(second).waiting_since
    joining.merge(carol, first, second)
    one, other = world.conversation(first), world.conversation(second)
    assert (one.state, one.waiting_since) == (State.OPEN, waiting_since)
    assert (other.state, other.queue, other.waiting_since) == (State.CLOSED, None, None)
    with world.transaction():
        told = Entry.objects.filter(kind=Entry.Kind.MERGED).order_by("conversation_id")
        assert [(row.conversation_id, row.data["other"]) for row in told] == [
            (first, second),
            (second, first),
        ]
        assert AuditEntry.objects.filter(action="conversation.merged").count() == 2
    call_command("check_invariants", verbosity=0)


@pytest.mark.parametrize("held", ["queued", "owned", "answered", "snoozed", "resolved", "closed"])
def test_undoing_restores_every_byte(world: World, two: tuple[int, int], held: str) -> None:
    carol, dave, (first, second) = world.access("carol"), world.access("dave"), two
    if held != "queued":
        assignment.take(dave, second)
        replying.note(dave, second, text="@Erin?", mention_ids=[world.erin.pk])
    if held == "answered":
        replying.reply(dave, second, text="soon")
    if held == "snoozed":
        replying.reply(dave, second, text="soon")
        lifecycle.snooze(dave, second, timezone.now() + timedelta(days=1))
    if held in {"resolved", "closed"}:
        lifecycle.resolve(dave, second)
    if held == "closed":
        with world.transaction():
            Conversation.objects.filter(pk=second).update(resolved_at=timezone.now() - timedelta(9))
        lifecycle.close_due(timezone.now())
    before, stood, weighed = history(world), places(world), loads(world)
    row = joining.merge(carol, first, second)
    assert kept(before, history(world))
    joining.undo(carol, row.pk)
    assert kept(before, history(world))
    assert places(world) == stood
    assert loads(world) == weighed
    if held in {"owned", "answered", "snoozed"}:
        with world.transaction():
            assert Mention.objects.get(conversation=second).ended_at is None
    call_command("check_invariants", verbosity=0)


def test_what_weighed_on_its_owner_is_free(world: World, two: tuple[int, int]) -> None:
    first, second = two
    assignment.take(world.access("dave"), second)
    joining.merge(world.access("carol"), first, second)
    assert loads(world)[world.dave.pk] == 0
    with world.transaction():
        ended = Assignment.objects.get(conversation=second)
        assert ended.ending == Assignment.Ending.MERGED


def test_a_reply_in_between_has_answered_both(world: World, two: tuple[int, int]) -> None:
    carol, (first, second) = world.access("carol"), two
    row = joining.merge(carol, first, second)
    replying.reply(carol, first, text="both")
    joining.undo(carol, row.pk)
    one, other = world.conversation(first), world.conversation(second)
    assert (one.state, one.waiting_since) == (State.WAITING, None)
    assert (other.state, other.waiting_since) == (State.QUEUED, None)
    call_command("check_invariants", verbosity=0)


def test_what_comes_since_lands_in_the_one_that_is_open_and_stays(
    world: World, two: tuple[int, int]
) -> None:
    carol, (first, second) = world.access("carol"), two
    replying.reply(carol, first, text="coming")
    row = joining.merge(carol, first, second)
    received = world.message("and now?", thread_key="b")
    assert received.conversation_id == first
    # The same message once more is the same.
    before = history(world)
    joining.undo(carol, row.pk)
    assert kept(before, history(world))
    one = world.conversation(first)
    with world.transaction():
        came = Entry.objects.get(conversation=first, number=received.number).at
    assert (one.state, one.waiting_since) == (State.OPEN, came)
    assert world.message("still there?", thread_key="b").conversation_id == second


def test_another_door_opens_again_by_itself_and_says_so(world: World, two: tuple[int, int]) -> None:
    carol, (first, _second) = world.access("carol"), two
    theirs = world.conversation(first).customer_id
    open_door(world, "another door")
    third = world.message("by another door").conversation_id
    merging.merge(world.access("bob"), theirs, world.conversation(third).customer_id)
    joining.merge(carol, first, third)
    assert world.message("hello?").conversation_id == third
    other = world.conversation(third)
    assert (other.state, other.episode) == (State.QUEUED, 2)
    with world.transaction():
        link = ConversationLink.objects.get()
        assert link.undone_at is not None
        assert link.undone_by is None
        assert Entry.objects.filter(kind=Entry.Kind.MERGE_UNDONE).count() == 2
    joining.merge(carol, first, third)
    call_command("check_invariants", verbosity=0)


def test_what_is_written_in_private_is_not_answered_in_a_group(world: World) -> None:
    carol = world.access("carol")
    open_door(world, kind="telegram")
    group = world.message("in the group", thread_key="-100").conversation_id
    private = world.message("in private").conversation_id
    assignment.take(carol, group)
    joining.merge(carol, group, private)
    assert world.message("my number is ...").conversation_id == private
    assert world.message("hello all", thread_key="-100").conversation_id == group


def test_a_chain_leads_to_its_end(world: World, two: tuple[int, int]) -> None:
    carol, (first, second) = world.access("carol"), two
    third = world.message("third", thread_key="c").conversation_id
    joining.merge(carol, first, second)
    assignment.take(carol, third)
    joining.merge(carol, third, first)
    assert world.message("once more", thread_key="b").conversation_id == third
    with world.transaction():
        assert links.merged_into(second) == [second, first, third]
    call_command("check_invariants", verbosity=0)


def test_one_that_is_over_takes_up_none_and_begins_anew(world: World, two: tuple[int, int]) -> None:
    carol, (first, second) = world.access("carol"), two
    row = joining.merge(carol, first, second)
    lifecycle.resolve(carol, first)
    # Resolved, it is reopened; closed, another one begins.
    assert world.message("hm", thread_key="b").conversation_id == first
    with world.transaction():
        lifecycle.resolve_locked(Conversation.objects.get(pk=first))
        Conversation.objects.filter(pk=first).update(resolved_at=timezone.now() - timedelta(9))
    lifecycle.close_due(timezone.now())
    newer = world.message("hello", thread_key="b").conversation_id
    assert newer not in two
    with pytest.raises(WrongState):
        joining.merge(carol, first, newer)
    joining.undo(carol, row.pk)
    assert world.conversation(second).state == State.CLOSED
    call_command("check_invariants", verbosity=0)


def test_where_an_older_one_of_the_thread_was_reopened_it_stays_closed(
    world: World, two: tuple[int, int]
) -> None:
    carol, (first, older) = world.access("carol"), two
    _close(world, older)
    newer = world.message("hello", thread_key="b").conversation_id
    assert newer != older
    row = joining.merge(carol, first, newer)
    lifecycle.reopen(carol, older)
    joining.undo(carol, row.pk)
    assert world.conversation(newer).state == State.CLOSED
    assert world.conversation(older).state == State.QUEUED
    with pytest.raises(WrongState):
        lifecycle.reopen(carol, newer)
    call_command("check_invariants", verbosity=0)


def _close(world: World, pk: int) -> None:
    lifecycle.resolve(world.access("carol"), pk)
    with world.transaction():
        Conversation.objects.filter(pk=pk).update(resolved_at=timezone.now() - timedelta(9))
    lifecycle.close_due(timezone.now())


def test_what_is_merged_is_not_reopened_by_hand(world: World, two: tuple[int, int]) -> None:
    carol, (first, second) = world.access("carol"), two
    lifecycle.resolve(carol, second)
    row = joining.merge(carol, first, second)
    for act in (lifecycle.reopen, lifecycle.undo_resolve):
        with pytest.raises(WrongState):
            act(carol, second)
    joining.undo(carol, row.pk)
    lifecycle.reopen(carol, second)


def test_an_owner_who_may_no_longer_answer_gives_way_to_the_queue(
    world: World, two: tuple[int, int]
) -> None:
    first, second = two
    dave = world.access("dave")
    assignment.take(dave, second)
    row = joining.merge(world.access("carol"), first, second)
    with world.transaction():
        Staff.objects.filter(pk=world.dave.pk).update(is_active=False)
    joining.undo(world.access("carol"), row.pk)
    assert world.conversation(second).state == State.QUEUED


def test_the_same_two_are_merged_once(world: World, two: tuple[int, int]) -> None:
    carol, (first, second) = world.access("carol"), two
    third = world.message("third", thread_key="c").conversation_id
    with pytest.raises(Invalid):
        joining.merge(carol, first, first)
    row = joining.merge(carol, first, second)
    for target, source in ((first, second), (third, second), (second, first)):
        with pytest.raises(WrongState):
            joining.merge(carol, target, source)
    joining.undo(carol, row.pk)
    with pytest.raises(WrongState):
        joining.undo(carol, row.pk)


def test_two_customers_have_no_conversation_in_common(world: World, two: tuple[int, int]) -> None:
    stranger = world.message("hello", visitor="v9").conversation_id
    with pytest.raises(Invalid):
        joining.merge(world.access("carol"), two[0], stranger)


@pytest.mark.parametrize("name", ["erin", "frank"])
def test_who_sees_neither_may_not(world: World, two: tuple[int, int], name: str) -> None:
    first, second = two
    with pytest.raises(NotFound):
        joining.merge(world.access(name), first, second)
    row = joining.merge(world.access("carol"), first, second)
    with pytest.raises(NotFound):
        joining.undo(world.access(name), row.pk)


def test_who_only_reads_may_not(world: World, two: tuple[int, int]) -> None:
    first, second = two
    replying.note(world.access("carol"), first, text="look", mention_ids=[world.erin.pk])
    replying.note(world.access("carol"), second, text="look", mention_ids=[world.erin.pk])
    with pytest.raises(Refused):
        joining.merge(world.access("erin"), first, second)
    row = joining.merge(world.access("carol"), first, second)
    with pytest.raises(Refused):
        joining.undo(world.access("erin"), row.pk)


def test_who_may_answer_one_only_may_not(world: World, two: tuple[int, int]) -> None:
    first, second = two
    carol = world.access("carol")
    with world.transaction():
        Conversation.objects.filter(pk=second).update(department=world.sales)
    with pytest.raises(NotFound):
        joining.merge(carol, first, second)
    with pytest.raises(NotFound):
        joining.merge(world.access("erin"), second, first)


def test_conversations_of_others_are_not_there(
    world: World, other_world: World, two: tuple[int, int]
) -> None:
    theirs = other_world.message("hello").conversation_id
    for target, source in ((two[0], theirs), (theirs, two[0])):
        with pytest.raises(NotFound):
            joining.merge(world.access("carol"), target, source)
    row = joining.merge(world.access("carol"), *two)
    with other_world.transaction(), pytest.raises(NotFound):
        joining.undo(other_world.access("carol"), row.pk)
