"""A customer's message becomes a conversation, finds an owner, is answered, resolved and rated."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.errors import (
    AlreadyTaken,
    NotAvailable,
    NotFound,
    OverCapacity,
    Refused,
    WrongState,
)
from helpdesk.models import Assignment, Delivery, Outbox, RoleGrant, Staff, State
from helpdesk.services import assignment, grants, lifecycle, ratings, replying


def load(world, name):
    with world.transaction():
        return float(Staff.objects.get(pk=world.people[name].pk).load)


def test_first_message_waits_in_the_default_queue(world):
    received = world.message()
    conversation = world.conversation(received.conversation_id)
    assert conversation.state == State.QUEUED
    assert conversation.queue.is_default
    assert received.number == 1
    assert conversation.route_at is not None


def test_repeated_message_is_stored_once(world):
    first = world.message(client_ref="a")
    again = world.message(client_ref="a")
    assert again.is_repeated
    assert (again.number, again.message_id) == (first.number, first.message_id)
    assert world.conversation(first.conversation_id).last_number == 1


def test_take_reply_resolve_and_rate(world):
    ref = world.message().conversation_id
    carol = world.access("carol")
    assignment.take(carol, ref)
    assert load(world, "carol") == 1
    replying.reply(carol, ref, text="您好")
    assert world.conversation(ref).state == State.WAITING
    assert load(world, "carol") == 0.5
    world.message("还有一个问题")
    assert world.conversation(ref).state == State.OPEN
    assert load(world, "carol") == 1
    lifecycle.resolve(carol, ref)
    assert load(world, "carol") == 0
    with world.transaction():
        rating = ratings.rate(ref, score=5, reasons=["fast"])
        assert rating.staff_id == world.carol.pk
    # A statement that fails would stand in the database's log: it is asked first.
    with pytest.raises(WrongState), CaptureQueriesContext(connection) as asked:
        ratings.rate(ref, score=4)
    assert not [each for each in asked if each["sql"].startswith("INSERT")]
    with world.transaction():
        assert Outbox.objects.get(conversation=ref).state == Delivery.QUEUED


def test_message_after_resolution_reopens_as_a_new_episode(world):
    ref = world.message().conversation_id
    lifecycle.resolve(world.access("carol"), ref)
    again = world.message("又坏了")
    conversation = world.conversation(again.conversation_id)
    assert again.conversation_id == ref
    assert (conversation.episode, conversation.state) == (2, State.QUEUED)


def test_second_taker_is_told_that_it_is_taken(world):
    ref = world.message().conversation_id
    assignment.take(world.access("carol"), ref)
    with pytest.raises(AlreadyTaken):
        assignment.take(world.access("dave"), ref)


def test_full_colleague_cannot_take_more(world):
    dave = world.access("dave")
    assignment.take(dave, world.message(visitor="v1").conversation_id)
    with pytest.raises(OverCapacity):
        assignment.take(dave, world.message(visitor="v2").conversation_id)
    assert load(world, "dave") == 1


def test_stranger_gets_not_found_and_colleague_without_the_right_is_refused(world):
    ref = world.message().conversation_id
    for name in ("erin", "frank"):
        with pytest.raises(NotFound):
            replying.reply(world.access(name), ref, text="hi")
    with pytest.raises(Refused):
        assignment.assign(world.access("carol"), ref, world.dave.pk)


def test_transfer_to_a_person_and_undo(world):
    ref = world.message().conversation_id
    carol = world.access("carol")
    assignment.take(carol, ref)
    made = assignment.transfer(
        carol, ref, assignment.Target(staff_id=world.erin.pk), note="售前问题"
    )
    moved = world.conversation(ref)
    assert (moved.owner_id, moved.department_id) == (world.erin.pk, world.sales.pk)
    assert (load(world, "carol"), load(world, "erin")) == (0, 1)
    assignment.undo_transfer(carol, made.pk)
    back = world.conversation(ref)
    assert (back.owner_id, back.department_id) == (world.carol.pk, world.support.pk)
    assert (load(world, "carol"), load(world, "erin")) == (1, 0)


def test_undoing_a_transfer_gives_nothing_back_to_who_lost_the_role(world):
    ref = world.message().conversation_id
    carol = world.access("carol")
    assignment.take(carol, ref)
    made = assignment.transfer(carol, ref, assignment.Target(staff_id=world.dave.pk))
    with world.transaction():
        grants.revoke_role(RoleGrant.objects.get(staff=world.carol))
    with pytest.raises(NotAvailable):
        assignment.undo_transfer(world.access("carol"), made.pk)
    assert world.conversation(ref).owner_id == world.dave.pk


def test_transfer_to_a_department_waits_in_its_queue(world):
    ref = world.message().conversation_id
    carol = world.access("carol")
    assignment.take(carol, ref)
    assignment.transfer(carol, ref, assignment.Target(department_id=world.sales.pk))
    conversation = world.conversation(ref)
    assert (conversation.state, conversation.queue.name) == (State.QUEUED, "销售队列")
    with world.transaction():
        assert Assignment.objects.get(conversation=ref).ending == Assignment.Ending.TRANSFERRED
