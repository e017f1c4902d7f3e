"""Who wrote to whom, about what, in answer to what, and when."""

from datetime import UTC, datetime

import pytest

from channels_app.mails.letter import Mailbox
from channels_app.mails.reading.head import is_mail, read_head
from channels_app.mails.reading.mail import read
from tests.channels_app.mail.letters_made import letter


def mail_of(*fields: str | bytes):
    lines = [field if isinstance(field, bytes) else field.encode() for field in fields]
    return read(letter(b"text", *lines, header=b""))


@pytest.mark.parametrize(
    ("written", "subject"),
    [
        ("=?utf-8?B?5oKo5aW9?=", "您好"),
        ("=?GB2312?B?xPq6ww==?=", "您好"),
        ("=?gb2312?Q?=C4=FA=BA=C3?= =?gb2312?Q?_ok?=", "您好 ok"),
        ("=?utf-8?B?5oKo5Q==?= =?utf-8?B?pb0=?=", "您好"),
        ("=?utf-8?B?5oKo5Q==?=\n =?utf-8?B?pb0=?=", "您好"),
        ("Re: =?utf-8?Q?=E6=82=A8?= plain =?gbk?B?usM=?=", "Re: 您 plain 好"),
        ("=?utf-8?Q?with spaces inside?=", "with spaces inside"),
        ("=?utf-8*zh?Q?=E6=82=A8?=", "您"),
        ("=?nothing-known?B?xPq6ww==?=", "您好"),
        ("=?utf-8?B?5oKo5aW9", "=?utf-8?B?5oKo5aW9"),
        (b"\xc4\xfa\xba\xc3\xa3\xac\xb7\xa2\xbb\xf5\xc1\xcb\xc2\xf0", "您好，发货了吗"),
        ("您好 raw", "您好 raw"),
        ("one\n two\n\tthree", "one two three"),
        ("=?utf-8?Q?one=0D=0ABcc:_x@y.cn?=", "one Bcc: x@y.cn"),
        ("a\u202eb\u2066c=?utf-8?Q?=00=07d?=", "abc d"),
        ("x" * 1_000, "x" * 300),
    ],
)
def test_subject_is_one_line_of_text(written, subject):
    field = b"Subject: " + (written if isinstance(written, bytes) else written.encode())
    assert mail_of("From: a@shop.cn", field).subject == subject


@pytest.mark.parametrize(
    ("written", "sender"),
    [
        ("li@shop.cn", Mailbox("li@shop.cn")),
        ("<LI@Shop.CN>", Mailbox("li@shop.cn")),
        ('"Li, Lei" <li@shop.cn>', Mailbox("li@shop.cn", "Li, Lei")),
        ("Li Lei (sales) <li@shop.cn>", Mailbox("li@shop.cn", "Li Lei")),
        ("li@shop.cn (Li Lei)", Mailbox("li@shop.cn", "Li Lei")),
        ("=?utf-8?B?5p2O6Zu3?= <li@shop.cn>", Mailbox("li@shop.cn", "李雷")),
        ('"=?utf-8?B?5p2O6Zu3?=" <li@shop.cn>', Mailbox("li@shop.cn", "李雷")),
        ("=?utf-8?Q?Li,_Lei?= <li@shop.cn>", Mailbox("li@shop.cn", "Li, Lei")),
        ('"\\"Li\\" Lei" <li@shop.cn>', Mailbox("li@shop.cn", '"Li" Lei')),
        ("李雷 <li@商店.中国>", Mailbox("li@xn--czrs0t.xn--fiqs8s", "李雷")),
        ("Li\u202eLei\r\n <li@shop.cn>", Mailbox("li@shop.cn", "LiLei")),
        ("=?utf-8?Q?Li=0D=0ABcc:_x@y.cn?= <li@shop.cn>", Mailbox("li@shop.cn", "Li Bcc: x@y.cn")),
        (
            "=?utf-8?Q?boss=40bank.cn_=3Cboss=40bank.cn=3E?= <li@shop.cn>",
            Mailbox("li@shop.cn", "boss@bank.cn <boss@bank.cn>"),
        ),
        ("boss@bank.cn <li@shop.cn>", Mailbox("li@shop.cn", "boss@bank.cn")),
        ("li@shop.cn <li@shop.cn>", Mailbox("li@shop.cn")),
        ("<li@shop.cn", Mailbox("li@shop.cn")),
        ('"Li Lei <li@shop.cn>', Mailbox("li@shop.cn", "")),
        ("<@relay.cn:li@shop.cn>", Mailbox("li@shop.cn")),
        ("mailto:li@shop.cn", Mailbox("li@shop.cn")),
        ("undisclosed-recipients:;", Mailbox("")),
        ("Li Lei", Mailbox("", "Li Lei")),
        ("li@@shop.cn", Mailbox("", "li@@shop.cn")),
        ("li@shop..cn", Mailbox("", "li@shop..cn")),
        ("", Mailbox("")),
    ],
)
def test_sender_is_an_address_and_a_name(written, sender):
    found = mail_of(f"From: {written}", "Subject: x").sender
    assert found.address == sender.address
    assert not sender.name or found.name == sender.name


@pytest.mark.parametrize(
    "odd",
    [
        "boss@\uff43ompany.com",  # a letter of full width
        "boss@com\u00adpany.com",  # a soft hyphen
        "boss@co\u200bmpany.com",  # a space of no width
        "boss@com\u200epany.com",  # a mark of direction
        "boss@com\ufeffpany.com",
        "boss@company\u3002com",  # an ideographic full stop
        "boss@\u212aompany.com",  # the sign for kelvin
        "\u212aate@company.com",
        "boss@\u0130company.com",
        "boss@straße.example",  # another domain than strasse.example since IDNA 2008
    ],
)
def test_an_address_that_only_looks_like_another_is_none(odd):
    assert mail_of(f"From: {odd}").sender.address == ""


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("li@公司.cn", "li@xn--55qx5d.cn"),
        ("li@bücher.example", "li@xn--bcher-kva.example"),
        ("li@BÜCHER.Example", "li@xn--bcher-kva.example"),
        ("li@bu\u0308cher.example", "li@xn--bcher-kva.example"),
        ("李@公司.cn.", "李@xn--55qx5d.cn"),
        ("\u202ali@shop.cn\u202c", "li@shop.cn"),
        ("li@\u0441ompany.com", "li@xn--ompany-hrf.com"),  # a Cyrillic letter is a letter
    ],
)
def test_a_domain_in_its_own_letters_is_the_one_in_ascii(written, address):
    assert mail_of(f"From: {written}").sender.address == address


def test_groups_are_their_members():
    mail = mail_of("From: a@shop.cn", "To: Team: b@shop.cn, C <c@shop.cn>;, d@shop.cn")
    assert mail.to == (Mailbox("b@shop.cn"), Mailbox("c@shop.cn", "C"), Mailbox("d@shop.cn"))


def test_several_senders_are_told():
    both = mail_of("From: a@shop.cn, b@shop.cn")
    twice = mail_of("From: a@shop.cn", "From: b@shop.cn")
    assert both.sender == twice.sender == Mailbox("a@shop.cn")
    assert both.defects == twice.defects == ("several_senders",)


def test_sender_field_stands_in_where_from_has_no_address():
    assert mail_of("From: Li Lei", "Sender: desk@shop.cn").sender.address == "desk@shop.cn"


def test_ids_have_no_brackets_and_no_blanks():
    mail = mail_of(
        "Message-ID: <a b\n c@shop.cn>",
        "In-Reply-To: Your mail of Monday <m1@acme.cn>",
        "References: <m0@acme.cn>\n\t<m1@acme.cn><m0@acme.cn> junk",
    )
    assert mail.message_id == "abc@shop.cn"
    assert mail.in_reply_to == ("m1@acme.cn",)
    assert mail.references == ("m0@acme.cn", "m1@acme.cn")


def test_ids_without_brackets_are_found():
    mail = mail_of("Message-ID: one@shop.cn", "References: two@shop.cn three@shop.cn words")
    assert mail.message_id == "one@shop.cn"
    assert mail.references == ("two@shop.cn", "three@shop.cn")


def test_of_many_references_the_first_and_the_last_remain():
    written = " ".join(f"<{number}@acme.cn>" for number in range(5_000))
    found = mail_of(f"References: {written}").references
    assert len(found) == 100
    assert (found[0], found[1], found[-1]) == ("0@acme.cn", "4901@acme.cn", "4999@acme.cn")


def test_an_id_is_cut_alike_wherever_it_stands():
    long = "x" * 400 + "@acme.cn"
    mail = mail_of(f"Message-ID: <{long}>", f"References: <{long}>")
    assert mail.references == (mail.message_id,) == (long[:250],)


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("Mon, 2 Mar 2026 10:00:00 +0800", datetime(2026, 3, 2, 2, tzinfo=UTC)),
        ("2 Mar 2026 10:00:00", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("Mon, 2 Mar 2026 10:00:00 +0800 (CST)", datetime(2026, 3, 2, 2, tzinfo=UTC)),
        ("Mon, 32 Mar 2026 10:00:00 +0800", None),
        ("Mon, 2 Mar 1800 00:00:00 +2359", None),
        ("Mon, 2 Mar 2026 10:00:00 +999999999999", None),
        ("yesterday", None),
        ("", None),
        ("(" * 100_000, None),
    ],
)
def test_date_is_an_instant_or_none(written, date):
    assert mail_of("From: a@shop.cn", f"Date: {written}").date == date


def test_where_the_mail_arrived_is_told():
    mail = mail_of(
        "Delivered-To: Reply+abc@acme.cn",
        "X-Original-To: help@acme.cn",
        "Envelope-To: <help@acme.cn>",
    )
    assert mail.delivered_to == ("reply+abc@acme.cn", "help@acme.cn")


def test_what_mail_servers_checked_is_told_nearest_first():
    mail = mail_of(
        "Authentication-Results: mx.acme.cn;\n\tdkim=pass header.d=shop.cn",
        "Authentication-Results: elsewhere; spf=pass",
    )
    assert mail.authentication == (
        "mx.acme.cn; dkim=pass header.d=shop.cn",
        "elsewhere; spf=pass",
    )


def test_no_field_smuggles_in_another():
    mail = mail_of(
        "From: =?utf-8?Q?a=0AX-Evil:_1?= <a@shop.cn>",
        "To: b@shop.cn\r evil",
        "Reply-To: =?utf-8?B?DQo=?= <c@shop.cn>",
    )
    texts = (mail.sender.name, mail.to[0].address, mail.reply_to[0].name, mail.subject)
    assert not any("\n" in text or "\r" in text for text in texts)


def test_a_line_that_is_no_field_does_not_end_the_header():
    raw = b"From: a@shop.cn\nwhat is this\nSubject: Hi\n\ntext"
    mail = read(raw)
    assert (mail.subject, mail.text, mail.defects) == ("Hi", "text", ("odd_header",))


def test_a_body_without_an_empty_line_before_it_is_kept():
    mail = read("From: a@shop.cn\n您好，\n我的订单\n".encode())
    assert mail.text == "您好，\n我的订单"


def test_head_tells_the_same_as_reading():
    raw = letter(b"x" * 100_000, b"Date: Mon, 2 Mar 2026 10:00:00 +0800")
    head, mail = read_head(raw), read(raw)
    assert (
        (head.message_id, head.sender)
        == (mail.message_id, mail.sender)
        == ("1@shop.cn", mail.sender)
    )
    assert (head.subject, head.date) == (mail.subject, mail.date)


def test_what_is_no_mail_is_told_from_poor_mails():
    assert is_mail(letter())
    assert is_mail(b"Subject: Hi\n\ntext")
    assert is_mail(b"From li@shop.cn Mon Mar  2 10:00:00 2026\nFrom: li@shop.cn\n\ntext")
    for other in (
        b"",
        b'{"From": "a"}',
        b"\x89PNG\r\n\x1a\n",
        b"Hello,\nFrom: me\n",
        b"PK\x03\x04",
    ):
        assert not is_mail(other)
