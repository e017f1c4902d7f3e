"""Letters come in by IMAP, are answered by SMTP, and find their conversation again; strangers do not."""

from email.message import EmailMessage

from playwright.sync_api import expect

from tests.journeys.people import Colleague
from tests.journeys.post_office import (
    PICTURE,
    SERVICE,
    Correspondent,
    PostOffice,
    reply_address_of,
    text_of,
    with_picture,
)

HTML = (
    "<p>您好，我想<b>退货</b>，右耳没有声音。</p><p><img src='cid:shot@mail.example' alt='耳机'></p>"
    "<script>document.title = 'taken over'</script>"
)


def asks(
    post: PostOffice, jia: Colleague, text: str, **how: str
) -> tuple[Correspondent, EmailMessage]:
    """Let somebody write for the first time, and Chen Jia open what they wrote."""
    customer = post.somebody()
    how.setdefault("subject", "想退货")
    first = customer.writes(text, **how)
    expect(jia.row(text)).to_have_attribute("data-owner", jia.staff_id)
    jia.opens(text)
    return customer, first


def answered(post: PostOffice, jia: Colleague, customer: Correspondent, text: str) -> EmailMessage:
    """Let the colleague answer; returns the mail that the customer got."""
    jia.writes_letter(text)
    jia.sees_sent(text)
    return post.mails_to(customer.address)[-1]


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
