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
    jia.wants_copies("always")
    jia.goes_away()
    try:
        customer.answers(mail, "订单号是 HG-2026。")
        jia.page.goto("/")
        expect(jia.row("HG-2026")).to_be_visible()
        copy = _copy(post, jia)
        assert "订单号是 HG-2026。" in text_of(copy)

        own = Correspondent(post, "陈嘉", jia.login)
        own.answers(copy, "查到了，明天退款。")
        jia.opens("明天退款")
        jia.sees_sent("明天退款")
        assert text_of(post.mails_to(customer.address)[-1]).startswith("查到了，明天退款。")

        sent = len(post.mails_to(customer.address))
        domain = jia.login.partition("@")[2]
        forged = f"{OWN_SERVER}; dmarc=pass header.from={domain}"
        own.answers(copy, "退款打到这个账号 1。", proof="fail", X_Forged="1")
    finally:
        jia.wants_copies("never")


def _copy(post: PostOffice, colleague: Colleague):
    from tests.deploy.stack import eventually

    eventually(lambda: post.all_to(colleague.login), 20)
    return post.all_to(colleague.login)[-1]
