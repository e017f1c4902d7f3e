"""Answers to a posting wait for the proof, leave as letters, and come back into the same conversation."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from channels_app.leaving import claims
from channels_app.models import Dispatch
from channels_app.services import proving
from channels_app.services.reply_addresses import customer_address
from helpdesk.models import Conversation, Letter, Message, Outbox, Participant
from helpdesk.services import replying
from tests.channels_app.form.forms_sent import FILLED, NOW, Person, open_form, work
from tests.channels_app.letters_sent import arrive, letter


@pytest.fixture
def form(world):
    return open_form(world)


@pytest.fixture
def asked(world, form):
    """Somebody has posted; returns the conversation's id."""
    with time_machine.travel(NOW + timedelta(seconds=20), tick=False):
        Person(form).posts()
        work()
    with world.transaction():
        return Conversation.objects.get().pk


def link_token(world):
    with world.transaction():
        text = Dispatch.objects.get(kind="proof").payload["text"]
    return text.split("/forms/confirm/")[1].split()[0]


def leaving(form, later):
    """Return what the mailbox would send then, one after the other."""
    found = []
    while claim := claims.claim_next(form.answers_by_id, later):
        found.append(claim.message)
    return found


def page_of(world, pk):
    """Return a conversation as carol sees it."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(world.people["carol"].user)
    session = client.session
    session["organization_id"] = world.organization.pk
    session.save()
    return client.get(f"/conversations/{pk}/").content.decode()


def test_a_posting_with_a_proved_address_does_not_look_proved(world, form, asked):
    assert "Address not confirmed yet" in page_of(world, asked)
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        proving.prove(link_token(world))
        Person(form).posts(name="Eve", text="Send my orders to eve@evil.example")
        work()
    with world.transaction():
        second = Conversation.objects.order_by("id").last().pk
    html = page_of(world, second)
    message, context = html.split('id="message-1"')[1], html.split('id="customer"')[1]
    assert "anybody may have typed this address" in message.split("</li>")[0]
    assert "sender not proved" in message.split("</li>")[0]
    identity = context.split("</dd>")[0]
    assert FILLED["email"] in identity
    assert "Address confirmed" in identity
    assert "Verified" not in html


def test_letters_in_the_same_conversation_speak_for_themselves(world, form, asked):
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        proving.prove(link_token(world))
        replying.reply(world.access("carol"), asked, text="明天就到。")
        _proof, sent = leaving(form, NOW + timedelta(hours=1))
        answer = letter(
            FILLED["email"], "谢谢", references=(sent.letter.mail_id,), is_authentic=True
        )
        arrive(form.answers_by, answer)
    with world.transaction():
        number = Message.objects.get(conversation=asked, text="谢谢").entry.number
    html = page_of(world, asked).split(f'id="message-{number}"')[1].split("</li>")[0]
    assert "sender not proved" not in html


def test_an_answer_leaves_as_a_letter_once_the_address_is_proved(world, form, asked):
    later = NOW + timedelta(hours=1)
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        replying.reply(world.access("carol"), asked, text="明天就到。")
    before = leaving(form, later)
    assert [each.to.external_id for each in before] == [FILLED["email"]]
    assert "明天就到。" not in before[0].text
    with world.transaction():
        assert claims.due_channels(later) == []
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        proving.prove(link_token(world))
    with world.transaction():
        assert Outbox.objects.get().channel_id == form.answers_by_id
    (sent,) = leaving(form, later)
    assert (sent.to.external_id, sent.text.startswith("明天就到。")) == (FILLED["email"], True)
    assert sent.letter.mail_id


def test_the_customers_mail_joins_the_conversation_and_a_strangers_waits(world, form, asked):
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        proving.prove(link_token(world))
        replying.reply(world.access("carol"), asked, text="明天就到。")
    with world.transaction():
        mail_id = Letter.objects.get(message__direction="out").mail_id
        identity_id = Conversation.objects.get(pk=asked).identity_id
    signed = customer_address(
        "service@desk.example",
        organization_id=world.organization.pk,
        conversation_id=asked,
        identity_id=identity_id,
    )
    box = form.answers_by
    arrive(box, letter(FILLED["email"], "谢谢！", references=(mail_id,)))
    arrive(box, letter(FILLED["email"], "收到了。", to=signed))
    arrive(box, letter("stranger@shop.example", "给我看看", references=(mail_id,)))
    with world.transaction():
        texts = Message.objects.filter(conversation=asked, direction="in").order_by("pk")
        assert list(texts.values_list("text", flat=True)) == [FILLED["text"], "谢谢！", "收到了。"]
        (waiting,) = Participant.objects.filter(conversation=asked)
        assert (waiting.address, waiting.state) == ("stranger@shop.example", "waiting")


def test_another_posting_of_the_same_person_is_another_matter(world, form, asked):
    with time_machine.travel(NOW + timedelta(minutes=5), tick=False):
        Person(form, at=NOW + timedelta(minutes=4)).posts(text="另一件事")
        work()
    with world.transaction():
        assert Conversation.objects.filter(channel=form).count() == 2
        assert Message.objects.filter(conversation=asked).count() == 1
