"""One conversation becomes two and one again: the messages stay, and each part is answered as before."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk import access, events
from helpdesk.errors import Invalid, NotFound, OverCapacity, Refused, WrongState
from helpdesk.models import Attachment, Conversation, Entry, Message, State
from helpdesk.services import assignment, joining, lifecycle, links, parting, replying, revising
from tests.factories import World
from tests.helpdesk.services.links import history, kept, loads, open_door, places


@pytest.fixture
def case(world: World) -> int:
    """A conversation of carol's about two matters, the second unanswered; entries 1, 3, 5 and 6 are messages."""
    open_door(world)
    pk = world.message("where is my parcel?", thread_key="t").conversation_id
    assignment.take(world.access("carol"), pk)
    replying.reply(world.access("carol"), pk, text="on its way")
    world.message("good", thread_key="t")
    world.message("and the invoice is wrong", thread_key="t")
    return pk


def numbers_of(world: World, pk: int) -> list[int]:
    with world.transaction():
        rows = Message.objects.filter(conversation=pk).order_by("pk")
        return list(rows.values_list("entry__number", flat=True))


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_the_part_shows_what_was_edited_or_taken_back_since(
    world: World, case: int, is_withdrawn: bool
) -> None:
    last = world.message("and the bill", thread_key="t", provider_id="p").number
    row = parting.split(world.access("carol"), case, numbers=[last - 1, last])
    heard: list[events.ConversationEvent] = []
    events.subscribe(events.MessageChanged, heard.append)
    events.subscribe(events.ConversationChanged, heard.append)
    try:
        if is_withdrawn:
            revising.withdraw(world.channel.pk, None, "p")
        else:
            revising.edit(world.channel.pk, None, "p", text="and the receipt", revision=1)
    finally:
        events.unsubscribe(events.MessageChanged, heard.append)
        events.unsubscribe(events.ConversationChanged, heard.append)
    part = world.conversation(row.target_id)
    assert part.last_text == ("" if is_withdrawn else "and the receipt")
    with world.transaction():
        begins = Entry.objects.get(conversation=part, kind=Entry.Kind.SPLIT).number
    told = [(type(event), event.conversation_id, event.number) for event in heard]
    assert told == [
        (events.ConversationChanged, case, world.conversation(case).last_number),
        (events.MessageChanged, case, last),
        (events.ConversationChanged, part.pk, part.last_number),
        (events.MessageChanged, part.pk, begins),
    ]


def test_what_is_edited_is_not_shown_as_the_newest_of_a_part_that_went_on(
    world: World, case: int
) -> None:
    last = world.message("and the bill", thread_key="t", provider_id="p").number
    row = parting.split(world.access("carol"), case, numbers=[last], keeps=True)
    replying.reply(world.access("carol"), row.target_id, text="corrected")
    revising.edit(world.channel.pk, None, "p", text="and the receipt", revision=1)
    assert world.conversation(row.target_id).last_text == "corrected"
    assert world.conversation(case).last_text == "and the receipt"


def test_the_messages_stay_and_begin_another_conversation(world: World, case: int) -> None:
    carol, before = world.access("carol"), history(world)
    last = numbers_of(world, case)[-1]
    row = parting.split(carol, case, since=last)
    assert kept(before, history(world))
    new, old = world.conversation(row.target_id), world.conversation(case)
    assert row.numbers == [last]
    assert (new.state, new.customer_id, new.identity_id, new.channel_id) == (
        State.QUEUED,
        old.customer_id,
        old.identity_id,
        old.channel_id,
    )
    assert new.last_text == "and the invoice is wrong"
    # The customer still waits for an answer to the other message.
    assert (old.state, old.owner_id) == (State.OPEN, world.carol.pk)
    with world.transaction():
        said = Message.objects.filter(links.said(new))
        assert [each.text for each in said] == ["and the invoice is wrong"]
        assert links.thread_of(new) == "t"
        moments = {each.number: each.at for each in Entry.objects.filter(conversation=case)}
    assert (old.waiting_since, new.waiting_since) == (moments[last - 1], moments[last])
    call_command("check_invariants", verbosity=0)


def test_nobody_waits_where_all_that_waits_was_split_off(world: World, case: int) -> None:
    numbers = numbers_of(world, case)
    row = parting.split(world.access("carol"), case, numbers=numbers[-2:])
    old, new = world.conversation(case), world.conversation(row.target_id)
    assert (old.state, old.waiting_since) == (State.WAITING, None)
    assert new.waiting_since is not None
    call_command("check_invariants", verbosity=0)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("keeps", [False, True])
def test_undoing_restores_every_byte(world: World, case: int, count: int, keeps: bool) -> None:
    carol, before = world.access("carol"), history(world)
    stood, weighed = places(world), loads(world)
    row = parting.split(carol, case, numbers=numbers_of(world, case)[-count:], keeps=keeps)
    assert (world.conversation(row.target_id).owner_id == world.carol.pk) is keeps
    parting.undo(carol, row.pk)
    assert kept(before, history(world))
    after = places(world)
    assert after.pop(row.target_id)["state"] == State.CLOSED
    assert after == stood
    assert loads(world) == weighed
    with pytest.raises(WrongState):
        parting.undo(carol, row.pk)
    call_command("check_invariants", verbosity=0)


def test_what_was_written_since_is_merged_back_instead(world: World, case: int) -> None:
    carol = world.access("carol")
    row = parting.split(carol, case, since=numbers_of(world, case)[-1], keeps=True)
    replying.reply(carol, row.target_id, text="corrected")
    with pytest.raises(WrongState):
        parting.undo(carol, row.pk)
    joining.merge(carol, case, row.target_id)
    assert world.conversation(row.target_id).state == State.CLOSED
    with pytest.raises(WrongState):
        parting.undo(carol, row.pk)
    call_command("check_invariants", verbosity=0)


def test_who_writes_in_the_chat_reaches_the_part_that_is_open(world: World, case: int) -> None:
    carol = world.access("carol")
    row = parting.split(carol, case, since=numbers_of(world, case)[-1])
    assert world.message("first", thread_key="t").conversation_id == case
    lifecycle.resolve(carol, case)
    assert world.message("second", thread_key="t").conversation_id == row.target_id
    assert world.message("elsewhere", thread_key="u").conversation_id not in {case, row.target_id}
    lifecycle.resolve(carol, row.target_id)
    assert world.message("third", thread_key="t").conversation_id == case


def test_a_part_of_a_part_is_answered_in_the_same_thread(world: World, case: int) -> None:
    carol = world.access("carol")
    first = parting.split(carol, case, since=numbers_of(world, case)[-1])
    lifecycle.resolve(carol, case)
    for text in ("more", "even more"):
        world.message(text, thread_key="t")
    second = parting.split(carol, first.target_id, since=numbers_of(world, first.target_id)[-1])
    with world.transaction():
        assert links.thread_of(Conversation.objects.get(pk=second.target_id)) == "t"
    lifecycle.resolve(carol, first.target_id)
    assert world.message("again", thread_key="t").conversation_id == second.target_id
    call_command("check_invariants", verbosity=0)


def test_whoever_sees_the_part_reads_its_messages_and_no_others(world: World, case: int) -> None:
    numbers = numbers_of(world, case)
    row = parting.split(world.access("carol"), case, numbers=numbers[-1:])
    with world.transaction():
        Conversation.objects.filter(pk=row.target_id).update(department=world.sales)
        files = [_file(case, number) for number in numbers]
    erin = world.access("erin")
    with world.transaction():
        assert access.attachment(erin, str(files[-1].public_id)).pk == files[-1].pk
        for file in files[:-1]:
            with pytest.raises(NotFound):
                access.attachment(erin, str(file.public_id))
        with pytest.raises(NotFound):
            access.conversation(erin, case)


def _file(conversation_id: int, number: int) -> Attachment:
    message = Message.objects.get(conversation=conversation_id, entry__number=number)
    facts = {"kind": "file", "mime": "text/plain", "size_bytes": 1, "sha256": "0" * 64}
    return Attachment.objects.create(message=message, name="a.txt", **facts)


def test_what_cannot_be_split_is_refused(world: World, case: int) -> None:
    carol, numbers = world.access("carol"), numbers_of(world, case)
    wrong = (
        {},
        {"numbers": numbers},
        {"numbers": [numbers[1]]},
        {"numbers": [2]},
        {"numbers": [*numbers[-1:], 999]},
        {"since": 1},
        {"since": 999},
        {"numbers": list(range(1, parting.MOST_SPLIT + 2))},
    )
    for facts in wrong:
        with pytest.raises(Invalid):
            parting.split(carol, case, **facts)
    parting.split(carol, case, numbers=numbers[-1:])
    with pytest.raises(Invalid):
        parting.split(carol, case, numbers=numbers[-1:])
    lifecycle.resolve(carol, case)
    with pytest.raises(WrongState):
        parting.split(carol, case, numbers=numbers[2:3])


def test_what_is_over_is_refused_before_anything_is_locked(world: World, case: int) -> None:
    carol, since = world.access("carol"), numbers_of(world, case)[-1]
    lifecycle.resolve(carol, case)
    with CaptureQueriesContext(connection) as queries, pytest.raises(WrongState):
        parting.split(carol, case, since=since)
    assert not [each["sql"] for each in queries if " UPDATE" in each["sql"]]


def test_what_the_customer_sees_as_one_is_not_split(world: World) -> None:
    pk = world.message("one").conversation_id
    world.message("two")
    with pytest.raises(Refused):
        parting.split(world.access("carol"), pk, since=2)


def test_nobody_keeps_more_than_they_can_hold(world: World, case: int) -> None:
    assignment.take(world.access("dave"), world.message("other", visitor="v9").conversation_id)
    before = places(world)
    with pytest.raises(OverCapacity):
        parting.split(world.access("dave"), case, since=numbers_of(world, case)[-1], keeps=True)
    assert places(world) == before


@pytest.mark.parametrize(("name", "error"), [("erin", NotFound), ("frank", NotFound)])
def test_others_may_not(world: World, case: int, name: str, error: type[Exception]) -> None:
    since = numbers_of(world, case)[-1]
    with pytest.raises(error):
        parting.split(world.access(name), case, since=since)
    row = parting.split(world.access("carol"), case, since=since)
    with pytest.raises(error):
        parting.undo(world.access(name), row.pk)


def test_who_only_reads_may_not(world: World, case: int) -> None:
    since = numbers_of(world, case)[-1]
    replying.note(world.access("carol"), case, text="look", mention_ids=[world.erin.pk])
    with pytest.raises(Refused):
        parting.split(world.access("erin"), case, since=since)
    row = parting.split(world.access("carol"), case, since=since)
    with pytest.raises(Refused):
        parting.undo(world.access("erin"), row.pk)


@pytest.mark.parametrize("since_then", ["nothing", "held", "moved"])
def test_who_split_it_undoes_it_only_while_it_is_where_it_began(
    world: World, case: int, since_then: str
) -> None:
    with world.transaction():
        Conversation.objects.filter(pk=case).update(owner=world.frank)
    # He may do something in what he holds, and sees nothing else.
    frank = world.access("frank")
    row = parting.split(frank, case, since=numbers_of(world, case)[-1])
    with world.transaction(), pytest.raises(NotFound):
        access.conversation(frank, row.target_id)
    if since_then == "nothing":
        assert parting.undo(frank, row.pk).undone_by_id == world.frank.pk
        return
    if since_then == "held":
        assignment.take(world.access("dave"), row.target_id)
    else:
        with world.transaction():
            Conversation.objects.filter(pk=row.target_id).update(department=world.sales)
    with pytest.raises(NotFound):
        parting.undo(frank, row.pk)


def test_conversations_of_others_are_not_there(world: World, other_world: World, case: int) -> None:
    theirs = other_world.message("hello").conversation_id
    with pytest.raises(NotFound):
        parting.split(world.access("carol"), theirs, since=1)
    row = parting.split(world.access("carol"), case, since=numbers_of(world, case)[-1])
    with other_world.transaction(), pytest.raises(NotFound):
        parting.undo(other_world.access("carol"), row.pk)
