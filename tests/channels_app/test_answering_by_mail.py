"""Colleagues answer from their mail programs, and nobody answers in their name."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app.models import Dispatch
from channels_app.services import mail_copies
from channels_app.services.reply_addresses import read_address, staff_address
from helpdesk.models import Entry, Presence, Staff
from helpdesk.services import assignment, presence, replying
from tests.channels_app.letters_sent import (
    ANN,
    EVE,
    MAILBOX,
    arrive,
    conversations,
    letter,
    messages,
    reasons,
)


@pytest.fixture
def address(world, first):
    def make(name="carol", *, is_note=False, now=None, conversation=first):
        return staff_address(
            MAILBOX,
            organization_id=world.organization.pk,
            conversation_id=conversation.pk,
            staff_id=world.people[name].pk,
            is_note=is_note,
            now=now or timezone.now(),
        )

    return make


@pytest.fixture
def carol(world):
    return world.people["carol"].user.email


def test_a_colleague_with_token_proof_and_right_replies(world, mailbox, first, address, carol):
    arrive(mailbox, letter(carol, "By mail", to=address(), is_authentic=True))
    assert messages(world, first)[-1] == ("out", "By mail")
    with world.transaction():
        last = Entry.objects.filter(conversation=first).latest("number")
        assert last.actor_id == world.carol.pk
    assert reasons(world)[-1] == ("done", "by_staff")


def test_whoever_was_called_in_writes_a_note(world, mailbox, first, address):
    replying.note(world.access("carol"), first.pk, text="@Erin?", mention_ids=[world.erin.pk])
    erin = world.people["erin"].user.email
    arrive(mailbox, letter(erin, "Yes", to=address("erin", is_note=True), is_authentic=True))
    assert messages(world, first)[-1] == ("note", "Yes")


@pytest.mark.parametrize(
    "how", ["unproved", "disproved", "stranger", "another", "expired", "automatic", "left"]
)
def test_nobody_else_acts_as_a_colleague(world, mailbox, first, address, carol, how):
    sender, to, facts = carol, address(), {"is_authentic": True}
    if how == "unproved":
        facts = {"is_authentic": None}
    elif how == "disproved":
        facts = {"is_authentic": False}
    elif how == "stranger":
        sender = EVE
    elif how == "another":
        sender = world.people["dave"].user.email
    elif how == "expired":
        to = address(now=timezone.now() - timedelta(days=40))
    elif how == "automatic":
        facts["automatic"] = "absence"
    elif how == "left":
        with world.transaction():
            Staff.objects.filter(pk=world.carol.pk).update(is_active=False)
    before = messages(world, first)
    arrive(mailbox, letter(sender, "Do it", to=to, **facts))
    assert messages(world, first) == before
    assert len(conversations(world)) == 2


def test_a_right_that_ended_no_longer_counts(world, mailbox, first, address):
    frank = world.people["frank"].user.email
    arrive(mailbox, letter(frank, "Do it", to=address("frank"), is_authentic=True))
    assert len(messages(world, first)) == 2


def test_owners_who_are_away_get_their_customers_letters_once(world, mailbox, first, carol):
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(mail_copies="away")
        Presence.objects.filter(staff_id=world.carol.pk).delete()
    arrive(mailbox, letter(ANN, "Still nothing", references=("ours@desk.example",)))
    now = timezone.now()
    assert mail_copies.send_copies(now) == 1
    assert mail_copies.send_copies(now) == 0
    with world.transaction():
        (sent,) = Dispatch.objects.all()
        assert sent.recipient == carol
        assert "Still nothing" in sent.payload["text"]
        found = read_address(
            sent.payload["reply_address"], organization_id=world.organization.pk, now=now
        )
        assert (found.kind, found.person_id) == ("reply", world.carol.pk)


@pytest.mark.parametrize(("copies", "returned"), [("away", 0), ("always", 0), ("never", 1)])
def test_letters_stay_with_absent_owners_who_have_them_sent_on(
    world, mailbox, first, copies, returned
):
    arrive(mailbox, letter(ANN, "Still nothing", references=("ours@desk.example",)))
    now = timezone.now()
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(mail_copies=copies)
        Presence.objects.update_or_create(
            staff_id=world.carol.pk, defaults={"lease_until": now, "changed_at": now}
        )
    assert presence.return_absent(now) == returned


def test_chats_go_back_to_the_queue_although_their_owner_has_letters_sent_on(world):
    received = world.message("Hello?")
    assignment.take(world.access("carol"), received.conversation_id)
    now = timezone.now()
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(mail_copies="away")
        Presence.objects.update_or_create(
            staff_id=world.carol.pk, defaults={"lease_until": now, "changed_at": now}
        )
    assert presence.return_absent(now) == 1


def test_who_sits_at_the_screen_or_wants_no_mail_gets_none(world, mailbox, first):
    arrive(mailbox, letter(ANN, "Still nothing", references=("ours@desk.example",)))
    assert mail_copies.send_copies(timezone.now()) == 0
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(mail_copies="away")
    world.online("carol")
    assert mail_copies.send_copies(timezone.now()) == 0
