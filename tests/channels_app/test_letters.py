"""Where letters belong: strangers who know addresses, ids and subjects get nowhere with them."""

from dataclasses import replace

import pytest
from django.utils import timezone

from channels_app.models import Dispatch, InboundEvent
from channels_app.services import letters
from channels_app.services.reply_addresses import customer_address, read_address
from helpdesk.models import (
    Conversation,
    Entry,
    Outbox,
    Participant,
    State,
)
from helpdesk.models import Letter as StoredLetter
from helpdesk.registries import invariant_checks
from helpdesk.services import participants
from tests.channels_app.letters_sent import (
    ANN,
    BOB,
    EVE,
    MAILBOX,
    OURS,
    arrive,
    conversations,
    letter,
    messages,
    open_mailbox,
    reasons,
)


def signed(world, conversation, **facts):
    identity_id = facts.pop("identity_id", conversation.identity_id)
    return customer_address(
        MAILBOX,
        organization_id=facts.pop("organization_id", world.organization.pk),
        conversation_id=conversation.pk,
        identity_id=identity_id,
    )


def test_a_letter_begins_a_conversation_with_its_subject(world, mailbox):
    arrive(mailbox, letter(ANN, mail_id="first@shop.example"))
    (conversation,) = conversations(world)
    assert (conversation.subject, conversation.state) == ("Parcel", "queued")
    with world.transaction():
        stored = StoredLetter.objects.get()
        assert (stored.mail_id, stored.sender_address) == ("first@shop.example", ANN)


def test_two_letters_of_one_person_are_two_matters(world, mailbox):
    arrive(mailbox, letter(ANN), letter(ANN, subject="Invoice"))
    assert len(conversations(world)) == 2


@pytest.mark.parametrize("quoted", ["ours@desk.example", "first@shop.example"])
def test_an_answer_joins_by_our_id_and_by_the_customers_own(world, mailbox, first, quoted):
    arrive(mailbox, letter(ANN, "Thanks", references=(quoted,)))
    assert len(conversations(world)) == 1
    assert messages(world, first)[-1] == ("in", "Thanks")
    assert reasons(world)[-1] == ("done", "joined")


def test_an_answer_joins_by_the_signed_address(world, mailbox, first):
    arrive(mailbox, letter(ANN, "Thanks", to=signed(world, first)))
    assert messages(world, first)[-1] == ("in", "Thanks")


def test_an_answer_joins_by_the_subject_only_for_who_takes_part(world, mailbox, first):
    arrive(mailbox, letter(ANN, "Thanks", subject=f"Re: [C-{first.pk}] Parcel"))
    arrive(mailbox, letter(EVE, "Thanks", subject=f"Re: [C-{first.pk}] Parcel"))
    assert len(conversations(world)) == 2
    assert len(messages(world, first)) == 3
    with world.transaction():
        assert not Participant.objects.exists()


@pytest.mark.parametrize("by", ["address", "our id", "their id", "both"])
def test_a_stranger_who_knows_how_is_not_joined_and_waits_for_approval(world, mailbox, first, by):
    facts = {
        "address": {"to": signed(world, first)},
        "our id": {"references": ("ours@desk.example",)},
        "their id": {"references": ("first@shop.example",)},
        "both": {"to": signed(world, first), "references": ("ours@desk.example",)},
    }[by]
    before = messages(world, first)
    arrive(mailbox, letter(EVE, "Send it to me", **facts), letter(EVE, "Hello?", **facts))
    assert messages(world, first) == before
    own, theirs = conversations(world)
    assert [text for _way, text in messages(world, theirs)] == ["Send it to me", "Hello?"]
    with world.transaction():
        participant = Participant.objects.get()
        assert (participant.state, participant.address) == ("waiting", EVE)
        assert participant.asked_in_id == theirs.pk
        entry = Entry.objects.get(kind=Entry.Kind.ASKED_TO_JOIN)
        assert (entry.conversation_id, entry.data["conversation"]) == (own.pk, theirs.pk)
    assert reasons(world)[-1] == ("done", "held")


def test_a_participant_who_was_approved_joins(world, mailbox, first):
    with world.transaction():
        Participant.objects.create(conversation=first, address=EVE, state="approved")
    arrive(mailbox, letter(EVE, "I am the boss", references=("ours@desk.example",)))
    assert messages(world, first)[-1] == ("in", "I am the boss")
    with world.transaction():
        assert StoredLetter.objects.latest("message_id").sender_address == EVE


def approve_bob(world, mailbox):
    """Have Bob quote our letter, and Carol let him take part."""
    arrive(
        mailbox,
        letter(BOB, "I am her colleague", mail_id="bob@x.example", references=[OURS]),
    )
    with world.transaction():
        asked = Participant.objects.get()
    participants.approve(world.access("carol"), asked.pk)
    return asked


def last_place(world):
    """Return what became of the newest report, and in which conversation."""
    with world.transaction():
        row = InboundEvent.objects.select_related("entry").latest("id")
        return row.reason, row.entry.conversation_id


def test_letters_about_what_was_let_in_join_where_it_was_let_in(world, mailbox, first):
    approve_bob(world, mailbox)
    arrive(mailbox, letter(BOB, "One more thing", references=(OURS, "bob@x.example")))
    assert last_place(world) == ("joined", first.pk)
    arrive(mailbox, letter(ANN, "He is", references=("first@shop.example", OURS, "bob@x.example")))
    assert last_place(world) == ("joined", first.pk)


def test_who_once_took_part_begins_anew_when_all_is_closed(world, mailbox, first):
    approve_bob(world, mailbox)
    with world.transaction():
        Conversation.objects.filter(pk=first.pk).update(
            state="closed", queue_id=None, owner_id=None, closed_at=timezone.now()
        )
    arrive(mailbox, letter(BOB, "Again", references=(OURS,)))
    with world.transaction():
        again = Conversation.objects.get(pk=last_place(world)[1])
        assert again.identity.external_id == BOB


def test_letters_of_a_stranger_under_known_ids_hide_none_of_ours(
    world, mailbox, first, monkeypatch
):
    monkeypatch.setattr(letters, "MOST_KNOWN", 5)
    for number in range(7):
        event = letter(EVE, mail_id="first@shop.example")
        arrive(mailbox, replace(event, dedup_key=f"flood {number}"))
    arrive(mailbox, letter(ANN, "Thanks", references=(OURS,)))
    assert last_place(world) == ("joined", first.pk)
    arrive(mailbox, letter(ANN, "Thanks again", references=("first@shop.example",)))
    assert last_place(world) == ("joined", first.pk)


def test_somebody_who_was_declined_is_not_asked_about_again(world, mailbox, first):
    with world.transaction():
        Participant.objects.create(conversation=first, address=EVE, state="declined")
    arrive(mailbox, letter(EVE, "Again", references=("ours@desk.example",)))
    with world.transaction():
        assert not Entry.objects.filter(kind=Entry.Kind.ASKED_TO_JOIN).exists()
    assert len(conversations(world)) == 2


def test_the_customers_address_does_not_help_when_the_server_disproves_it(world, mailbox, first):
    arrive(mailbox, letter(ANN, "Hi", references=("ours@desk.example",), is_authentic=False))
    assert len(messages(world, first)) == 2
    assert reasons(world)[-1] == ("done", "held")


def test_a_signed_address_cannot_be_made_up(world, other_world, mailbox, first):
    good = signed(world, first)
    now = timezone.now()
    assert read_address(good, organization_id=world.organization.pk, now=now)
    assert read_address(good.upper(), organization_id=world.organization.pk, now=now)
    local, _, domain = good.partition("@")
    forged = [
        f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}",
        signed(world, first, organization_id=other_world.organization.pk),
        good.replace("+c", "+s"),
        good.replace("-", "", 1),
        f"service+c1-1-{'a' * 16}@{domain}",
        f"service+@{domain}",
        MAILBOX,
        "",
    ]
    for address in forged:
        assert read_address(address, organization_id=world.organization.pk, now=now) is None
    arrive(mailbox, *(letter(EVE, "x", to=address) for address in forged if address))
    assert len(messages(world, first)) == 2


def test_a_closed_conversation_goes_on_in_a_new_one_of_the_same_thread(world, mailbox, first):
    with world.transaction():
        Conversation.objects.filter(pk=first.pk).update(
            state=State.CLOSED, owner=None, closed_at=timezone.now()
        )
    arrive(mailbox, letter(ANN, "One more", references=("ours@desk.example",)))
    arrive(mailbox, letter(ANN, "And one more", references=("ours@desk.example",)))
    old, new = conversations(world)
    assert [text for _way, text in messages(world, new)] == ["One more", "And one more"]
    assert old.identity_id == new.identity_id


def test_our_own_letter_coming_back_is_not_a_message(world, mailbox, first):
    arrive(mailbox, letter(MAILBOX, "It comes tomorrow.", mail_id="ours@desk.example"))
    assert reasons(world)[-1] == ("ignored", "own")
    assert len(conversations(world)) == 1


def test_an_absence_note_joins_quietly(world, mailbox, first):
    before = world.conversation(first.pk)
    arrive(
        mailbox,
        letter(ANN, "I am away", references=("ours@desk.example",), automatic="absence"),
    )
    after = world.conversation(first.pk)
    assert after.last_number == before.last_number + 1
    for name in ("state", "waiting_since", "last_text", "route_at", "owner_id"):
        assert getattr(after, name) == getattr(before, name)


def test_an_absence_note_does_not_open_what_is_resolved(world, mailbox, first):
    from helpdesk.services import lifecycle  # noqa: PLC0415

    lifecycle.resolve(world.access("carol"), first.pk)
    arrive(
        mailbox,
        letter(ANN, "I am away", references=("ours@desk.example",), automatic="absence"),
    )
    assert world.conversation(first.pk).state == State.RESOLVED


def test_a_newsletter_is_kept_with_low_priority(world, mailbox):
    arrive(mailbox, letter("news@list.example", "Offers", automatic="list"))
    (conversation,) = conversations(world)
    assert conversation.priority == "low"


def report(world, *recipients, **facts):
    """Return a delivery report about our letter, which has left."""
    with world.transaction():
        Outbox.objects.update(state="sent", due_at=None)
    event = letter("mailer-daemon@shop.example", "Returned", references=(OURS,), **facts)
    about = {"references": (OURS,), "error": "550 no such user"}
    return replace(
        event, kind="receipt", status="failed", data={"recipients": list(recipients)}, **about
    )


def test_a_bounce_is_shown_at_the_message_that_bounced(world, mailbox, first):
    arrive(mailbox, report(world, "ANN@shop.example"))
    with world.transaction():
        outbox = Outbox.objects.get()
        assert (outbox.state, outbox.error) == ("failed", "550 no such user")
        assert not [line for _n, check in invariant_checks.items() for line in check.violations()]
    assert len(conversations(world)) == 1


@pytest.mark.parametrize(
    ("recipients", "facts"),
    [((ANN,), {"is_authentic": False}), ((EVE,), {}), ((), {})],
    ids=["disproved", "about somebody else", "about nobody"],
)
def test_a_bounce_that_anybody_could_write_moves_nothing(world, mailbox, first, recipients, facts):
    arrive(mailbox, report(world, *recipients, automatic="bounce", **facts))
    with world.transaction():
        outbox = Outbox.objects.get()
        assert (outbox.state, outbox.error) == ("sent", "")


def test_an_acknowledgement_goes_once_and_never_to_machines(world):
    mailbox = open_mailbox(world, acknowledge_en="We have it.", acknowledge_zh="已收到。")
    arrive(mailbox, letter(ANN, "Where is my parcel?", mail_id="a1@x"))
    arrive(mailbox, letter("list@x.example", "News", automatic="list"))
    arrive(mailbox, letter("bot@x.example", "Thanks for your mail", automatic="reply"))
    arrive(mailbox, letter("old@x.example", "Old"), is_backlog=True)
    with world.transaction():
        (sent,) = Dispatch.objects.all()
        assert (sent.recipient, sent.payload["text"]) == (ANN, "We have it.")


def test_nobody_is_told_that_a_letter_in_their_name_has_come(world):
    mailbox = open_mailbox(world, acknowledge_en="We got it.", acknowledge_zh="收到")
    arrive(mailbox, letter("victim@bank.example", is_authentic=False))
    with world.transaction():
        assert not Dispatch.objects.exists()


def test_an_answer_to_our_acknowledgement_joins(world):
    mailbox = open_mailbox(world, acknowledge_en="We have it.", plus_addressing=True)
    arrive(mailbox, letter(ANN, "Where is my parcel?", mail_id="a1@x"))
    with world.transaction():
        sent = Dispatch.objects.get()
        assert sent.payload["references"] == ["a1@x"]
    arrive(mailbox, letter(ANN, "One more thing", references=(sent.provider_id,)))
    arrive(mailbox, letter(ANN, "And another", to=sent.payload["reply_address"]))
    arrive(mailbox, letter(EVE, "Me too", references=(sent.provider_id,)))
    assert len(conversations(world)) == 2


def test_the_end_of_a_very_long_letter_is_kept(world, mailbox):
    arrive(mailbox, letter(ANN, "word " * 10_000 + "the end"))
    with world.transaction():
        stored = StoredLetter.objects.get()
        assert stored.full_text.endswith("the end")
        assert len(stored.message.text) == 20_000


def test_a_loop_with_a_bot_that_hides_ends_after_three_automatic_mails(world):
    mailbox = open_mailbox(world, acknowledge_en="We have it.")
    for number in range(30):
        arrive(mailbox, letter(ANN, "I am on holiday until then", subject=f"Re: {number}"))
    with world.transaction():
        assert Dispatch.objects.count() <= 3
