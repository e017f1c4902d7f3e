"""Letters on screen: calm, whole one click away, decided on by whoever may."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk import fragments
from helpdesk.models import Attachment, Entry, Letter, Message, Outbox, Participant
from helpdesk.portal import letter_form
from helpdesk.portal.timeline import entries_of
from helpdesk.services import assignment, files, participants, replying, timeline
from helpdesk.services.addresses import read_addresses
from tests.helpdesk.portal.test_cost import MOST
from tests.letters import ZHANG, mailbox_in

HTML = '<p onclick="x()">左耳</p>'


@pytest.fixture
def mailbox(world):
    with mailbox_in(world) as opened:
        yield opened


@pytest.fixture
def pk(world, mailbox):
    found = mailbox.receive("左耳没有声音。").conversation_id
    assignment.take(world.access("carol"), found)
    return found


def page(screen, pk, name="carol"):
    answer = screen(name).get(f"/conversations/{pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def element(html, number):
    found = re.search(rf'<li id="message-{number}" .*?</li>', html, re.DOTALL)
    assert found, number
    return found[0]


def shown(screen, received, name="carol"):
    return element(page(screen, received.conversation_id, name), received.number)


def test_a_plain_letter_shows_its_text_and_nothing_more(screen, mailbox, pk):
    html = shown(screen, mailbox.receive("谢谢", is_authentic=True))
    assert "谢谢" in html
    for absent in ("letter-head", "letter-rest", "not proved", "Cc", "iframe"):
        assert absent not in html


@pytest.mark.parametrize(
    ("is_authentic", "quiet", "warns"),
    [(None, True, False), (False, False, True), (True, False, False)],
)
def test_a_sender_who_is_not_proved_is_marked(screen, mailbox, pk, is_authentic, quiet, warns):
    html = shown(screen, mailbox.receive("谢谢", is_authentic=is_authentic))
    assert ("sender not proved" in html) == (quiet or warns)
    assert ("t-warn" in html) == warns


def test_the_whole_text_is_there_without_scripts(screen, mailbox, pk):
    html = shown(
        screen, mailbox.receive("谢谢", full_text="谢谢\n\n张三\n> 您好", signature="张三")
    )
    assert "Show full text" in html
    assert "&gt; 您好" in html
    assert "read all of it" not in html


def test_a_very_long_text_is_cut_and_leads_to_all_of_it(screen, mailbox, pk):
    received = mailbox.receive("谢谢", full_text="谢谢" + "长" * 300_000)
    html = shown(screen, received)
    assert len(html) < 12_000
    assert f"/letters/{received.message_id}/?as=text" in html


def test_html_is_shown_in_a_frame_that_runs_nothing(screen, mailbox, pk):
    received = mailbox.receive("左耳", html=HTML, remote_pictures=["https://x.example/1.png"] * 3)
    html = shown(screen, received)
    frame = re.search(r"<iframe[^>]*>", html)
    assert frame
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in frame[0]
    assert f'src="/letters/{received.message_id}/"' in frame[0]
    assert 'loading="lazy"' in frame[0]
    assert 'referrerpolicy="no-referrer"' in frame[0]
    assert "Show pictures (3 from other servers)" in html
    # Neither the HTML nor addresses of others are in our page.
    assert "onclick" not in html
    assert "x.example" not in html


def test_subject_sender_and_copies_are_named_when_they_say_something(world, screen, mailbox, pk):
    with world.transaction():
        Participant.objects.create(
            conversation_id=pk, address="li@partner.example", state=Participant.State.APPROVED
        )
    received = mailbox.receive("我也在", subject="另一件事", cc=[["wang@x.example", "王五"]])
    with world.transaction():
        Letter.objects.filter(pk=received.message_id).update(
            sender_name="李四", sender_address="li@partner.example"
        )
    html = shown(screen, received)
    for said in ("另一件事", "李四 &lt;li@partner.example&gt;", "王五 &lt;wang@x.example&gt;"):
        assert said in html
    again = shown(screen, mailbox.receive("谢谢", subject="RE: 退货"))
    assert "letter-head" not in again


@pytest.mark.parametrize(
    ("automatic", "words"),
    [("absence", "Absence note of 张三"), ("list", "Mailing list mail of 张三"),
     ("reply", "Automatic reply of 张三"), ("own", "Automatic mail of 张三")],
)  # fmt: skip
def test_what_nobody_wrote_is_one_closed_line(screen, mailbox, pk, automatic, words):
    html = shown(screen, mailbox.receive("我在休假", automatic=automatic))
    assert words in html
    assert "<details" in html
    assert "<details open" not in html
    assert "我在休假" in html


def test_edited_and_withdrawn_messages_say_so(world, screen, mailbox, pk):
    received = mailbox.receive("秘密")
    with world.transaction():
        Message.objects.filter(pk=received.message_id).update(edited_at=timezone.now())
    assert "edited" in shown(screen, received)
    with world.transaction():
        Message.objects.filter(pk=received.message_id).update(text="", withdrawn_at=timezone.now())
    html = shown(screen, received)
    assert "Taken back by the customer" in html
    assert "秘密" not in html


def test_files_that_nobody_looked_into_are_only_downloaded(world, screen, mailbox, pk):
    received = mailbox.receive("见附件")
    with world.transaction():
        kept = files.store(b"%PDF-1.4", "a.pdf", staff_id=world.carol.pk)
        Attachment.objects.filter(pk=kept.pk).update(
            message_id=received.message_id, is_unchecked=True, mime="image/png", kind="image"
        )
    html = shown(screen, received)
    assert "not checked" in html
    assert "<img" not in html
    answer = screen("carol").get(f"/files/{kept.public_id}/")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")


def test_what_could_not_be_read_is_said_with_a_way_to_it(world, screen, mailbox, pk):
    with world.transaction():
        conversation = timeline.lock(pk)
        for reason in ("too_deep", "body: <b>not JSON"):
            entry = timeline.next_entry(conversation, Entry.Kind.QUARANTINED)
            entry.data = {"event": 77, "reason": reason}
            timeline.append([entry])
        conversation.save()
    html = page(screen, pk)
    assert "A message could not be read: its parts lie too deep in one another." in html
    assert "body: &lt;b&gt;not JSON" in html
    assert 'href="/letters/unread/77/"' in html


def test_somebody_who_asks_to_take_part_is_decided_on_once(world, screen, mailbox, pk):
    asked = mailbox.stranger(pk)
    html = page(screen, pk)
    assert "李四 &lt;li@partner.example&gt; wrote with the address of this conversation" in html
    assert f'href="/conversations/{asked.asked_in_id}/"' in html
    assert f'action="/participants/{asked.pk}/approve/"' in html
    answer = screen("carol", htmx=True).post(f"/participants/{asked.pk}/approve/")
    assert answer.status_code == 200
    html = answer.content.decode()
    assert "李四 takes part now" in html
    assert f"/participants/{asked.pk}/approve/" not in html
    assert f"/participants/{asked.pk}/remove/" in html
    assert "我也在" in html
    assert "another conversation now" in page(screen, asked.asked_in_id)
    # And without scripts:
    answer = screen("carol").post(f"/participants/{asked.pk}/remove/")
    assert (answer.status_code, answer["Location"]) == (302, f"/conversations/{pk}/")


@pytest.mark.parametrize("act", ["approve", "decline", "remove"])
@pytest.mark.parametrize(("name", "status"), [("erin", 404), ("frank", 404), ("gina", 403)])
def test_who_may_not_answer_decides_on_nobody(world, screen, mailbox, pk, act, name, status):
    asked = mailbox.stranger(pk)
    world.person("gina", world.sales)
    replying.note(world.access("carol"), pk, text="@", mention_ids=[world.gina.pk])
    path = f"/participants/{asked.pk}/{act}/"
    assert screen(name).post(path).status_code == status
    assert screen(name).get(path).status_code == 405
    with world.transaction():
        assert Participant.objects.get(pk=asked.pk).state == "waiting"


def test_a_guest_sees_no_decision_and_only_what_they_may(world, screen, mailbox, pk):
    mailbox.stranger(pk)
    world.person("gina", world.sales)
    replying.note(world.access("carol"), pk, text="@", mention_ids=[world.gina.pk])
    html = page(screen, pk, "gina")
    assert 'data-may="reply"' not in html
    column = html[html.index('id="participants"') :]
    assert "/approve/" not in column
    assert "What they wrote" not in column
    assert "What they wrote" in page(screen, pk)


def test_the_same_entry_by_the_line(world, screen, mailbox, pk):
    mailbox.receive("左耳", html=HTML, full_text="左耳\n> x", is_authentic=None)
    mailbox.receive("我在休假", automatic="absence")
    mailbox.stranger(pk)
    fresh = page(screen, pk)
    with world.transaction():
        entries = list(entries_of(pk, after=0, up_to=99))
        live = [
            fragments.entry(each, customer="张三", language="en", time_zone="Asia/Shanghai")
            for each in entries
        ]
    for entry, html in zip(entries, live, strict=True):
        assert plain(html) == plain(element(fresh, entry.number))


def plain(html):
    html = re.sub(r'<input type="hidden" name="csrfmiddlewaretoken"[^>]*>', "", html)
    return re.sub(r"\s+", " ", html).strip()


def test_letters_cost_no_more_queries_however_many(world, screen, mailbox, pk):
    def asked():
        screen("carol").get(f"/conversations/{pk}/")
        client = screen("carol")
        client.get(f"/conversations/{pk}/")
        with CaptureQueriesContext(connection) as captured:
            page_of = client.get(f"/conversations/{pk}/")
        assert page_of.status_code == 200
        return [one["sql"] for one in captured if one["sql"] not in {"BEGIN", "COMMIT"}]

    mailbox.stranger(pk)
    few = asked()
    for number in range(10):
        mailbox.receive(f"{number}", html=HTML, full_text=f"{number}\n> x")
        replying.reply(world.access("carol"), pk, text=f"answer {number}")
    mailbox.stranger(pk, "wang@x.example", name="王五")
    with world.transaction():  # those that wait cost one more, however many
        Outbox.objects.update(state="sent", due_at=None)
    many = asked()
    assert len(many) == len(few), "\n".join(many)
    assert len(many) <= MOST, "\n".join(many)
    whole = re.compile(r'(?<!LEFT\()"helpdesk_letter"\."(html|full_text)",')
    assert not any(whole.search(one) for one in many)


# --- the reply box --------------------------------------------------------------------------------


def write(screen, pk, htmx=True, **fields):
    data = {"kind": "reply", "text": "请寄回", "client_key": "k1", "letter_to": ZHANG, **fields}
    return screen("carol", htmx=htmx).post(f"/conversations/{pk}/write/", data)


def test_the_reply_box_shows_the_letter_in_one_line(world, screen, mailbox, pk):
    html = page(screen, pk)
    assert '<details class="letter-form' in html
    assert f'name="letter_to" value="{ZHANG}"' in html
    assert 'name="letter_subject" value="Re: 退货"' in html
    assert 'name="letter_quotes" checked' in html
    chat = world.message().conversation_id
    assignment.take(world.access("carol"), chat)
    assert "letter-form" not in page(screen, chat)


def test_fields_of_the_box_reach_the_letter(world, screen, mailbox, pk):
    answer = write(
        screen, pk, letter_cc="li@partner.example", letter_cc_more=["王五 <wang@x.example>"],
        letter_subject="关于退货",
    )  # fmt: skip
    assert answer.status_code == 200
    with world.transaction():
        letter = Letter.objects.get(message__direction="out")
    assert letter.cc == [["li@partner.example", ""], ["wang@x.example", "王五"]]
    assert letter.subject == "关于退货"
    # The box was unticked.
    assert letter.full_text == "请寄回"
    write(screen, pk, letter_quotes="on", client_key="k2")
    with world.transaction():
        assert "> 左耳" in Letter.objects.order_by("-pk").first().full_text


def test_a_refused_letter_keeps_what_was_typed(world, screen, mailbox, pk):
    answer = write(screen, pk, htmx=False, letter_cc="nobody", letter_subject="关于退货")
    html = answer.content.decode()
    assert answer.status_code == 400
    assert "“nobody” is no mail address." in html
    assert re.search(r'name="letter_cc" value="nobody"', html)
    assert 'name="letter_subject" value="关于退货"' in html
    assert "<details open" in html or re.search(r"<details[^>]* open", html)
    assert "请寄回" in html
    with world.transaction():
        assert not Outbox.objects.exists()
    answer = write(screen, pk, letter_cc="a@b.example\r\nBcc: x@y.example")
    assert answer.status_code == 400
    assert "data-error" in answer.content.decode()


def test_names_with_commas_come_back_as_one_person(world, screen, mailbox, pk):
    write(screen, pk, letter_cc='"Li, Si" <li@partner.example>')
    html = page(screen, pk)
    value = re.search(r'name="letter_cc" value="([^"]*)"', html)
    assert value
    assert value[1] == "&quot;Li, Si&quot; &lt;li@partner.example&gt;"
    write(screen, pk, letter_cc='"Li, Si" <li@partner.example>', client_key="k2")
    with world.transaction():
        assert Participant.objects.count() == 1


def test_waiting_participants_are_no_default_recipients(world, screen, mailbox, pk):
    asked = mailbox.stranger(pk)
    assert 'name="letter_cc" value=""' in page(screen, pk)
    participants.approve(world.access("carol"), asked.pk)
    assert "李四 &lt;li@partner.example&gt;" in page(screen, pk)


def test_the_signature_is_ones_own_to_change(world, screen, mailbox, pk):
    client = screen("carol")
    data = {"language": "en", "timezone": "Asia/Shanghai", "theme": "system"}
    # Before there is one, a refusal is shown too.
    assert client.post("/profile/", {**data, "mail_copies": "now"}).status_code == 422
    saved = client.post("/profile/", {**data, "signature": "{name} 客服", "mail_copies": "away"})
    assert saved.status_code == 302
    html = client.get("/profile/").content.decode()
    assert "{name} 客服" in html
    assert "Carol 客服" in html
    assert re.search(r'value="away"\s+checked', html)
    assert "Carol 客服" in page(screen, pk)
    assert (
        client.post("/profile/", {**data, "signature": "x", "mail_copies": "now"}).status_code
        == 422
    )
    assert (
        client.post(
            "/profile/", {**data, "signature": "x" * 1001, "mail_copies": "away"}
        ).status_code
        == 422
    )


@pytest.mark.parametrize(
    "name",
    [
        "王芳",
        "Ann Lee",
        "Zoe； ceo@x.example",
        'a "b" c\\',
        "x (y",
        "<z>",
        "a，b、c",
        "a; b, c",
        "=?utf-8?q?a?=",
    ],
)
def test_an_address_that_is_suggested_is_read_as_the_same_one(name: str) -> None:
    written = letter_form._written(("ann@x.example", name))
    assert [address for address, _name in read_addresses(written, field="cc")] == ["ann@x.example"]
