"""What is filled in becomes a conversation, once; what is wrong is said beside its field."""

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from channels_app import limits
from channels_app.contact import tickets
from channels_app.contact.captchas import Captcha, captchas
from channels_app.models import InboundEvent
from helpdesk.models import Attachment, Conversation, Identity, Message
from tests.channels_app.form.forms_sent import FILLED, NOW, Person, open_form, work

THANKS = "form-thanks"


def is_thanks(answer):
    return answer.status_code == 200 and answer.templates[0].name == "channels_app/form_thanks.html"


def test_a_posting_becomes_a_conversation_of_its_own(world):
    form = open_form(world, topics=["退换货 | Returns"], asks_company=True, asks_phone=True)
    facts = {"topic": "退换货", "company": "禾光", "phone": "+86 21 5555"}
    assert is_thanks(Person(form).posts(**facts))
    assert is_thanks(Person(form).posts(**facts, text="还有一个问题"))
    work()
    with world.transaction():
        first, second = Conversation.objects.order_by("id")
        assert (first.channel_id, first.subject, first.state) == (form.pk, "包裹", "queued")
        assert first.identity == second.identity
        message = Message.objects.get(conversation=first)
        assert message.text == (
            "我的包裹在哪里？\n\n问题类型：退换货\n公司：禾光\n电话：+86 21 5555"
        )
        identity = first.identity
        assert (identity.external_id, identity.display_name) == ("fang@shop.example", "王芳")
        assert (identity.is_verified, identity.awaits_proof) == (False, True)
        # What nobody has proved is no fact of the customer.
        assert (identity.customer.email, identity.customer.phone) == ("", "")


def test_what_was_posted_is_kept_as_it_came(world):
    form = open_form(world)
    Person(form).posts()
    with world.transaction():
        kept = InboundEvent.objects.get()
        assert json.loads(bytes(kept.raw))["data"]["text"] == FILLED["text"]
    work()
    with world.transaction():
        kept = InboundEvent.objects.get()
        assert (kept.state, kept.entry_id) == ("done", Message.objects.get().entry_id)


def test_the_same_posting_again_is_stored_once_and_answered_alike(world):
    form = open_form(world)
    person = Person(form)
    first, second = person.posts(), person.posts()
    work()
    third = person.posts()
    work()
    assert first.content == second.content == third.content
    assert is_thanks(first)
    with world.transaction():
        assert Message.objects.count() == 1


def test_files_come_along(world):
    form = open_form(world)
    files = [SimpleUploadedFile("../回执.txt", b"order 1234"), SimpleUploadedFile("b.txt", b"b")]
    assert is_thanks(Person(form).posts(attachments=files))
    work()
    with world.transaction():
        kept = Attachment.objects.order_by("id").values_list("name", "mime", "is_unchecked")
        assert list(kept) == [
            ("回执.txt", "text/plain", False),
            ("b.txt", "text/plain", False),
        ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "Please write your name."),
        ({"name": "a\r\nBcc: x@y.example"}, "Please write this in one line."),
        ({"subject": "a\nBcc: x@y.example"}, "Please write this in one line."),
        ({"name": "x" * 121}, "120"),
        ({"subject": "x" * 201}, "200"),
        ({"text": "x" * 10_001}, "10000"),
        ({"text": "  "}, "Please write what we can do for you."),
        ({"text": "\x01"}, "Please write what we can do for you."),
        ({"text": "\x00 \x7f"}, "Please write what we can do for you."),
        ({"email": "nobody"}, "Please check the address"),
        ({"email": "a@[127.0.0.1]"}, "Please check the address"),
        ({"email": "a@b.example\nBcc: c@d.example"}, "Please"),
        ({"email": '"a b"@shop.example'}, "Please check the address"),
        ({"attachments": SimpleUploadedFile("a.svg", b"<svg onload=alert(1)>")}, "cannot be taken"),
        (
            {"attachments": [SimpleUploadedFile("a.txt", b"a")] * 6},
            "Please choose 5 files at most.",
        ),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(world, fields, words):
    form = open_form(world)
    person = Person(form, **{"accept-language": "en"})
    answer = person.posts(**fields)
    assert answer.status_code == 422
    page = answer.content.decode()
    name = next(iter(fields))
    assert words in page.split(f'id="form-{name}-error"')[1].split("</p>")[0]
    assert f'aria-describedby="form-{name}' in page
    with world.transaction():
        assert not InboundEvent.objects.exists()
    # The same page, put right.
    assert is_thanks(person.posts())


def test_files_are_bounded_together(world, settings):
    settings.ATTACHMENT_MAX_BYTES = 100
    form = open_form(world)

    def files(count):
        return [SimpleUploadedFile(f"{each}.txt", b"x" * 40) for each in range(count)]

    answer = Person(form, **{"accept-language": "en"}).posts(attachments=files(3))
    assert answer.status_code == 422
    assert "too large together" in answer.content.decode()
    assert is_thanks(Person(form).posts(attachments=files(2)))


def test_an_address_is_kept_as_letters_name_it(world):
    form = open_form(world)
    assert is_thanks(Person(form).posts(email="Fang@例子.Example"))
    work()
    with world.transaction():
        assert Identity.objects.get(channel=form).external_id == "fang@xn--fsqu00a.example"


def test_what_the_form_does_not_ask_is_not_taken(world):
    form = open_form(world, asks_subject=False, takes_files=False)
    page = Person(form).opens().content.decode()
    assert not [
        name for name in ("subject", "attachments", "phone", "topic") if f'"{name}"' in page
    ]
    answer = Person(form).posts(phone="1", attachments=SimpleUploadedFile("a.txt", b"a"))
    assert is_thanks(answer)
    work()
    with world.transaction():
        assert (Message.objects.get().text, Conversation.objects.get().subject) == (
            FILLED["text"],
            "",
        )
        assert not Attachment.objects.exists()


def refused(world, answer, status=422):
    with world.transaction():
        assert not InboundEvent.objects.exists()
    assert answer.status_code == status
    page = answer.content.decode()
    assert FILLED["text"] in page
    return page


@pytest.mark.parametrize("age", [timedelta(seconds=1), timedelta(hours=24, seconds=1)])
def test_a_page_posts_neither_at_once_nor_after_a_day(world, age):
    person = Person(open_form(world))
    refused(world, person.posts(after=age))
    # The page came back with a new ticket.
    person.at, person.ticket = NOW + age, ""
    assert is_thanks(person.posts())


def test_forged_and_foreign_tickets_post_nothing(world, other_world):
    form, other = open_form(world), open_form(other_world)
    foreign = Person(other)
    foreign.opens()
    good = tickets.issue(form.public_id, NOW).text
    body, _, mac = good.rpartition(".")
    for ticket in ("", "x", "." * 400, f"{body}.{mac[::-1]}", body, foreign.ticket, good[1:]):
        refused(world, Person(form).posts(ticket=ticket))
    assert is_thanks(Person(form).posts(ticket=good))


def test_what_fills_in_the_trap_posts_nothing_and_is_told(world):
    person = Person(open_form(world))
    page = refused(world, person.posts(website="https://spam.example"))
    assert "spam.example" not in page
    assert is_thanks(person.posts())


def test_one_address_and_one_network_post_a_few_a_minute(world):
    form = open_form(world)
    answers = [Person(form).posts() for _each in range(6)]
    assert [each.status_code for each in answers] == [200] * 5 + [429]
    assert answers[-1]["Retry-After"] == "60"
    limits._local.clear()
    many = [Person(form).posts(email=f"p{each}@shop.example") for each in range(31)]
    assert [each.status_code for each in many] == [200] * 30 + [429]


def test_an_installation_may_add_a_check_against_machines(world):
    form = open_form(world)
    check = Captcha(
        template="channels_app/form_missing.html",
        passes=lambda posted, address: posted.get("answer") == "42" and address == "127.0.0.1",
        sources={"script-src": ("https://captcha.example",)},
    )
    with captchas.registered("test", check):
        policy = Person(form).opens()["Content-Security-Policy"]
        assert "script-src 'self' https://captcha.example;" in policy + ";"
        refused(world, Person(form).posts(answer="41"))
        assert is_thanks(Person(form).posts(answer="42"))


def test_names_and_texts_are_shown_as_text(world):
    bad = '"><script>alert(1)</script>'
    form = open_form(
        world, title_zh=bad, intro_zh=bad, topics=[bad], privacy_url="javascript:alert(1)"
    )
    page = Person(form).posts(name=bad, subject=bad, text="", query="?theme=%22%3E%3Cscript%3E")
    assert page.status_code == 422
    content = page.content.decode()
    assert "<script>alert" not in content
    assert "javascript:" not in content
    assert "&lt;script&gt;alert(1)" in content
