"""Several people and messages at once, on real connections."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from decimal import Decimal
from threading import Barrier

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from helpdesk.errors import AlreadyTaken, Invalid, OverCapacity, WrongState
from helpdesk.models import (
    Conversation,
    ConversationLink,
    Entry,
    Identity,
    Mention,
    Message,
    Staff,
)
from helpdesk.services import (
    administrators,
    assignment,
    grants,
    joining,
    mentions,
    replying,
    timeline,
)
from helpdesk.tenancy import organization_transaction
from tests.helpdesk.admin.forms import staff_form
from tests.helpdesk.services.links import open_door
from tests.races import at_once


@pytest.fixture
def takers(world):
    for number in range(6):
        world.person(f"agent{number}", world.support, world.roles["agent"], capacity=Decimal(2))
    return [world.access(f"agent{number}") for number in range(6)]


def test_one_conversation_has_one_taker(world, takers):
    for round_ in range(5):
        ref = world.message(visitor=f"v{round_}").conversation_id
        answers = at_once([lambda by=by, ref=ref: assignment.take(by, ref) for by in takers])
        losers = [answer for answer in answers if isinstance(answer, AlreadyTaken)]
        assert len(losers) == len(takers) - 1, answers
        assert world.conversation(ref).owner_id in {by.staff_id for by in takers}
        with world.transaction():
            Staff.objects.update(load=0)


def test_one_person_takes_no_more_than_the_capacity(world, takers):
    refs = [world.message(visitor=f"v{number}").conversation_id for number in range(6)]
    one = takers[0]
    answers = at_once([lambda ref=ref: assignment.take(one, ref) for ref in refs])
    assert sum(isinstance(answer, Conversation) for answer in answers) == 2
    assert sum(isinstance(answer, OverCapacity) for answer in answers) == 4


def test_first_messages_of_one_visitor_at_once_make_one_conversation(world):
    answers = at_once(
        [lambda n=n: world.message(visitor="same", client_ref=f"r{n}") for n in range(6)]
    )
    assert len({answer.conversation_id for answer in answers}) == 1
    assert sorted(answer.number for answer in answers) == [1, 2, 3, 4, 5, 6]
    with world.transaction():
        assert Identity.objects.count() == 1


def test_the_same_message_at_once_is_stored_once(world):
    answers = at_once([lambda: world.message(visitor="same", client_ref="x") for _ in range(6)])
    assert sum(not answer.is_repeated for answer in answers) == 1
    with world.transaction():
        assert Entry.objects.count() == 1


def test_a_handover_locks_both_people_in_the_order_of_their_ids(world):
    """Whoever holds the lower id and asks for the higher must never wait for a handover that does the opposite."""
    ref = world.message().conversation_id
    assert world.carol.pk < world.dave.pk
    assignment.take(world.access("dave"), ref)
    bob = world.access("bob")

    def hand_over():
        try:
            return assignment.assign(bob, ref, world.carol.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with world.transaction():
            Staff.objects.select_for_update(no_key=True).get(pk=world.carol.pk)
            handed = pool.submit(copy_context().run, hand_over)
            wait_until_somebody_waits()
            Staff.objects.select_for_update(no_key=True, nowait=True).get(pk=world.dave.pk)
        assert handed.result(timeout=60).owner_id == world.carol.pk


def by_service(world):
    grants.deactivate(world.carol)


def by_administration(world):
    client = Client()
    client.force_login(world.alice.user)
    form = staff_form(world, name="Caroline", capacity="7")
    del form["is_active"]
    page = f"/admin/helpdesk/staff/{world.carol.pk}/change/"
    assert client.post(page, form).status_code == 302


@pytest.mark.parametrize("act", [by_service, by_administration])
def test_a_right_is_taken_from_people_after_their_conversations_are_locked(world, act):
    """Whoever works on a conversation and asks for its owner must never wait for an administrator."""
    ref = world.message().conversation_id
    later = world.message(visitor="another").conversation_id
    carol = world.access("carol")
    assignment.take(carol, ref)

    def deactivate():
        try:
            act(world)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with world.transaction():
            timeline.lock(ref)
            ended = pool.submit(copy_context().run, deactivate)
            wait_until_somebody_waits()
            Staff.objects.select_for_update(no_key=True, nowait=True).get(pk=world.carol.pk)
            assignment.take(carol, later)
        ended.result(timeout=60)
    # What the person got while the administrator waited is taken away as well.
    assert [world.conversation(pk).state for pk in (ref, later)] == ["queued", "queued"]


def test_two_administrators_who_take_each_other_away_leave_one(world):
    zoe = world.person("zoe", world.support, world.roles["administrator"])
    both_changed = Barrier(2)

    def take_away(person):
        with organization_transaction():
            grants.deactivate(person)
            both_changed.wait(timeout=30)
            administrators.keep_one()

    answers = at_once([lambda who=who: take_away(who) for who in (world.alice, zoe)])
    assert [type(answer) for answer in answers if answer] == [Invalid]
    with world.transaction():
        assert Staff.objects.filter(is_active=True, pk__in=[world.alice.pk, zoe.pk]).count() == 1


def wait_until_somebody_waits():
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_a_handover_is_undone_once_and_an_access_ends_once(world):
    carol = world.access("carol")
    for round_ in range(3):
        ref = world.message(visitor=f"v{round_}").conversation_id
        assignment.take(carol, ref)
        replying.note(carol, ref, text="@erin", mention_ids=[world.erin.pk])
        with world.transaction():
            mention_id = Mention.objects.get(conversation_id=ref).pk
        at_once([lambda m=mention_id: mentions.end_access(carol, m) for _ in range(6)])
        made = assignment.transfer(carol, ref, assignment.Target(department_id=world.sales.pk))
        answers = at_once([lambda m=made: assignment.undo_transfer(carol, m.pk) for _ in range(6)])
        assert sum(isinstance(answer, WrongState) for answer in answers) == 5, answers
        with world.transaction():
            kinds = list(Entry.objects.filter(conversation_id=ref).values_list("kind", flat=True))
        assert kinds.count(Entry.Kind.TRANSFER_UNDONE) == 1
        assert kinds.count(Entry.Kind.MENTION_ENDED) == 1


def test_whoever_merges_at_once_merges_once(world):
    carol = world.access("carol")
    # Where what is written to one that was merged joins the other.
    open_door(world)
    for round_ in range(4):
        visitor = f"v{round_}"
        pair = [world.message(visitor=visitor, thread_key=key).conversation_id for key in "ab"]
        one, other = pair
        answers = at_once(
            [
                lambda one=one, other=other: joining.merge(carol, one, other),
                lambda one=one, other=other: joining.merge(carol, other, one),
                lambda visitor=visitor: world.message(visitor=visitor, thread_key="a"),
                lambda visitor=visitor: world.message(visitor=visitor, thread_key="b"),
            ]
        )
        merged = [answer for answer in answers if isinstance(answer, ConversationLink)]
        assert len(merged) == 1, answers
        assert sum(isinstance(answer, WrongState) for answer in answers) == 1
        with world.transaction():
            rows = Conversation.objects.filter(pk__in=pair)
            assert {row.state for row in rows} == {"queued", "closed"}
            assert Message.objects.filter(conversation__in=pair).count() == 4
        undone = at_once([lambda pk=merged[0].pk: joining.undo(carol, pk)] * 2)
        assert sum(isinstance(answer, ConversationLink) for answer in undone) == 1
    call_command("check_invariants", verbosity=0)
