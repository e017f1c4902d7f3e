"""People who ask to take part by letter: a person with the right to answer decides."""

import pytest

from helpdesk.errors import NotFound, Refused, WrongState
from helpdesk.models import Attachment, AuditEntry, Conversation, Entry, Participant, State
from helpdesk.services import assignment, files, lifecycle, participants, replying
from helpdesk.tenancy import organization_scope
from tests.letters import mailbox_in


@pytest.fixture
def mailbox(world):
    with mailbox_in(world) as opened:
        yield opened


@pytest.fixture
def pk(world, mailbox):
    found = mailbox.receive().conversation_id
    assignment.take(world.access("carol"), found)
    return found


@pytest.fixture
def asked(mailbox, pk):
    return mailbox.stranger(pk)


def kinds(world, pk):
    with world.transaction():
        rows = Entry.objects.filter(conversation_id=pk).order_by("number")
        return list(rows.values_list("kind", flat=True))


def state(world, asked):
    with world.transaction():
        return Participant.objects.get(pk=asked.pk).state


def test_what_somebody_wrote_joins_when_they_are_let_in(world, mailbox, pk, asked):
    participants.approve(world.access("carol"), asked.pk)
    last = mailbox.messages(pk)[-1]
    assert (last.text, last.letter.sender_address) == ("我也在", "li@partner.example")
    assert last.letter.mail_id == "in-2@customer.example"
    assert kinds(world, pk)[-2:] == ["joined", "message"]
    assert kinds(world, asked.asked_in_id)[-2:] == ["joined", "resolved"]
    side = world.conversation(asked.asked_in_id)
    assert side.state == State.RESOLVED
    assert state(world, asked) == "approved"
    with world.transaction():
        assert AuditEntry.objects.filter(action="participant.approved", subject_id=pk).exists()


def test_the_conversation_waits_for_an_answer_again(world, mailbox, pk, asked):
    replying.reply(world.access("carol"), pk, text="请稍等")
    participants.approve(world.access("carol"), asked.pk)
    found = world.conversation(pk)
    assert (found.state, found.last_direction, found.last_text) == (State.OPEN, "in", "我也在")
    assert found.waiting_since is not None
    assert found.last_number == len(kinds(world, pk))


def test_files_come_along(world, mailbox, pk, asked):
    with world.transaction():
        kept = files.store(b"list", "list.txt", staff_id=world.carol.pk)
        waiting = mailbox.messages(asked.asked_in_id)[-1]
        Attachment.objects.filter(pk=kept.pk).update(message=waiting, content_id="x1")
    participants.approve(world.access("carol"), asked.pk)
    with world.transaction():
        moved = Attachment.objects.get(pk=kept.pk)
        assert moved.message.conversation_id == pk
        assert moved.content_id == "x1"


def test_only_their_own_letters_join(world, mailbox, pk, asked):
    with world.transaction():
        replying.note(world.access("bob"), asked.asked_in_id, text="kennt ihn jemand?")
    before = len(mailbox.messages(pk))
    participants.approve(world.access("carol"), asked.pk)
    texts = [one.text for one in mailbox.messages(pk)]
    assert len(texts) == before + 1
    assert "kennt ihn jemand?" not in texts


def test_a_conversation_that_was_answered_goes_on(world, mailbox, pk, asked):
    replying.reply(world.access("dave"), asked.asked_in_id, text="Guten Tag")
    participants.approve(world.access("carol"), asked.pk)
    assert world.conversation(asked.asked_in_id).state == State.WAITING
    assert kinds(world, asked.asked_in_id)[-1] == "joined"


def move(world, asked):
    """Have the conversation in which they wait be another department's by now, with an owner."""
    with world.transaction():
        Conversation.objects.filter(pk=asked.asked_in_id).update(
            department=world.sales, queue=None, owner=world.erin, state=State.OPEN
        )


def test_what_another_department_has_by_now_stays_there(world, mailbox, pk, asked):
    with world.transaction():
        kept = files.store(b"list", "list.txt", staff_id=world.carol.pk)
        waiting = mailbox.messages(asked.asked_in_id)[-1]
        Attachment.objects.filter(pk=kept.pk).update(message=waiting)
    move(world, asked)
    before = kinds(world, asked.asked_in_id)
    messages = len(mailbox.messages(pk))
    participants.approve(world.access("carol"), asked.pk)
    assert (state(world, asked), kinds(world, pk)[-1]) == ("approved", "joined")
    assert len(mailbox.messages(pk)) == messages
    assert kinds(world, asked.asked_in_id) == before
    side = world.conversation(asked.asked_in_id)
    assert (side.state, side.owner_id) == (State.OPEN, world.erin.pk)
    with world.transaction():
        assert Attachment.objects.get(pk=kept.pk).message_id == waiting.pk


def test_who_may_only_look_at_it_resolves_nothing(world, mailbox, pk, asked):
    move(world, asked)
    replying.note(world.access("erin"), asked.asked_in_id, text="@", mention_ids=[world.carol.pk])
    before = kinds(world, asked.asked_in_id)
    participants.approve(world.access("carol"), asked.pk)
    assert state(world, asked) == "approved"
    assert kinds(world, asked.asked_in_id) == before
    assert world.conversation(asked.asked_in_id).is_open


def test_who_answers_in_both_departments_brings_it_from_there(world, mailbox, pk, asked):
    move(world, asked)
    participants.approve(world.access("alice"), asked.pk)
    assert mailbox.messages(pk)[-1].text == "我也在"
    assert world.conversation(asked.asked_in_id).state == State.RESOLVED


def test_a_second_decision_is_refused(world, mailbox, pk, asked):
    participants.approve(world.access("carol"), asked.pk)
    count = len(kinds(world, pk))
    for decide in (participants.approve, participants.decline):
        with pytest.raises(WrongState):
            decide(world.access("carol"), asked.pk)
    assert len(kinds(world, pk)) == count


def test_who_was_turned_away_stays_where_they_are(world, mailbox, pk, asked):
    before = kinds(world, pk)
    participants.decline(world.access("carol"), asked.pk)
    assert state(world, asked) == "declined"
    assert kinds(world, pk) == before
    assert world.conversation(asked.asked_in_id).is_open
    participants.approve(world.access("carol"), asked.pk)
    assert mailbox.messages(pk)[-1].text == "我也在"


def test_who_was_let_in_can_be_taken_out(world, mailbox, pk, asked):
    with pytest.raises(WrongState):
        participants.remove(world.access("carol"), asked.pk)
    participants.approve(world.access("carol"), asked.pk)
    participants.remove(world.access("carol"), asked.pk)
    assert state(world, asked) == "declined"


def test_nobody_joins_what_is_resolved(world, mailbox, pk, asked):
    lifecycle.resolve(world.access("carol"), pk)
    with pytest.raises(WrongState):
        participants.approve(world.access("carol"), asked.pk)
    assert state(world, asked) == "waiting"


@pytest.mark.parametrize(
    "decide", [participants.approve, participants.decline, participants.remove]
)
@pytest.mark.parametrize(
    ("name", "error"), [("erin", NotFound), ("frank", NotFound), ("gina", Refused)]
)
def test_who_may_not_answer_decides_nothing(world, mailbox, pk, asked, decide, name, error):
    """erin answers elsewhere, frank holds no role, gina was called in and may write notes."""
    world.person("gina", world.sales)
    replying.note(world.access("carol"), pk, text="@", mention_ids=[world.gina.pk])
    before = kinds(world, pk)
    with pytest.raises(error):
        decide(world.access(name), asked.pk)
    assert (state(world, asked), kinds(world, pk)) == ("waiting", before)
    participants.approve(world.access("bob"), asked.pk)


def test_unknown_and_foreign_participants_read_alike(world, other_world, mailbox, pk, asked):
    with pytest.raises(NotFound):
        participants.approve(world.access("carol"), 999_999)
    with organization_scope(other_world.organization.pk):
        access = other_world.access("carol")
        with pytest.raises(NotFound):
            participants.approve(access, asked.pk)
    assert state(world, asked) == "waiting"
    with world.transaction():
        assert Conversation.objects.filter(pk=pk).exists()
