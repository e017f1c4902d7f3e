"""Servers that refuse, are away or hang up; and colleagues who answer from their own mail program."""

import re

from playwright.sync_api import expect

from tests.journeys.people import Colleague
from tests.journeys.post_office import (
    OWN_SERVER,
    Correspondent,
    PostOffice,
    answered,
    asks,
    text_of,
)


def test_a_refused_letter_says_why_and_one_whose_fate_nobody_knows_says_that(
    post: PostOffice, jia: Colleague
) -> None:
    jia.goes_online()
    customer, _first = asks(post, jia, "退货要多久？")
    post.smtp.script[customer.address] = "550 5.1.1 no such user here"
    jia.writes_letter("七天之内。")
    refused = jia.message("七天之内").locator(".msg-meta .t-danger")
    expect(refused).to_contain_text(re.compile("未送达|Not delivered"))
    expect(refused).to_contain_text("no such user here")
    post.smtp.script.clear()
    jia.sends_again("七天之内")

    post.smtp.script["DATA"] = "drop"
    jia.writes_letter("退款三天到账。")
    unknown = jia.message("退款三天到账")
    expect(unknown.locator("form[action$='/resend/'] button")).to_be_visible()
    expect(unknown.locator(".msg-meta .t-warn")).to_be_visible()
    expect(unknown.locator(".msg-meta .t-danger")).to_have_count(0)
    post.smtp.script.clear()
    jia.sends_again("退款三天到账")
    # It had arrived: the second one is the same mail, which mail programs show once.
    first, again = post.mails_to(customer.address)[-2:]
    assert first["Message-ID"] == again["Message-ID"]


def test_letters_wait_for_a_server_that_is_away_and_leave_in_order(
    post: PostOffice, jia: Colleague
) -> None:
    jia.goes_online()
    customer, _first = asks(post, jia, "退货单号在哪里填？")
    with post.smtp.away():
        jia.writes_letter("在订单页面里填。")
        waiting = jia.message("在订单页面里填").locator(".msg-meta .t-warn")
        expect(waiting).to_be_visible()
        jia.writes_letter("右上角有个按钮。")
        expect(jia.message("右上角有个按钮").locator("form[action$='/resend/']")).to_have_count(0)
    jia.sees_sent("在订单页面里填")
    jia.sees_sent("右上角有个按钮")
    sent = [text_of(mail).splitlines()[0] for mail in post.mails_to(customer.address)]
    assert sent == ["在订单页面里填。", "右上角有个按钮。"]


def test_a_colleague_answers_from_a_mail_program_and_nobody_does_so_in_their_name(
    post: PostOffice, jia: Colleague
) -> None:
    jia.goes_online()
    customer, _first = asks(post, jia, "退货的进度怎么查？")
    mail = answered(post, jia, customer, "请给我订单号。")
    conversation = jia.conversation_id()
    jia.wants_copies("always")
    jia.comes_in()
    customer.answers(mail, "订单号是 HG-2026。")
    copy = post.mail_to(jia.login, "订单号是 HG-2026。")
    jia.wants_copies("never")

    own = Correspondent(post, "陈嘉", jia.login)
    own.answers(copy, "退货已经查到了，明天退款。")
    jia.page.goto(f"/conversations/{conversation}/")
    jia.sees_sent("明天退款")
    sent = post.mails_to(customer.address)
    assert text_of(sent[-1]).startswith("退货已经查到了，明天退款。")

    passed = f"dmarc=pass header.from={jia.login.partition('@')[2]}"
    # Below what the own server says, of another server, and of somebody else.
    own.answers(copy, "退货款打到账号 1。", proof="fail", forged=f"{OWN_SERVER}; {passed}")
    expect(jia.row("打到账号 1")).to_be_visible()
    own.answers(copy, "退货款打到账号 2。", proof="", forged=f"mx.other.example; {passed}")
    expect(jia.row("打到账号 2")).to_be_visible()
    post.somebody("陈嘉").answers(copy, "退货款打到账号 3。")
    expect(jia.row("打到账号 3")).to_be_visible()
    expect(jia.message("打到账号")).to_have_count(0)
    assert len(post.mails_to(customer.address)) == len(sent)
