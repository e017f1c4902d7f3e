import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.letters.cutting import Cut, cut
from tests.channels_app.letters import chinese_letters, english_letters

WIDE = {ord(sign): ord(sign) + 0xFEE0 for sign in ":,()!?"}
MEGABYTE = 1_000_000


def widened(text: str) -> str:
    """Return the text with the signs a Chinese keyboard gives beside Chinese letters."""
    return re.sub(
        r"(?<=[\u4e00-\u9fff])[:,()!?]|[,(](?=[\u4e00-\u9fff])",
        lambda sign: sign[0].translate(WIDE),
        text,
    )


def cases(of):
    return [pytest.param(text, id=str(name)) for name, text in of]


LANGUAGES = [chinese_letters, english_letters]
QUOTATIONS = [
    pytest.param(language.ASK, below, id=name)
    for language in LANGUAGES
    for name, below in language.QUOTED.items()
]
SIGNATURES = [
    pytest.param(language.ASK, line, id=line.splitlines()[0])
    for language in LANGUAGES
    for line in language.SIGNED
]
WHOLE = cases((text[:30], text) for language in LANGUAGES for text in language.WHOLE)
FORWARDS = cases((text[:20], text) for language in LANGUAGES for text in language.FORWARDED)


@pytest.mark.parametrize("form", [str, widened])
@pytest.mark.parametrize(("ask", "below"), QUOTATIONS)
def test_quotation_is_told_from_the_answer(ask, below, form):
    done = cut(form(ask + below))
    assert done.reply == form(ask)
    assert done.quoted == form(below).strip("\n")
    assert not done.signature


@pytest.mark.parametrize("form", [str, widened])
@pytest.mark.parametrize(("ask", "line"), SIGNATURES)
def test_signature_is_folded(ask, line, form):
    assert cut(form(f"{ask}\n\n{line}\n")) == Cut(form(ask), "", form(line))


@pytest.mark.parametrize(("ask", "line"), SIGNATURES)
def test_signature_between_answer_and_quotation_is_folded(ask, line):
    below = english_letters.QUOTED["Outlook on the web"]
    done = cut(f"{ask}\n\n{line}\n{below}")
    assert (done.reply, done.signature) == (ask, line)
    assert done.quoted == below.strip("\n")


@pytest.mark.parametrize("form", [str, widened])
@pytest.mark.parametrize("text", WHOLE)
def test_what_only_looks_like_a_mark_stays(text, form):
    assert cut(form(text)) == Cut(form(text), "", "")
    below = form(f"Hello.\n\n{text}")
    assert cut(below) == Cut(below, "", "")


@pytest.mark.parametrize("form", [str, widened])
@pytest.mark.parametrize("text", FORWARDS)
def test_forwarded_letter_is_the_content(text, form):
    done = cut(form(text))
    assert "请开发票" in done.reply or "Please pay." in done.reply
    assert not done.quoted


def test_answers_below_a_quotation_are_kept():
    text = "On 22/11/2026 10:00, Support wrote:\n> Which parcel?\nThe red one."
    assert cut(text) == Cut(
        "The red one.", "On 22/11/2026 10:00, Support wrote:\n> Which parcel?", ""
    )


def test_answers_between_quotations_are_kept():
    text = (
        "在 2026/11/22 10:00, 客服 写道:\n> 订单号是多少?\n\n2026112200017\n\n"
        "> 电话呢?\n13800000000\n> 地址?\n\n北京\n\n-- \n张三"
    )
    done = cut(text)
    assert done.reply == "2026112200017\n\n13800000000\n\n北京"
    assert done.signature == "-- \n张三"


def test_line_that_spilled_over_is_part_of_the_quotation():
    spilled = "On 22/11/2026 10:00, Support wrote:\n> " + "long " * 14 + "\nrest of it\n> end"
    assert cut(f"Yes.\n\n{spilled}").reply == "Yes."


def test_letter_that_is_all_quotation_is_shown_whole():
    text = "> one\n> two"
    assert cut(text) == Cut(text, "", "")


def test_signature_above_a_quotation_is_all_that_was_sent():
    done = cut("发自我的iPhone\n\n在 2026/11/22 10:00, 客服 写道:\n> 您好")
    assert done.reply == "发自我的iPhone"
    assert done.quoted.startswith("在 2026")


def test_header_without_an_answer_is_shown_whole():
    text = "From: a@example.com\nSent: 22 Nov 2026 10:00\nTo: b@example.com\nSubject: x\n\nHello"
    assert cut(text).reply == text


def test_empty_letter_stays_empty():
    assert cut(" \n\t\n").reply.strip() == ""
    assert cut("") == Cut("", "", "")


PIECES = [
    line
    for language in LANGUAGES
    for text in [*language.QUOTED.values(), *language.SIGNED, *language.WHOLE, *language.FORWARDED]
    for line in text.splitlines()
]
LETTERS = st.lists(
    st.one_of(st.sampled_from(PIECES), st.text(max_size=30), st.just("")), max_size=25
).map("\n".join)


@given(LETTERS)
def test_nothing_is_lost_and_the_reply_is_never_empty(text):
    done = cut(text)
    assert bool(done.reply.strip()) == bool(text.strip())
    found = f"{done.reply}\n{done.quoted}\n{done.signature}".splitlines()
    assert sorted(filter(str.strip, found)) == sorted(filter(str.strip, text.splitlines()))


HOSTILE = [
    ">",
    ">\n",
    "On On On ",
    "On\n",
    "On 2026 10:00 a@b\n",
    "发件人:",
    "发件人:\n",
    "From: To: Date: Subject\n",
    "wrote:\n",
    "在 2026年 10:00 <a@b\n",
    "-",
    "--\n",
    "_____\n",
    "Regards\na\n",
    "Sent from my \n",
    "This e-mail \n",
    "来自手机",
    "<",
    " ",
    "\n",
    "---- Original Message\n",
]


def seconds(work) -> float:
    """Return what the work takes of the processor."""
    began = time.process_time()
    work()
    return time.process_time() - began


@pytest.mark.parametrize("width", [1, 390])
@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_megabyte_is_cut_about_as_fast_as_it_is_read(piece, width):
    """Compares with reading the same letters one by one, for seconds alone tell of the machine."""
    line = piece * max(1, width // len(piece)) + ("\n" if width > 1 else "")
    text = line * (MEGABYTE // len(line))
    reading = min(seconds(lambda: [letter for letter in text if letter == "x"]) for _ in range(3))
    # What is slow by itself is slow each time.
    assert any(seconds(lambda: cut(text)) < 40 * reading for _ in range(3))
