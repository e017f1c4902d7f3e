"""Letters and answers of conversations that were merged or split: each goes where its matter goes on."""

import pytest
from django.core.management import call_command

from channels_app.leaving import writing
from helpdesk.models import Conversation, Letter, Outbox, Participant, State
from helpdesk.services import assignment, joining, letters, parting, replying
from tests.channels_app.letters_sent import (
    ANN,
    EVE,
    OURS,
    arrive,
    conversations,
    letter,
    messages,
)
from tests.channels_app.test_letters import signed

INVOICE = "invoice@shop.example"


@pytest.fixture
def parts(world, mailbox, first):
    """The first conversation, and what was split off: Ann's letter about the invoice."""
    told = letter(
        ANN, "The invoice is wrong", mail_id=INVOICE, references=(OURS,), subject="Invoice"
    )
    arrive(mailbox, told)
    with world.transaction():
        number = Conversation.objects.get(pk=first.pk).last_number
    row = parting.split(world.access("carol"), first.pk, since=number)
    with world.transaction():
        return first, Conversation.objects.get(pk=row.target_id), row


def test_an_answer_to_what_was_split_off_lands_there(world, mailbox, parts):
    first, part, _row = parts
    arrive(mailbox, letter(ANN, "Any news?", references=("first@shop.example", INVOICE)))
    arrive(mailbox, letter(ANN, "By address", references=(INVOICE,), to=signed(world, first)))
    assert messages(world, part) == [("in", "Any news?"), ("in", "By address")]
    arrive(mailbox, letter(ANN, "The parcel came", references=(OURS,)))
    assert messages(world, first)[-1] == ("in", "The parcel came")
    assert len(conversations(world)) == 2


def test_the_part_is_answered_in_the_same_thread(world, mailbox, parts):
    first, part, _row = parts
    assert part.subject == "Invoice"
    with world.transaction():
        Participant.objects.create(conversation=first, address=EVE, state="approved")
        draft = letters.draft_of(part)
    assert (draft.to[0], draft.cc, draft.subject) == (ANN, (), "Re: Invoice")
    assert draft.references == (OURS, INVOICE)
    assert draft.quoted.text == "The invoice is wrong"
    assignment.take(world.access("carol"), part.pk)
    replying.reply(world.access("carol"), part.pk, text="It is corrected")
    with world.transaction():
        row = Outbox.objects.get(conversation=part)
        leaving = writing.reply(row)
        own = Letter.objects.get(message__conversation=part)
    assert leaving.letter.references[-1] == INVOICE
    assert (leaving.reply_to, leaving.thread_key) == (INVOICE, first.thread_key)
    arrive(mailbox, letter(ANN, "Thank you", references=(INVOICE, own.mail_id)))
    assert messages(world, part)[-1] == ("in", "Thank you")


def test_undone_the_letters_are_answered_where_they_stand(world, mailbox, parts):
    first, _part, row = parts
    parting.undo(world.access("carol"), row.pk)
    arrive(mailbox, letter(ANN, "Any news?", references=(INVOICE,)))
    assert messages(world, first)[-1] == ("in", "Any news?")


@pytest.mark.parametrize("by", ["their id", "address"])
def test_an_answer_to_what_was_merged_lands_where_it_goes_on(world, mailbox, first, by):
    arrive(mailbox, letter(ANN, "Same matter", mail_id="again@shop.example"))
    second = conversations(world)[-1]
    row = joining.merge(world.access("carol"), first.pk, second.pk)
    facts = {"references": ("again@shop.example",)}
    if by == "address":
        facts = {"to": signed(world, second)}
    arrive(mailbox, letter(ANN, "And now?", **facts))
    assert messages(world, first)[-1] == ("in", "And now?")
    # Who knows how, and does not take part, is asked about there.
    arrive(mailbox, letter(EVE, "Send it to me", **facts))
    with world.transaction():
        assert Participant.objects.get().conversation_id == first.pk
        assert Conversation.objects.get(pk=second.pk).state == State.CLOSED
    joining.undo(world.access("carol"), row.pk)
    arrive(mailbox, letter(ANN, "Back", **facts))
    assert messages(world, second)[-1] == ("in", "Back")
    call_command("check_invariants", verbosity=0)


def test_who_takes_part_in_what_was_merged_does_not_take_part_in_the_other(world, mailbox, first):
    arrive(mailbox, letter(ANN, "Same matter", mail_id="again@shop.example"))
    second = conversations(world)[-1]
    with world.transaction():
        Participant.objects.create(conversation=second, address=EVE, state="approved")
    joining.merge(world.access("carol"), first.pk, second.pk)
    before = messages(world, first)
    arrive(mailbox, letter(EVE, "I was there", references=("again@shop.example",)))
    assert messages(world, first) == before
    with world.transaction():
        asked = Participant.objects.get(conversation=first)
        assert (asked.address, asked.state) == (EVE, "waiting")


def test_a_note_of_absence_changes_nothing(world, mailbox, first):
    arrive(mailbox, letter(ANN, "Same matter", mail_id="again@shop.example"))
    second = conversations(world)[-1]
    joining.merge(world.access("carol"), first.pk, second.pk)
    with world.transaction():
        before = Conversation.objects.get(pk=first.pk).waiting_since
    arrive(mailbox, letter(ANN, "I am away", references=("again@shop.example",), automatic="absence"))  # fmt: skip
    with world.transaction():
        assert Conversation.objects.get(pk=first.pk).waiting_since == before
        assert Conversation.objects.get(pk=second.pk).state == State.CLOSED
