"""What mails say, in whichever charset and shape they say it."""

import base64

import pytest

from channels_app.mails.reading.mail import read
from tests.channels_app.mail.letters_made import (
    container,
    forwarded,
    html,
    letter,
    nested,
    part,
    plain,
    posted,
    properties,
    winmail,
)

WORDS = "您好，我的订单还没有收到，请问什么时候发货？谢谢"


@pytest.mark.parametrize(
    ("claimed", "real"),
    [
        ("gb2312", "gb18030"),
        ("gbk", "gb18030"),
        ("utf-8", "gbk"),
        ("gb2312", "utf-8"),
        ("us-ascii", "utf-8"),
        ("iso-8859-1", "utf-8"),
        ("x-unknown", "gbk"),
        ("", "gbk"),
        ("", "utf-8"),
        ("big5", "big5"),
        ('"GB2312"', "gbk"),
        ("utf-16", "utf-16"),
        ("punycode", "utf-8"),
        ("base64", "gbk"),
    ],
)
def test_chinese_is_read_whatever_charset_it_claims(claimed, real):
    words = WORDS if real != "big5" else "您好，我的訂單還沒有收到"
    raw = letter(words.encode(real), f"Content-Type: text/plain; charset={claimed}".encode())
    assert read(raw).text == words


def test_rare_characters_are_read_where_the_claimed_charset_lacks_them():
    raw = letter(
        "朱镕基和喆哥，价格€5".encode("gb18030"), b"Content-Type: text/plain; charset=gb2312"
    )
    assert read(raw).text == "朱镕基和喆哥，价格€5"


def test_one_broken_byte_spoils_no_text():
    raw = letter(WORDS.encode() * 20 + b"\xff!", b"Content-Type: text/plain; charset=utf-8")
    assert read(raw).text == WORDS * 20 + "\ufffd!"


def test_letters_with_accents_do_not_become_chinese():
    raw = letter("Résumé déjà envoyé à Zürich".encode("cp1252"), b"Content-Type: text/plain")
    assert read(raw).text == "Résumé déjà envoyé à Zürich"


def test_text_has_no_controls_and_even_line_ends():
    raw = letter(b"one\r\ntwo\rthree\x00\x07\x1b[0m\tfour\xc2\x85five\xef\xbb\xbf\xe2\x80\xa8six")
    assert read(raw).text == "one\ntwo\nthree[0m\tfour\nfive\nsix"


def test_halves_of_characters_are_left_out():
    raw = letter(b"+2AA- ok", b"Content-Type: text/plain; charset=utf-7")
    read(raw).text.encode()  # would raise


def test_html_tells_its_charset_where_its_header_does_not():
    body = '<html><meta http-equiv="Content-Type" content="text/html; charset=big5"><p>訂單</p>'
    raw = letter(body.encode("big5"), b"Content-Type: text/html")
    assert read(raw).text.strip() == "訂單"


def test_many_texts_are_cut_together_and_that_is_told():
    mail = read(posted("mixed", *[plain("x" * 150_000)] * 20))
    assert len(mail.text) == 200_000
    assert mail.defects == ("text_cut",)


def test_long_texts_are_cut():
    assert len(read(letter(b"word " * 100_000)).text) == 200_000
    mail = read(letter(b"<b>w</b> " * 300_000, b"Content-Type: text/html"))
    assert len(mail.text) <= 200_000
    assert len(mail.html) <= 1_000_100


@pytest.mark.parametrize("encoding", ["base64", "BASE64;", "quoted-printable", "8bit", "nonsense"])
def test_transfer_encodings_are_undone(encoding):
    bodies = {"base64": base64.encodebytes(WORDS.encode()), "quoted-printable": _quoted(WORDS)}
    body = bodies.get(encoding.lower().strip(";"), WORDS.encode())
    assert read(letter(body, f"Content-Transfer-Encoding: {encoding}".encode())).text == WORDS


def _quoted(words: str) -> bytes:
    return "".join(f"={byte:02X}" for byte in words.encode()).encode()


def test_broken_base64_gives_what_is_left_of_it():
    raw = letter(b"SGVsbG8h*\n~SGVsbG8h\nSGVsb", b"Content-Transfer-Encoding: base64")
    assert read(raw).text.startswith("Hello!Hello!Hel")


def test_uuencode_in_a_text_is_left_alone():
    body = b"see\nbegin 644 a.txt\n#86)C\n`\nend\n"
    assert read(letter(body)).text == body.decode().strip()


def test_plain_and_html_of_one_mail_are_both_kept():
    mail = read(posted("alternative", plain("Hello\n\nyou"), html("<p>Hello <b>you</b></p>")))
    assert mail.text == "Hello\n\nyou"
    assert "<b>you</b>" in mail.html


@pytest.mark.parametrize("stub", ["", "  \n\n"])
def test_text_is_made_of_the_html_where_the_plain_part_is_missing_or_empty(stub):
    mail = read(posted("alternative", plain(stub), html("<p>Hello you</p>")))
    assert mail.text.strip() == "Hello you"
    assert read(letter(b"<p>Hi</p>", b"Content-Type: text/html")).text.strip() == "Hi"


def test_a_third_way_to_say_it_is_passed_over():
    amp = b"Content-Type: text/x-amp-html\n\n<html amp>no</html>"
    mail = read(posted("alternative", plain("yes"), amp, html("<i>yes</i>")))
    assert (mail.text, mail.parts) == ("yes", ())


def test_texts_before_and_after_a_picture_are_all_kept():
    picture = part("image/png", b"PNG", b'Content-Disposition: inline; filename="a.png"')
    mail = read(posted("mixed", plain("before"), picture, plain("after")))
    assert mail.text == "before\n\nafter"
    assert [found.filename for found in mail.parts] == ["a.png"]


def test_a_footer_in_plain_text_is_shown_in_the_html_as_well():
    both = container("alternative", plain("Hi"), html("<b>Hi</b>"), boundary="in")
    mail = read(posted("mixed", both, plain("1 < 2\nfooter")))
    assert mail.text == "Hi\n\n1 < 2\nfooter"
    assert "1 &lt; 2" in mail.html
    assert "footer" in mail.html


def test_html_with_its_pictures_inside_an_alternative_is_found():
    picture = part("image/png", b"PNG", b"Content-ID: <p@1>")
    rich = container("related", html('<b>Hi</b><img src="cid:p@1">'), picture, boundary="in")
    mail = read(posted("alternative", plain("Hi"), rich))
    assert mail.text == "Hi"
    assert [(found.content_id, found.is_inline) for found in mail.parts] == [("p@1", True)]


def test_a_text_that_is_attached_is_a_file():
    file = plain("log").replace(
        b"\n\n", b"\nContent-Disposition: attachment; filename=a.log\n\n", 1
    )
    mail = read(posted("mixed", plain("see"), file))
    assert mail.text == "see"
    assert [(found.filename, found.data) for found in mail.parts] == [("a.log", b"log")]


def test_a_mail_that_only_forwards_another_says_what_the_other_says():
    mail = read(posted("mixed", forwarded(letter(b"The original words"))))
    assert "The original words" in mail.text
    assert "From: Li Lei <li@shop.cn>" in mail.text
    assert [(found.filename, found.mime) for found in mail.parts] == [
        ("Where is it.eml", "message/rfc822")
    ]
    twice = letter(
        forwarded(letter(b"Deep words")).partition(b"\n\n")[2], b"Content-Type: message/rfc822"
    )
    assert "Deep words" in read(twice).text


def test_a_forwarded_mail_beside_a_text_is_a_file():
    mail = read(posted("mixed", plain("see below"), forwarded(letter(b"The original words"))))
    assert mail.text == "see below"
    assert b"The original words" in mail.parts[0].data


def test_an_invitation_is_a_file_and_a_text_where_there_is_no_other():
    lines = (
        "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nDTSTART:19700101T000000\nEND:VTIMEZONE\nBEGIN:VEVENT\n"
        "SUMMARY:产品\n 演示\\, 第一次\nDTSTART;TZID=Asia/Shanghai:20260301T100000\nDTEND:20260301T030000Z\n"
        "LOCATION:会议室 A\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    calendar = f"Content-Type: text/calendar; charset=utf-8; method=REQUEST\n\n{lines}".encode()
    mail = read(posted("mixed", calendar))
    assert (
        mail.text
        == "产品演示, 第一次\n2026-03-01 10:00 Asia/Shanghai – 2026-03-01 03:00 UTC\n会议室 A"
    )
    assert [found.filename for found in mail.parts] == ["invite.ics"]
    both = read(posted("alternative", plain("Come"), calendar))
    assert (both.text, len(both.parts)) == ("Come", 1)


def test_outlooks_own_package_is_opened():
    file = [
        (0x69002, b"\0" * 14),
        (0x18010, b"PLAN~1.DOC\0"),
        (0x6800F, b"the file"),
        (0x69005, properties((0x3707, "计划.doc"), (0x3712, "pic@1"))),
    ]
    packed = winmail((0x69003, properties((0x1000, "正文"))), *file)
    mail = read(posted("mixed", part("application/ms-tnef", packed, b"X: y")))
    assert mail.text == "正文"
    assert [(found.filename, found.data, found.content_id) for found in mail.parts] == [
        ("计划.doc", b"the file", "pic@1")
    ]


def test_a_package_that_cannot_be_opened_stays_a_file():
    broken = part("application/ms-tnef; name=winmail.dat", b"nothing of the kind")
    mail = read(posted("mixed", plain("see"), broken))
    assert [found.filename for found in mail.parts] == ["winmail.dat"]
    assert mail.defects == ("tnef",)


def test_a_body_in_rtf_becomes_a_file_only_where_nothing_else_says_it():
    rtf = b"{\\rtf1 hello}"
    stored = len(rtf).to_bytes(4, "little") * 2 + b"MELA" + bytes(4) + rtf
    packed = part("application/ms-tnef", winmail((0x69003, properties((0x1009, stored)))))
    assert [(p.filename, p.data) for p in read(posted("mixed", packed)).parts] == [
        ("message.rtf", rtf)
    ]
    assert read(posted("mixed", plain("hello"), packed)).parts == ()


def test_a_multipart_without_any_boundary_is_read_as_text():
    raw = letter(b"Just words\n", b"Content-Type: multipart/mixed")
    mail = read(raw)
    assert (mail.text, mail.defects) == ("Just words", ("no_boundary",))


def test_what_is_nested_too_deep_is_a_file():
    mail = read(nested(100))
    assert "too_deep" in mail.defects
    assert [(found.mime, b"hello" in found.data) for found in mail.parts] == [
        ("multipart/mixed", True)
    ]


def test_the_last_part_may_lack_its_end():
    raw = posted("mixed", plain("one"), plain("two")).replace(b"--cut--", b"")
    mail = read(raw)
    assert (mail.text, mail.defects) == ("one\n\ntwo", ("not_closed",))


def test_a_boundary_that_another_begins_with_is_not_taken_for_it():
    inner = container("alternative", plain("Hi"), html("<b>Hi</b>"), boundary="cut2")
    assert read(posted("mixed", inner, plain("bye"))).text == "Hi\n\nbye"


def test_carriage_returns_alone_are_line_ends_too():
    assert read(letter(b"Hi\nyou").replace(b"\n", b"\r")).text == "Hi\nyou"
    assert read(letter(b"Hi\nyou").replace(b"\n", b"\r\n")).text == "Hi\nyou"


def test_reply_is_never_empty_where_there_is_text():
    for body in (b"> quoted only\n> all of it\n", b"-- \nLi Lei\n", b"ok"):
        mail = read(letter(body))
        assert mail.text
        assert mail.reply.strip()
