"""Whether a machine wrote the mail, and what it reports."""

import pytest

from channels_app.mails.letter import Bounce
from channels_app.mails.reading.mail import read
from tests.channels_app.mail.letters_made import forwarded, html, letter, plain, posted, report

ORIGINAL = b"From: help@acme.cn\nTo: li@shop.cn\nSubject: Re: Where\nMessage-ID: <ours@acme.cn>\n\nIt left."
FAILED = (
    b"Final-Recipient: rfc822; LI@shop.cn\nAction: failed\nStatus: 5.1.1\n"
    b"Diagnostic-Code: smtp; 550 5.1.1 <li@shop.cn>:\n no such user\n"
)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ([], ""),
        (["Auto-Submitted: no"], ""),
        (["Auto-Submitted: auto-replied"], "reply"),
        (["Auto-Submitted: auto-generated; owner=x"], "reply"),
        (["X-Autoreply: yes"], "reply"),
        (["X-Autorespond: Away"], "reply"),
        (["X-Auto-Response-Suppress: OOF, AutoReply"], "reply"),
        (["X-Auto-Response-Suppress: None"], ""),
        (["Precedence: auto_reply"], "reply"),
        (["Return-Path: <>"], "reply"),
        (["Return-Path: <li@shop.cn>"], ""),
        (["Precedence: bulk"], "list"),
        (["Precedence: Junk"], "list"),
        (["Precedence: first-class"], ""),
        (["List-Id: <news.shop.cn>"], "list"),
        (["List-Unsubscribe: <mailto:x@shop.cn>"], "list"),
        (["List-Id: <news.shop.cn>", "Auto-Submitted: auto-replied"], "reply"),
        (["X-Everydesk-Loop: acme"], "own"),
        (["X-Everydesk-Loop: acme", "Auto-Submitted: auto-replied"], "own"),
    ],
)
def test_headers_tell_machines_from_people(fields, kind):
    assert read(letter(b"Hi", *(field.encode() for field in fields))).automatic == kind


@pytest.mark.parametrize(
    ("subject", "fields", "kind"),
    [
        ("自动回复: 我的订单", [], "absence"),
        ("自动答复：Re: hi", [], "absence"),
        ("[自动回复] hi", [], "absence"),
        ("外出：三月十日回来", [], "absence"),
        ("Automatic reply: Where is it", [], "absence"),
        ("Out of Office: Where is it", [], "absence"),
        ("Auto-Reply: hi", [], "absence"),
        ("Re: 我在休假", ["Auto-Submitted: auto-replied"], "absence"),
        ("On holiday until Monday", ["Precedence: bulk"], "absence"),
        ("我休假时的工资怎么算", [], ""),
        ("外出就餐的发票", [], ""),
        ("How do I set an out of office message", [], ""),
        ("Automatic gate does not open", [], ""),
        ("Out of Office: weekly", ["List-Id: <news.shop.cn>"], "list"),
        ("Your holiday offers", ["List-Id: <news.shop.cn>", "Precedence: bulk"], "list"),
    ],
)
def test_absence_is_told_from_people_who_write_about_it(subject, fields, kind):
    raw = letter(
        b"Hi",
        f"Subject: {subject}".encode(),
        *map(str.encode, fields),
        header=b"From: li@shop.cn\n",
    )
    assert read(raw).automatic == kind


def test_delivery_report_names_the_mail_the_person_and_the_reason():
    mail = read(report(FAILED, forwarded(ORIGINAL)))
    assert mail.automatic == "bounce"
    assert mail.bounce == Bounce(
        message_ids=("ours@acme.cn",),
        recipients=("li@shop.cn",),
        status="5.1.1",
        reason="550 5.1.1 <li@shop.cn>: no such user",
        is_permanent=True,
    )


def test_report_with_the_headers_alone_names_the_mail_too():
    headers = b"Content-Type: text/rfc822-headers\n\n" + ORIGINAL.partition(b"\n\n")[0]
    assert read(report(FAILED, headers)).bounce.message_ids == ("ours@acme.cn",)


def test_delay_is_not_permanent():
    delayed = FAILED.replace(b"failed", b"delayed").replace(b"5.1.1", b"4.4.1")
    bounce = read(report(delayed, forwarded(ORIGINAL))).bounce
    assert (bounce.is_permanent, bounce.status) == (False, "4.4.1")


def test_giving_up_after_delays_is_permanent():
    given_up = FAILED.replace(b"5.1.1", b"4.4.7")
    assert read(report(given_up, forwarded(ORIGINAL))).bounce.is_permanent


def test_news_of_success_is_no_bounce():
    delivered = FAILED.replace(b"failed", b"delivered").replace(b"5.1.1", b"2.0.0")
    assert read(report(delivered, forwarded(ORIGINAL))).bounce is None


def test_empty_report_of_gmail_is_read_from_what_else_it_says():
    raw = posted(
        "report; report-type=delivery-status",
        plain("Address not found\n\nThe response was:\n550 5.1.1 The account does not exist."),
        b"Content-Type: message/delivery-status\n\n",
        forwarded(ORIGINAL),
        header=b"From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\n"
        b"X-Failed-Recipients: li@shop.cn\nSubject: Delivery Status Notification (Failure)\n",
    )
    bounce = read(raw).bounce
    assert bounce == Bounce(("ours@acme.cn",), ("li@shop.cn",), "5.1.1", bounce.reason)
    assert bounce.reason == "550 5.1.1 The account does not exist."


TEXTS = {
    "qmail": (
        b"From: MAILER-DAEMON@shop.cn\nSubject: failure notice\n",
        "Hi. This is the qmail-send program.\n\n<li@shop.cn>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        "--- Below this line is a copy of the message.\n\nMessage-ID: <ours@acme.cn>\nSubject: Re: Where\n",
    ),
    "163": (
        "From: Postmaster@163.com\nSubject: 系统退信\n".encode(),
        "抱歉，您的邮件被退回来了……\n收件人: <li@shop.cn>\n退信原因: 550 User not found 5.1.1\n"
        "> Message-ID: <ours@acme.cn>\n",
    ),
    "qq": (
        "From: =?gb18030?B?UE9TVE1BU1RFUg==?= <PostMaster@qq.com>\nSubject: 来自postmaster@qq.com的退信\n"
        "In-Reply-To: <ours@acme.cn>\n".encode(),
        "您发送的邮件被退回。\n无法发送到 li@shop.cn\n原因：收件人邮件地址不存在 5.1.1\n",
    ),
    "exchange": (
        b"From: postmaster@shop.cn\nSubject: Undeliverable: Re: Where\nReferences: <ours@acme.cn>\n",
        "Delivery has failed to these recipients:\n\nli@shop.cn\nThe address was not found. 5.1.1\n",
    ),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_bounces_in_plain_words_are_understood(kind):
    header, words = TEXTS[kind]
    mail = read(letter(words.encode(), b"Content-Type: text/plain; charset=utf-8", header=header))
    assert mail.automatic == "bounce"
    assert mail.bounce.message_ids == ("ours@acme.cn",)
    assert mail.bounce.recipients == ("li@shop.cn",)
    assert mail.bounce.status == "5.1.1"
    assert mail.bounce.is_permanent
    assert "\n" not in mail.bounce.reason
    assert "5.1.1" in mail.bounce.reason


def test_words_of_delay_are_not_permanent():
    header = "From: postmaster@qq.com\nSubject: 邮件延迟通知\n".encode()
    bounce = read(letter("li@shop.cn 暂时无法投递，将继续重试".encode(), header=header)).bounce
    assert not bounce.is_permanent


def test_a_customer_who_writes_of_a_bounce_is_no_bounce():
    raw = letter(
        b"My mail came back: 550 5.1.1",
        b"X: y",
        header=b"From: li@shop.cn\nSubject: Undeliverable mail\n",
    )
    assert read(raw).bounce is None
    quoting = posted("mixed", plain("see"), forwarded(ORIGINAL))
    assert read(quoting).bounce is None


def test_a_postmaster_who_writes_himself_is_no_bounce():
    raw = letter(b"Please call me", header=b"From: postmaster@shop.cn\nSubject: Your invoice\n")
    assert (read(raw).bounce, read(raw).automatic) == (None, "")


def test_reason_is_short_and_free_of_controls():
    long = FAILED.replace(b"no such user", b"\x1b[31m" + b"x" * 2_000)
    reason = read(report(long, forwarded(ORIGINAL), words=html("<b>x</b>"))).bounce.reason
    assert len(reason) <= 300
    assert "\x1b" not in reason
