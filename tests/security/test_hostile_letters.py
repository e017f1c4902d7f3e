"""Hostile letters, from the wire to the screen: a sample in a real browser, and all of them without one."""

import re
from html.parser import HTMLParser

import pytest

from channels_app.letters import sanitising
from channels_app.mails.reading.mail import read
from helpdesk.services.files import shown_name
from tests import hostile_markup as markup
from tests.hostile_desk import hostile_desk
from tests.hostile_letters import hostile_letters, linking, sample
from tests.hostile_reading import PLACES, REPORTS, strange_headers, walk
from tests.hostile_screens import HARMFUL_STYLE, HARMLESS_ATTRIBUTES, HARMLESS_TAGS, readers

LETTERS = hostile_letters()
SAMPLE = 24
LINK = re.compile(r"(https?://|mailto:|tel:)", re.IGNORECASE)
OPENS = {"rel": "noopener noreferrer nofollow", "target": "_blank"}
PICTURE = re.compile(r"cid:|data:image/(png|jpeg|jpg|gif|webp);base64,", re.IGNORECASE)
# Controls, ends of lines, and what turns the direction of a text.
UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


class Active(HTMLParser):
    """Finds what of a letter runs, loads, names or hides, by a reading of its own."""

    def __init__(self, picture: re.Pattern[str]) -> None:
        super().__init__()
        self.picture, self.found = picture, list[str]()

    def handle_starttag(self, tag, attributes):
        if tag not in HARMLESS_TAGS or (tag == "a" and not dict(attributes).keys() >= OPENS.keys()):
            self.found.append(tag)
        for name, written in attributes:
            value = written or ""
            is_fine = name in HARMLESS_ATTRIBUTES and not re.search(r"[;(]", value)
            if name == "alt":
                is_fine = True
            elif name == "href":
                is_fine = bool(LINK.match(value))
            elif tag == "a" and name in OPENS:
                is_fine = value == OPENS[name]
            elif name in {"src", "background"}:
                is_fine = bool(self.picture.match(value))
            elif name == "style":
                is_fine = not HARMFUL_STYLE.search(value)
            if not is_fine:
                self.found.append(f"{tag} {name}={value[:80]}")

    def handle_comment(self, data):
        self.found.append(f"comment {data[:80]}")

    handle_decl = unknown_decl = handle_pi = handle_comment


def active(html: str, picture: re.Pattern[str] = PICTURE) -> list[str]:
    finder = Active(picture)
    finder.feed(html)
    finder.close()
    return finder.found


def test_there_are_three_hundred_and_each_is_another_one() -> None:
    assert len({letter.raw for letter in LETTERS}) == len(LETTERS) >= 300
    assert [letter.raw for letter in hostile_letters()] == [letter.raw for letter in LETTERS]


def test_what_is_active_is_found_as_it_came() -> None:
    quiet = [body for body in markup.BODIES if not active(body)]
    # Templates of servers, texts about markup, and what only another reading of it makes active.
    assert len(quiet) <= 5, quiet


def test_nothing_active_is_left_of_any_letter() -> None:
    left, shown = {}, 0
    for letter in LETTERS[:-1]:  # the last is not read at all
        html = read(letter.raw).html
        shown += bool(html)
        if found := active(html):
            left[letter.mark] = found
    assert not left
    assert shown >= 300


def test_only_our_own_addresses_are_put_in_where_pictures_are_shown() -> None:
    ours = re.compile(r"http://desk\.example/letters/|data:image/")
    foreign, pictures = {}, 0
    for letter in LETTERS[:-1]:
        mail = read(letter.raw)
        remote = {
            number: f"http://desk.example/letters/1/remote/{number}?key=x"
            for number, _address in enumerate(mail.remote_pictures)
        }
        inline = {part.content_id: "http://desk.example/letters/1/inline/x" for part in mail.parts}
        pictures += len(remote)
        assert all(re.match("https?://", address) for address in mail.remote_pictures)
        if found := active(sanitising.show(mail.html, inline=inline, remote=remote), ours):
            foreign[letter.mark] = found
    assert not foreign
    assert pictures >= 20


def test_names_subjects_and_files_are_one_line_that_reads_as_it_is_written() -> None:
    odd = []
    for letter in LETTERS[:-1]:
        mail = read(letter.raw)
        boxes = (mail.sender, *mail.to, *mail.cc, *mail.reply_to)
        lines = [mail.subject, mail.message_id, *mail.references]
        lines += [each for box in boxes for each in (box.name, box.address)]
        lines += [
            each for part in mail.parts for each in (shown_name(part.filename), part.content_id)
        ]
        odd += [(letter.mark, each) for each in lines if UNSHOWN.search(each)]
        odd += [
            (letter.mark, part.filename)
            for part in mail.parts
            if re.search(r"[/\\]", shown_name(part.filename))
        ]
    assert not odd


@pytest.mark.journey
def test_a_sample_does_nothing_on_any_screen(transactional_db, tmp_path) -> None:
    with hostile_desk(tmp_path) as desk:
        everything = hostile_letters(f"canary.example:{desk.sink.port}")
        letters = sample(everything, SAMPLE)
        with readers(desk, "en-GB", "zh-CN") as (english, chinese):
            english.watches_arrivals(letters)
            assert sum(desk.answer(letter.mark) for letter in letters[::4]) >= 5
            mails = desk.send()
            assert not [found for raw in mails for found in strange_headers(raw)]
            walk(english, letters[::2], PLACES)
            walk(chinese, letters[1::2], REPORTS)
            english.clicks_a_link(linking(everything))
            english.proves_the_sink()
