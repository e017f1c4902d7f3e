"""Nothing is sent to an address before its holder has pressed a button, and nothing is told to anybody else."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from django.db import connection
from django.test import Client

from channels_app.adapters.form.posting import read_posting
from channels_app.models import Dispatch, InboundEvent
from channels_app.processing import process_due
from channels_app.protocol import RawRequest
from channels_app.services import ingesting, proving
from channels_app.services.doors import find_door
from helpdesk.errors import NotFound
from helpdesk.models import AuditEntry, Conversation, Entry, Identity
from helpdesk.tenancy import organization_scope
from tests.channels_app.form.forms_sent import FILLED, NOW, Person, open_form, work

ADDRESS = FILLED["email"]
LINK = re.compile(r"/forms/confirm/\S+")


@pytest.fixture
def form(world):
    return open_form(world)


def proofs(world):
    with world.transaction():
        return list(Dispatch.objects.filter(kind="proof").order_by("id"))


def post(form, *, at=NOW, **fields):
    """Have somebody post, and the posting arrive."""
    with time_machine.travel(at + timedelta(seconds=20), tick=False):
        assert Person(form, at=at).posts(**fields).status_code == 200
        work()


def link_of(world):
    return LINK.search(proofs(world)[-1].payload["text"]).group()


def identity(world, form):
    with world.transaction():
        return Identity.objects.get(channel=form, external_id=ADDRESS)


def test_a_mail_of_ours_asks_and_says_nothing_of_what_was_posted(world, form):
    post(form, name="买便宜货", subject="点击 cheap.example", text="来 cheap.example 看看")
    (asked,) = proofs(world)
    assert (asked.channel_id, asked.recipient) == (form.answers_by_id, ADDRESS)
    assert set(asked.payload) == {"subject", "text"}
    said = asked.payload["subject"] + asked.payload["text"]
    assert "Acme" in said
    assert not [word for word in ("cheap", "便宜", "看看") if word in said]


def test_the_mail_speaks_the_language_of_the_form(world, form):
    english = Person(form)
    with time_machine.travel(NOW + timedelta(seconds=20), tick=False):
        english.posts(query="?language=en")
        work()
    (asked,) = proofs(world)
    assert asked.payload["subject"] == "Please confirm your mail address · Acme"


def test_a_link_that_is_followed_proves_nothing_until_its_button_is_pressed(world, form):
    post(form)
    link = link_of(world)
    with time_machine.travel(NOW + timedelta(days=6), tick=False):
        for _scanner in range(3):
            page = Client().get(link, headers={"accept-language": "en"})
            assert page.status_code == 200
            assert Client().head(link).status_code == 200
        assert ADDRESS not in page.content.decode()
        assert FILLED["text"] not in page.content.decode()
        assert page["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
        assert page["X-Frame-Options"] == "DENY"
        assert identity(world, form).awaits_proof
        assert Client(enforce_csrf_checks=True).post(link).status_code == 200
    found = identity(world, form)
    assert (found.is_verified, found.awaits_proof) == (True, False)
    with world.transaction():
        conversation = Conversation.objects.get()
        assert Entry.objects.filter(conversation=conversation, kind="identified").count() == 1
        assert AuditEntry.objects.filter(action="conversation.identified").count() == 1
        assert conversation.customer.email == ADDRESS
        assert conversation.last_number == 2


def test_who_proved_an_address_is_not_asked_again(world, form):
    post(form)
    with time_machine.travel(NOW, tick=False):
        proving.prove(link_of(world).rpartition("/")[2])
    post(form, at=NOW + timedelta(days=3))
    assert len(proofs(world)) == 1
    assert not identity(world, form).awaits_proof


def test_one_proof_counts_for_all_forms_of_an_organization_and_no_other(world, other_world):
    first, second = open_form(world), open_form(world, name="商务合作")
    with organization_scope(other_world.organization.pk):
        elsewhere = open_form(other_world)
    third = open_form(world, name="加盟")
    for each in (first, second, elsewhere):
        post(each)
    assert len(proofs(world)) == 1
    with time_machine.travel(NOW, tick=False):
        proving.prove(link_of(world).rpartition("/")[2])
    post(third)
    assert not [each for each in (first, second, third) if identity(world, each).awaits_proof]
    assert len(proofs(world)) == 1
    assert identity(other_world, elsewhere).awaits_proof
    assert len(proofs(other_world)) == 1


def calm(client, link):
    """Return what a link is answered that leads nowhere, to whoever asks and presses."""
    headers = {"accept-language": "en"}
    answers = [client.get(link, headers=headers), client.post(link, headers=headers)]
    assert [each.status_code for each in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    return answers[0].content


def test_wrong_expired_foreign_and_used_links_all_lead_to_the_same_calm_page(world, form, client):
    post(form)
    link = link_of(world)
    start, token = link.rsplit("/", 1)
    forged = signing.TimestampSigner(salt="another", sep=".").sign_object([1, 1])
    body, stamp, mac = token.split(".")
    nobody = str(proving._SIGNER.sign_object([world.organization.pk, 999_999]))
    strangers = str(proving._SIGNER.sign_object([world.organization.pk + 77, 1]))
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        wrong = ["x", forged, f"{body}.{stamp}.{mac[::-1]}", f"{body}.{mac}", token[:-1], nobody]
        pages = {calm(client, f"{start}/{each}") for each in [*wrong, strangers]}
        assert identity(world, form).awaits_proof
    with time_machine.travel(NOW + timedelta(days=7, minutes=1), tick=False):
        pages.add(calm(client, link))
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        assert client.post(link).status_code == 200
        pages.add(calm(client, link))
    assert len(pages) == 1


def test_of_two_who_press_the_button_at_once_one_confirms(world, form):
    post(form)
    token = link_of(world).rpartition("/")[2]

    def press(_hand):
        try:
            proving.prove(token)
        except NotFound:
            return False
        finally:
            connection.close()
        return True

    with time_machine.travel(NOW, tick=False), ThreadPoolExecutor(4) as hands:
        assert sorted(hands.map(press, range(4))) == [False, False, False, True]
    with world.transaction():
        assert Entry.objects.filter(kind="identified").count() == 1


def test_known_and_unknown_addresses_are_answered_alike(world, form):
    post(form)
    with time_machine.travel(NOW, tick=False):
        proving.prove(link_of(world).rpartition("/")[2])
    known, unknown = Person(form).posts(), Person(form).posts(email="new@shop.example")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert known.headers.keys() == unknown.headers.keys()


def test_a_form_without_a_mailbox_asks_nobody_and_loses_nothing(world, form):
    with world.transaction():
        form.answers_by = None
        form.save()
    post(form)
    assert proofs(world) == []
    with world.transaction():
        assert Conversation.objects.count() == 1
    assert identity(world, form).awaits_proof


def arrive_in_bulk(world, forms, addresses, count):
    """Have many postings arrive, spread over a day."""
    doors = [find_door(each.public_id) for each in forms]
    for number in range(count):
        address = addresses[number % len(addresses)]
        raw = (
            f'{{"type":"form.posted","data":{{"id":"p-{number}","email":"{address}",'
            f'"name":"spamword","subject":"spamword","text":"spamword {number}"}}}}'
        ).encode()
        door = doors[number % len(doors)]
        ingesting.store(door, read_posting(RawRequest("POST", "", (), {}, raw, NOW)), raw)


@pytest.mark.parametrize(
    ("postings", "victims"),
    [(150, 15), pytest.param(10_000, 1_000, marks=pytest.mark.soak)],
)
def test_many_postings_send_each_victim_one_mail_of_ours_a_day(world, postings, victims):
    forms = [open_form(world, name=f"表单{each}") for each in range(2)]
    named = [f"victim{each}@shop.example" for each in range(victims)]
    with time_machine.travel(NOW, tick=False):
        # An odd number: each victim is named on both forms.
        arrive_in_bulk(world, forms, [*named, "victim0+tag@shop.example"], postings)
        while process_due():
            pass
    with world.transaction():
        assert InboundEvent.objects.filter(state="done").count() == postings
        sent = list(Dispatch.objects.values_list("kind", "recipient", "payload"))
    assert {kind for kind, *_ in sent} == {"proof"}
    recipients = [recipient.replace("+tag", "") for _, recipient, _ in sent]
    assert len(recipients) == len(set(recipients)) == victims
    assert "spamword" not in str(sent)


def test_all_spellings_of_an_address_are_asked_once_a_day(world, form):
    for email in (
        *("victim@gmail.com", "v.ictim@gmail.com", "Vic.Tim@googlemail.com"),
        "victim+tag@gmail.com",
    ):
        post(form, email=email)
    (asked,) = proofs(world)
    assert asked.recipient == "victim@gmail.com"


def test_the_next_day_asks_once_more(world, form):
    post(form)
    post(form, at=NOW + timedelta(hours=20))
    assert len(proofs(world)) == 1
    post(form, at=NOW + timedelta(hours=25))
    assert len(proofs(world)) == 2
