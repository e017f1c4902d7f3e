"""A reply that is taken back while it is held: the customer waits as if it had never been written."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from helpdesk.errors import TooLate
from helpdesk.models import Assignment, Channel, Conversation, Outbox, State
from helpdesk.services import assignment, replying, returning
from helpdesk.services.holding import Gift, assign_waiting
from tests.factories import World


@pytest.fixture
def ref(world: World) -> int:
    """A conversation the engine gave to Carol, who has a quarter of an hour; her replies are held."""
    with world.transaction():
        Channel.objects.update(hold_seconds=30)
    ref = world.message().conversation_id
    with world.transaction():
        conversation = Conversation.objects.select_for_update().get(pk=ref)
        gift = Gift(
            conversation,
            world.carol.pk,
            Assignment.Mode.AUTOMATIC,
            answer_within=timedelta(minutes=15),
        )
        assert assign_waiting([gift])[1] is None
    return ref


def clocks(world: World, ref: int) -> tuple[str, datetime | None, datetime | None]:
    """Return how the conversation stands, since when its customer waits and when it goes back."""
    conversation = world.conversation(ref)
    return conversation.state, conversation.waiting_since, conversation.return_at


def reply(world: World, ref: int, text: str = "七天内都可以") -> int:
    return replying.reply(world.access("carol"), ref, text=text).number


def take_back(world: World, ref: int, number: int) -> None:
    replying.take_back(world.access("carol"), ref, number)


def test_the_customer_waits_as_before_and_it_goes_back_when_it_would_have(
    world: World, ref: int
) -> None:
    before = clocks(world, ref)
    assert before[2] is not None
    number = reply(world, ref)
    assert clocks(world, ref) == (State.WAITING, None, None)
    take_back(world, ref, number)
    assert clocks(world, ref) == before
    assert returning.return_due(before[2] - timedelta(seconds=1)) == 0
    assert returning.return_due(before[2]) == 1
    assert world.conversation(ref).owner is None


def test_so_it_is_when_the_customer_wrote_again_meanwhile(world: World, ref: int) -> None:
    before = clocks(world, ref)
    number = reply(world, ref)
    world.message("还在吗?")
    take_back(world, ref, number)
    assert clocks(world, ref) == before


def test_a_second_reply_taken_back_leaves_the_first_as_the_answer(world: World, ref: int) -> None:
    reply(world, ref)
    number = reply(world, ref, "还有问题吗?")
    take_back(world, ref, number)
    assert clocks(world, ref) == (State.WAITING, None, None)


def test_both_taken_back_in_either_order_leave_none(world: World, ref: int) -> None:
    before = clocks(world, ref)
    first, second = reply(world, ref), reply(world, ref, "还有问题吗?")
    take_back(world, ref, first)
    assert clocks(world, ref) == (State.WAITING, None, None)
    take_back(world, ref, second)
    assert clocks(world, ref) == before
    first, second = reply(world, ref), reply(world, ref, "还有问题吗?")
    take_back(world, ref, second)
    take_back(world, ref, first)
    assert clocks(world, ref) == before


def test_what_its_owner_keeps_is_not_timed_afterwards(world: World, ref: int) -> None:
    returning.keep(world.access("carol"), ref)
    before = clocks(world, ref)
    take_back(world, ref, reply(world, ref))
    assert clocks(world, ref) == before
    assert before[2] is None


def test_whoever_got_it_since_is_not_timed_by_it(world: World, ref: int) -> None:
    _state, since, _return_at = clocks(world, ref)
    number = reply(world, ref)
    assignment.transfer(world.access("carol"), ref, assignment.Target(staff_id=world.dave.pk))
    take_back(world, ref, number)
    assert clocks(world, ref) == (State.OPEN, since, None)


def test_what_has_left_ends_the_wait_for_good(world: World, ref: int) -> None:
    number = reply(world, ref)
    with world.transaction():
        Outbox.objects.update(due_at=timezone.now())
    with pytest.raises(TooLate):
        take_back(world, ref, number)
    assert clocks(world, ref) == (State.WAITING, None, None)
