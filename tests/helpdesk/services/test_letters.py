"""Answers that leave as letters: who gets them, under which subject, with what below."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone, translation

from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import Invalid
from helpdesk.models import Channel, Letter, Outbox, Participant, Staff
from helpdesk.services import letters, replying
from helpdesk.services.addresses import MOST_ADDRESSES, bare_subject, read_addresses
from helpdesk.services.letters import LetterFields
from tests.letters import ADDRESS, ZHANG, mailbox_in


@pytest.fixture
def mailbox(world):
    with mailbox_in(world) as opened:
        yield opened


@pytest.fixture
def pk(mailbox):
    return mailbox.receive("左耳没有声音。\n怎么办?").conversation_id


def reply(world, pk, text="请寄回。", by="carol", **fields):
    letter = LetterFields(**fields) if fields else None
    written = replying.reply(world.access(by), pk, text=text, letter=letter)
    with world.transaction():
        return Letter.objects.select_related("message").get(pk=written.message_id)


def test_a_reply_without_fields_goes_to_the_customer_alone(world, mailbox, pk):
    letter = reply(world, pk)
    assert (letter.to, letter.cc) == ([[ZHANG, "张三"]], [])
    assert letter.subject == "Re: 退货"
    assert letter.sender_address == ADDRESS
    assert letter.message.text == "请寄回。"


def test_its_own_id_and_the_thread_are_stored_before_it_leaves(world, mailbox, pk):
    first = reply(world, pk)
    assert re.fullmatch(r"[0-9a-f]{32}@shop\.example", first.mail_id)
    assert first.references == ["in-1@customer.example"]
    mailbox.receive("还有一个问题", references=[*first.references, first.mail_id])
    second = reply(world, pk)
    assert second.references == [*first.references, first.mail_id, "in-2@customer.example"]
    assert second.mail_id != first.mail_id


def test_a_long_thread_keeps_its_first_and_its_last_ids(world, mailbox):
    chain = [f"old-{number}@customer.example" for number in range(40)]
    pk = mailbox.receive(references=chain).conversation_id
    kept = reply(world, pk).references
    assert len(kept) == letters.MOST_REFERENCES
    assert kept[0] == chain[0]
    assert kept[-2:] == [chain[-1], "in-1@customer.example"]


def test_the_customers_last_letter_is_quoted_and_nothing_older(world, mailbox, pk):
    reply(world, pk, text="先看看说明书。")
    mailbox.receive("说明书里没有。", full_text="说明书里没有。\n> 先看看说明书。")
    with translation.override("en"):
        letter = reply(world, pk)
    assert letter.full_text.endswith("> 说明书里没有。")
    assert "左耳" not in letter.full_text
    assert "先看看说明书" not in letter.full_text
    assert letter.message.text == "请寄回。"


def test_without_quoting_nothing_is_quoted(world, mailbox, pk):
    assert reply(world, pk, quotes=False).full_text == "请寄回。"


def test_neither_absence_notes_nor_participants_are_quoted(world, mailbox, pk):
    mailbox.receive("我在休假。", automatic="absence")
    with world.transaction():
        Participant.objects.create(
            conversation_id=pk, address="li@partner.example", state=Participant.State.APPROVED
        )
    received = mailbox.receive("机密报价 500")
    with world.transaction():
        Letter.objects.filter(pk=received.message_id).update(sender_address="li@partner.example")
    letter = reply(world, pk, cc="new@third.example")
    assert letter.full_text.endswith("> 左耳没有声音。\n> 怎么办?")


@pytest.mark.parametrize(
    ("cc", "kept"),
    [
        ("", []),
        ("li@partner.example", [["li@partner.example", ""]]),
        ("Li Si <LI@Partner.example>; wang@x.example", [["li@partner.example", "Li Si"], ["wang@x.example", ""]]),
        ("li@partner.example，wang@x.example", [["li@partner.example", ""], ["wang@x.example", ""]]),
        ('"Li, Si" <li@partner.example>', [["li@partner.example", "Li, Si"]]),
        ("li@partner.example, LI@partner.example", [["li@partner.example", ""]]),
        (f"{ZHANG}, li@partner.example", [["li@partner.example", ""]]),
        (f"{ADDRESS}, service+c1-2-abcdefghijklmnop@shop.example", []),
        ("li@例子.example", [["li@xn--fsqu00a.example", ""]]),
    ],
)  # fmt: skip
def test_cc_is_checked_and_freed_of_ourselves_and_of_doubles(world, mailbox, pk, cc, kept):
    assert reply(world, pk, cc=cc).cc == kept


@pytest.mark.parametrize(
    "cc",
    [
        "nobody", "a@b@c", "a@", "@b.example", "a b@c.example", "a@b.example\nBcc: x@y.example",
        "a@b.example\r\nSubject: x", "a@b.example\x00", "a@b.example\u2028x", "用户@b.example",
        ",".join(f"a{number}@b.example" for number in range(MOST_ADDRESSES + 1)),
        "x" * 9000, '"a\nb" <a@b.example>', "=?utf-8?q?a=0Ab?=",
    ],
)  # fmt: skip
def test_what_is_no_list_of_addresses_is_refused_and_nothing_is_sent(world, mailbox, pk, cc):
    with pytest.raises(Invalid) as refused:
        reply(world, pk, cc=cc)
    assert refused.value.details["field"] == "cc"
    with world.transaction():
        assert not Outbox.objects.exists()
        assert not Participant.objects.exists()


@pytest.mark.parametrize(
    "subject", ["a\nBcc: x@y.example", "a\r\nb", "a\x00b", "a\u2029b", "x" * 301]
)
def test_a_subject_that_would_begin_another_header_is_refused(world, mailbox, pk, subject):
    with pytest.raises(Invalid) as refused:
        reply(world, pk, subject=subject)
    assert refused.value.details["field"] == "subject"


def test_a_subject_of_ones_own_is_used(world, mailbox, pk):
    assert reply(world, pk, subject=" 关于退货 ").subject == "关于退货"


@pytest.mark.parametrize(
    "subject",
    ["退货", "Re: 退货", "RE: re: 退货", "回复：退货", "答复: Re[2]: 退货", "转发：回复:退货"],
)
def test_marks_of_answers_do_not_pile_up(subject):
    assert bare_subject(subject) == "退货"


def test_a_changed_address_of_the_customer_is_seen_before_anything_is_sent(world, mailbox, pk):
    with pytest.raises(Invalid) as refused:
        reply(world, pk, to="other@customer.example")
    assert refused.value.details["field"] == "to"
    assert reply(world, pk, to=ZHANG).to == [[ZHANG, "张三"]]


def test_recipients_are_those_that_were_chosen_whoever_the_customer_adds_meanwhile(
    world, mailbox, pk
):
    with world.transaction():
        conversation = visible_conversation(world.access("carol"), pk)
        shown = letters.draft_of(conversation)
    mailbox.receive("顺便抄送", cc=[["rival@other.example", ""]])
    letter = reply(world, pk, to=shown.to[0], cc=", ".join(one for one, _ in shown.cc))
    assert letter.cc == []
    with world.transaction():
        again = letters.draft_of(visible_conversation(world.access("carol"), pk))
    # Offered, never chosen by itself.
    assert again.cc == ()
    assert ("rival@other.example", "") in again.suggestions


def test_whoever_is_named_under_cc_takes_part_from_then_on(world, mailbox, pk):
    reply(world, pk, cc="Li Si <li@partner.example>")
    with world.transaction():
        added = Participant.objects.get()
        draft = letters.draft_of(visible_conversation(world.access("carol"), pk))
    assert (added.state, added.decided_by_id) == ("approved", world.carol.pk)
    assert draft.cc == (("li@partner.example", "Li Si"),)
    reply(world, pk, cc="li@partner.example")
    with world.transaction():
        assert Participant.objects.count() == 1


def test_whoever_waits_for_approval_is_looked_at_first(world, mailbox, pk):
    mailbox.stranger(pk)
    with pytest.raises(Invalid, match="invalid"):
        reply(world, pk, cc="li@partner.example")


def test_a_reply_in_a_chat_is_no_letter(world, mailbox):
    pk = world.message().conversation_id
    written = replying.reply(
        world.access("carol"), pk, text="您好", letter=LetterFields(cc="li@partner.example")
    )
    with world.transaction():
        assert not Letter.objects.filter(pk=written.message_id).exists()
        assert not Participant.objects.exists()


def test_a_form_is_answered_through_its_mailbox(world, mailbox):
    with world.transaction():
        Channel.objects.filter(pk=world.channel.pk).update(answers_by=mailbox.channel)
    pk = world.message("来自表单", visitor=ZHANG).conversation_id
    letter = reply(world, pk)
    assert letter.to[0][0] == ZHANG
    assert letter.full_text.endswith("> 来自表单")
    with world.transaction():
        assert Outbox.objects.get().channel_id == mailbox.channel.pk


def test_a_mailbox_without_an_address_says_so(world, mailbox, pk):
    with world.transaction():
        Channel.objects.filter(pk=mailbox.channel.pk).update(settings={})
    with pytest.raises(Invalid) as refused:
        reply(world, pk)
    assert refused.value.details["field"] == "channel"


@pytest.mark.parametrize(
    ("own", "department", "root", "shown"),
    [
        ("{name} / {name_en}", "d", "r", "Carol / Caroline"),
        ("", "{department}: {name}", "r", "客服部: Carol"),
        ("", "", "{position}{name}", "Carol"),
        ("", "", "", ""),
        ("{name.__class__} {secret}", "", "", "{name.__class__} {secret}"),
    ],
)
def test_a_signature_is_ones_own_or_the_nearest_departments(
    world, mailbox, own, department, root, shown
):
    with world.transaction():
        world.carol.signature, world.carol.name_en = own, "Caroline"
        world.carol.save()
        world.support.signature = department
        world.support.save()
        parent = world.support.parent
        parent.signature = root
        parent.save()
        staff = Staff.objects.select_related("department", "position").get(pk=world.carol.pk)
        assert letters.signature_of(staff) == shown


def test_the_signature_stands_between_text_and_quote(world, mailbox, pk):
    with world.transaction():
        Staff.objects.filter(pk=world.carol.pk).update(signature="-- \n{name}")
    letter = reply(world, pk)
    text, signature, quote = letter.full_text.split("\n\n")
    assert (text, signature) == ("请寄回。", "-- \nCarol")
    assert quote.startswith("On ") or "写道" in quote
    assert letter.signature == "-- \nCarol"


def test_an_empty_list_is_no_address():
    assert read_addresses("  ", field="cc") == []


def test_whoever_has_not_read_what_is_quoted_is_known(world, mailbox, pk):
    def readers():
        with world.transaction():
            return letters.draft_of(visible_conversation(world.access("carol"), pk)).readers

    reply(world, pk, quotes=False)
    assert "li@partner.example" not in readers()
    reply(world, pk, cc="li@partner.example")
    assert "li@partner.example" in readers()
    # It came while they took part.
    mailbox.receive("noch etwas")
    assert "li@partner.example" in readers()
    assert "new@third.example" not in readers()
    # They take part, and this came before.
    with world.transaction():
        Participant.objects.update(decided_at=timezone.now() + timedelta(hours=1))
    assert "li@partner.example" not in readers()
