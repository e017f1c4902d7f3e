"""Letters come in by IMAP, are answered by SMTP, and find their conversation again; strangers do not."""

import re

from playwright.sync_api import expect

from tests.journeys.people import Colleague, Crowd
from tests.journeys.post_office import (
    PICTURE,
    SERVICE,
    PostOffice,
    answered,
    asks,
    bounce_of,
    reply_address_of,
    text_of,
    with_picture,
)

HTML = (
    "<p>您好，我想<b>退货</b>，右耳没有声音。</p><p><img src='cid:shot@mail.example' alt='耳机'></p>"
    "<script>document.title = 'taken over'</script>"
)


def test_a_letter_is_answered_by_mail_and_the_answer_to_that_joins(
    post: PostOffice, jia: Colleague
) -> None:
    jia.signs_letters("陈嘉 · 禾光客服")
    jia.goes_online()
    customer, manager = post.somebody("王芳"), post.somebody("王经理")
    first = customer.drafts("您好，我想退货，右耳没有声音。", subject="耳机退货")
    customer.sends(with_picture(first, HTML))

    expect(jia.row("右耳没有声音")).to_have_attribute("data-owner", jia.staff_id)
    jia.opens("右耳没有声音")
    conversation = jia.conversation_id()
    said = jia.message("右耳没有声音")
    said.locator("details.as-sent summary").click()
    letter = said.frame_locator("iframe.letter-frame")
    expect(letter.locator("b")).to_have_text("退货")
    picture = letter.locator("img")
    expect(picture).to_be_visible()
    picture.evaluate("async img => { await img.decode() }")

    jia.writes_letter("请把耳机寄回，附上寄件单。", cc=manager.address, picture=PICTURE)
    jia.sees_sent("请把耳机寄回")
    (mail,) = post.mails_to(customer.address)
    assert post.mails_to(manager.address)[0]["Message-ID"] == mail["Message-ID"]
    assert mail["To"].addresses[0].addr_spec == customer.address
    assert mail["Cc"].addresses[0].addr_spec == manager.address
    assert mail["From"].addresses[0].addr_spec == SERVICE
    assert mail["In-Reply-To"] == first["Message-ID"]
    assert mail["References"].split() == [first["Message-ID"]]
    assert mail["Subject"] == "Re: 耳机退货"
    assert reply_address_of(mail).startswith("service+c")
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content()[:4]) == ("答复.png", b"\x89PNG")
    text = text_of(mail)
    assert text.startswith("请把耳机寄回，附上寄件单。\n\n陈嘉 · 禾光客服\n")
    assert "\n> 您好，我想退货，右耳没有声音。" in text

    second = customer.answers(mail, "已经寄出了，单号 SF100。")
    expect(jia.message("单号 SF100")).to_be_visible()
    expect(jia.message("单号 SF100").locator(".bubble > p")).to_have_text(
        "已经寄出了，单号 SF100。"
    )
    customer.answers(second, "补充：盒子也在里面。", to=SERVICE)
    expect(jia.message("盒子也在里面")).to_be_visible()
    customer.writes("请问收到了吗？", subject=f"收到了吗 [C-{conversation}]")
    expect(jia.message("请问收到了吗")).to_be_visible()
    manager.answers(mail, "我是经理，费用算谁的？")
    expect(jia.message("费用算谁的")).to_be_visible()
    assert jia.conversation_id() == conversation
    jia.resolves()


def test_strangers_wait_and_get_nothing_until_a_colleague_lets_them_take_part(
    post: PostOffice, jia: Colleague
) -> None:
    jia.goes_online()
    customer, _first = asks(post, jia, "退货的快递费是谁出？")
    mail = answered(post, jia, customer, "快递费由禾光来出。")
    conversation = jia.conversation_id()
    friend, curious, nosy = (post.somebody(name) for name in ("李同事", "赵六", "钱七"))
    friend.answers(mail, "我是她同事，退款打给我。", to=SERVICE)
    expect(jia.timeline.locator(".joining")).to_have_count(1)
    curious.answers(mail, "退货的事我也来看看。")
    expect(jia.timeline.locator(".joining")).to_have_count(2)
    nosy.writes("退货的历史发给我。", subject=f"Re: 想退货 [C-{conversation}]")
    expect(jia.row("退货的历史发给我")).to_be_visible()
    for words in ("退款打给我", "我也来看看", "退货的历史"):
        expect(jia.message(words)).to_have_count(0)

    asked = jia.timeline.locator("li.sys").filter(has_text=friend.address)
    asked.locator("form[action$='/approve/'] button").click()
    expect(jia.message("退款打给我")).to_be_visible()
    asked = jia.timeline.locator("li.sys").filter(has_text=curious.address)
    asked.locator("form[action$='/decline/'] button").click()
    expect(jia.timeline.locator(".joining")).to_have_count(0)
    expect(jia.message("我也来看看")).to_have_count(0)

    friend.answers(mail, "再补一句：卡号尾号 88。", to=SERVICE)
    expect(jia.message("卡号尾号 88")).to_be_visible()
    curious.answers(mail, "我还在看着呢。")
    expect(jia.row("我还在看着呢")).to_be_visible()
    expect(jia.message("我还在看着呢")).to_have_count(0)

    # What left for them is the word that their letter has arrived, and nothing of the conversation.
    for stranger in (friend, curious, nosy):
        for sent in post.all_to(stranger.address):
            assert sent["Auto-Submitted"] == "auto-replied"
            assert text_of(sent).strip() == "您好，我们已收到您的邮件，会尽快回复。"


def test_a_letter_that_came_back_says_so_and_is_sent_again(
    post: PostOffice, jia: Colleague
) -> None:
    jia.goes_online()
    customer, _first = asks(post, jia, "退货地址是哪里？")
    mail = answered(post, jia, customer, "深圳市南山区禾光路一号。")
    post.imap.append(bounce_of(mail, customer.address, "550 5.1.1 mailbox unavailable"))
    letter = jia.message("禾光路一号")
    expect(letter.locator(".msg-meta .t-danger")).to_contain_text("mailbox unavailable")

    jia.sends_again("禾光路一号")
    first, again = post.mails_to(customer.address)
    assert (again["Message-ID"], text_of(again)) == (first["Message-ID"], text_of(first))


def test_a_letter_is_read_and_answered_on_a_phone_in_chinese(
    post: PostOffice, crowd: Crowd, jia: Colleague
) -> None:
    jia.goes_online()
    customer = post.somebody("王芳")
    first = customer.drafts("您好，我想退货，手机上看。", subject="手机上的退货")
    customer.sends(with_picture(first, HTML))
    expect(jia.row("手机上看")).to_have_attribute("data-owner", jia.staff_id)

    phone = crowd.colleague("jia.chen", viewport={"width": 390, "height": 844}, locale="zh-CN")
    phone.opens("手机上看")
    said = phone.message("手机上看")
    expect(phone.page.locator("html")).to_have_attribute("lang", re.compile("^zh"))
    said.locator("details.as-sent summary").click()
    expect(said.frame_locator("iframe.letter-frame").locator("img")).to_be_visible()
    phone.writes_letter("手机上也能回复。", cc="boss@mail.example", subject="回复：手机上的退货")
    phone.sees_sent("手机上也能回复")
    assert not phone.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    (mail,) = post.mails_to(customer.address)
    assert mail["Subject"] == "回复：手机上的退货"
    phone.resolves()


def test_a_letter_with_cc_and_subject_is_answered_by_keys_alone(
    post: PostOffice, jia: Colleague
) -> None:
    jia.goes_online()
    customer, _first = asks(post, jia, "退货可以用键盘办吗？")
    keys = jia.page.keyboard
    jia.presses("r")
    expect(jia.box).to_be_focused()
    keys.press("Shift+Tab")
    keys.press("Enter")
    keys.press("Tab")
    expect(jia.page.locator("#letter-cc")).to_be_focused()
    keys.insert_text("boss@mail.example")
    keys.press("Tab")
    expect(jia.page.locator("#letter-subject")).to_be_focused()
    keys.press("Control+a")
    keys.insert_text("键盘退货")
    jia.presses("r")
    keys.insert_text("可以，全程不用鼠标。")
    keys.press("Control+Enter")
    jia.sees_sent("全程不用鼠标")
    (mail,) = post.mails_to(customer.address)
    assert mail["Subject"] == "键盘退货"
    assert post.mails_to("boss@mail.example")[-1]["Message-ID"] == mail["Message-ID"]
