"""Whatever the bytes are, reading them gives a mail: found by trying many."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from channels_app.mails.letter import Mail
from channels_app.mails.reading import frames
from channels_app.mails.reading.bounded import Reader
from channels_app.mails.reading.bounds import refuse
from channels_app.mails.reading.head import is_mail, read_head
from channels_app.mails.reading.mail import read
from tests.channels_app.mail.letters_made import (
    container,
    forwarded,
    html,
    letter,
    part,
    plain,
    posted,
    properties,
    report,
    winmail,
)

PACKED = winmail(
    (0x69003, properties((0x1000, "Hi"), (0x1009, b"x" * 40))), (0x69002, b""), (0x6800F, b"x")
)
MAILS = [
    letter("您好".encode("gbk"), b"Content-Type: text/plain; charset=gb2312"),
    posted(
        "mixed",
        container("alternative", plain("Hi"), html("<b>Hi</b>"), boundary="in"),
        part("image/png", b"P"),
    ),
    posted("mixed", part("application/ms-tnef; name=winmail.dat", PACKED)),
    letter(PACKED, b"Content-Type: application/ms-tnef"),
    report(
        b"Final-Recipient: rfc822; a@b.cn\nAction: failed\nStatus: 5.1.1\n", forwarded(letter())
    ),
    letter(
        b"BEGIN:VEVENT\nSUMMARY:x\nDTSTART:20260301T100000Z\nEND:VEVENT",
        b"Content-Type: text/calendar",
    ),
    letter(
        b"x",
        b"Content-Disposition: attachment; filename*0*=utf-8''%E5; filename*1=\"b\"",
        b"To: A: b@c.cn;",
    ),
]
# What tends to matter where it is put: marks of every grammar that is read.
MARKS = [
    *(b"\n", b"\r", b"\n\n", b'"', b"\\", b"(", b"<", b">", b";", b":", b",", b"@", b"%", b"\0"),
    *(b"=?", b"?=", b"--", b"--cut", b"*0*=", b"\xff", b"\xe4\xbd", b"&#55296;", b"=ED=A0=80"),
    *(b"BEGIN:VEVENT", b"Content-Type: "),
]


def assert_sound(mail: Mail) -> None:
    values, blobs = frames.packed(mail)
    answer, _ = frames.decoded(frames.encoded({"mail": values}, blobs), most_bytes=1 << 30)
    assert frames.unpacked(answer["mail"], blobs) == mail
    assert mail.reply.strip() or not mail.text.strip()
    assert len(mail.text) <= 200_000
    assert len(mail.parts) <= 200
    assert not set(mail.text) & {chr(code) for code in range(32)} - {"\n", "\t"}


@given(st.binary(max_size=2_000))
@settings(max_examples=300, deadline=None)
def test_random_bytes_are_read(raw):
    assert_sound(read(raw))
    read_head(raw)
    is_mail(raw)
    refuse(raw)


@given(st.sampled_from(MAILS), st.integers(min_value=0))
@settings(max_examples=600, deadline=None)
def test_mails_with_wounds_are_read(raw, seed):
    wounded = _wounded(raw, random.Random(seed))
    mail = read(wounded)
    assert_sound(mail)
    head = read_head(wounded)
    assert (head.sender, head.subject, head.date) == (mail.sender, mail.subject, mail.date) or (
        b"charset" in wounded
    )
    assert is_mail(wounded) in (True, False)


def _wounded(raw: bytes, chance: random.Random) -> bytes:
    """Return the mail with pieces cut out, doubled, moved and put in."""
    for _ in range(chance.randint(1, 8)):
        at, to = sorted((chance.randint(0, len(raw)), chance.randint(0, len(raw))))
        to = min(to, at + chance.choice((1, 4, 40, 400)))
        piece = chance.choice(
            (b"", raw[at:to] * 2, chance.choice(MARKS), bytes([chance.randint(0, 255)]))
        )
        raw = raw[:at] + piece + raw[to:]
    return raw


def test_a_reader_survives_hundreds_of_wounded_mails():
    chance = random.Random(7)
    with Reader() as reader:
        for _ in range(300):
            assert_sound(reader.read(_wounded(chance.choice(MAILS), chance)))
        assert reader._child.mails == 300
