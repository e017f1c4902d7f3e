"""Measures the cut on the test letters of two libraries: what their tests expect, or the letter says.

An expected reply is named by its digest, so that no letter of theirs stands here.
"""

import email
import hashlib
import os
from email.policy import default
from pathlib import Path

import pytest

from channels_app.letters.cutting import cut
from channels_app.letters.plain import plain_text

pytestmark = pytest.mark.corpus

# Most letters of the first corpus answer in the same five lines of Latin.
LATIN = "a54e303b0d58"
CRISP = {
    "correct_sig": "8c93096393be",
    "email_1": "79cdfce2c843",
    "email_19": "1cabcf8043c2",
    "email_2_1": "a5def57f63f4",
    "email_3": "4ad90b8ffd45",
    "email_5": "291446429a4d",
    "email_6": "8f84524f7b3f",
    "email_blackberry": "cbe334ef4b61",
    "email_custom_quote_header": "fa779d8a3c39",
    "email_customer_quote_header_2": "c84a1fbc8d53",
    "email_iphone": "cbe334ef4b61",
    "email_multi_word_sent_from_my_mobile_device": "cbe334ef4b61",
    "email_not_a_signature": "df93625e1641",
    "email_sent_from": "3824ca9e7441",
    "email_sent_from_my_not_signature": "8e28195acb48",
    "email_tricky_16_unicode_signatures": "3cb90d33f2f3",
    "email_tricky_17_forward_header": "e324bf216de3",
    "email_tricky_18_inline_reply": "6ed3a07ea93a",
    "email_tricky_3_code_block": "a1bb53a8e331",
    "email_tricky_8_sent_from_in_content": "df0c531eab9b",
    "email_tricky_9_nested_quotes": "e2dff87a2bbd",
    "email_with_date_headers": "ba4448f7c72f",
    "email_with_from_headers": "7acb055d085c",
    "email_with_regards": "a0024c055002",
    "email_zoho": "b014cc154683",
    "sig_no_empty_line": "5f445fa8758f",
}
TALON = {
    "standard_replies/*.eml": "185f8db32271",
    "reply-quotations-share-block.eml": "fe1c0d8058a5",
    "html_replies/*.html": "183a81d308bd",
    "OLK_SRC_BODY_SECTION.html": "c253f451bdd5",
    "reply-separated-by-hr.html": "5dfa864c278c",
}
# The sender's name without another word above it is no signature to us, see "Regards, Ann".
SIGNATURES = {
    "stripped/jeff_body": "6499f620b96c",
    "stripped/short_url_body": "c1b1be5325e1",
    "P/johndoeexamplecom_body": "061049a29587",
}


def mails() -> Path:
    return Path(os.environ["EVERYDESK_CORPUS"]) / "mails"


def digest(reply: str) -> str:
    """Return the name of a reply; how it is spaced makes no difference."""
    return hashlib.sha256("".join(reply.split()).encode()).hexdigest()[:12]


def texts(path: Path) -> list[str]:
    """Return the letter's text, read from a mail, a page or a bare file."""
    if path.suffix == ".html":
        return [plain_text(path.read_text())]
    if path.suffix != ".eml":
        return [path.read_text().replace("#sig#", "")]
    mail = email.message_from_bytes(path.read_bytes(), policy=default)
    found = []
    for part in mail.walk():
        if part.get_content_type() in ("text/plain", "text/html"):
            raw = part.get_payload(decode=True)
            text = raw.decode("latin-1") if isinstance(raw, bytes) else ""
            if "utf" in str(part.get_content_charset()) and isinstance(raw, bytes):
                text = raw.decode(errors="replace")
            found.append(plain_text(text) if part.get_content_subtype() == "html" else text)
    return found


def share_right(expected: list[tuple[Path, str]]) -> float:
    """Print and return the share of letters whose reply is exactly the expected one."""
    wrong = [path.stem for path, name in expected if digest(cut(texts(path)[0]).reply) != name]
    share = 1 - len(wrong) / len(expected)
    print(f"{share:.1%} of {len(expected)} letters exactly right; not: {wrong}")
    return share


def test_replies_of_the_first_corpus():
    letters = sorted((mails() / "crisp/test/fixtures").glob("*.txt"))
    assert len(letters) >= 46
    assert share_right([(path, CRISP.get(path.stem, LATIN)) for path in letters]) >= 0.95


@pytest.mark.parametrize(("pattern", "name"), TALON.items(), ids=TALON)
def test_replies_of_the_second_corpus(pattern, name):
    letters = sorted((mails() / "talon/tests/fixtures").glob(pattern))
    assert letters
    assert share_right([(path, name) for path in letters]) >= 0.8


def test_signatures_of_the_second_corpus_hide_no_word_of_the_letter():
    folder = mails() / "talon/tests/fixtures/signature/emails"
    share_right([(folder / name, reply) for name, reply in SIGNATURES.items()])
    for name in SIGNATURES:
        done = cut(texts(folder / name)[0])
        assert not done.quoted
        assert len(done.signature.splitlines()) <= 1


def test_no_letter_of_any_corpus_loses_a_line_or_comes_out_empty():
    paths = [path for path in mails().rglob("*") if path.suffix in (".eml", ".txt", ".html")]
    assert len(paths) > 100
    for path in paths:
        for text in texts(path) if path.suffix == ".eml" else [path.read_text(errors="replace")]:
            done = cut(text)
            assert bool(done.reply.strip()) == bool(text.strip()), path
            found = f"{done.reply}\n{done.quoted}\n{done.signature}".splitlines()
            assert sorted(filter(str.strip, found)) == sorted(filter(str.strip, text.splitlines()))
