"""What is refused before anything reads it, and what is not."""

import pytest

from channels_app.mails.reading.bounds import refuse
from tests.channels_app.mail.letters_made import HEADER, addresses, letter, many_parts, nested

REFUSED = {
    "too_large": b"x" * (25 * 1024 * 1024 + 1),
    "too_many_parts": many_parts(200_000),
    "too_many_addresses": addresses(60_000),
    "too_deep": nested(3_000),
    "too_many_headers": b"X-A: b\n" * 100_000 + letter(),
    "header_too_long": b"References: " + b"<abc@shop.cn> " * 100_000 + b"\n" + letter(),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_no_honest_mail_needs_is_refused(reason):
    assert refuse(REFUSED[reason]) == reason


def test_folded_addresses_and_forwards_inside_of_forwards_are_refused_too():
    assert refuse(addresses(60_000, b",\n ")) == "too_many_addresses"
    assert refuse(HEADER + b"Content-Type: message/rfc822\n\n" * 3_000) == "too_deep"


def test_a_header_that_never_ends_is_refused():
    assert refuse(b"From: a@shop.cn\n" + b"X: " + b"y" * 600_000) == "header_too_long"


def test_how_large_a_mail_may_be_is_for_the_caller_to_say():
    assert refuse(letter(), largest=100) == "too_large"
    assert refuse(letter(), largest=1_000) is None


def test_many_of_what_honest_mails_have_is_let_through():
    assert refuse(many_parts(900)) is None
    assert refuse(addresses(4_000)) is None
    assert refuse(nested(100)) is None
    assert refuse(letter(b"-- a comment in a dump\n" * 50_000)) is None
    assert refuse(letter(b"A" * 76 + b"\r\n") * 10_000) is None


def test_bytes_that_are_no_mail_are_nothing_to_refuse():
    assert refuse(b"") is None
    assert refuse(bytes(range(256)) * 100) is None
