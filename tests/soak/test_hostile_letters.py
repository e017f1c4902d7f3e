"""Every hostile letter on every screen that shows mail, in both languages."""

import pytest

from tests.hostile_desk import hostile_desk
from tests.hostile_letters import hostile_letters, linking
from tests.hostile_reading import strange_headers, walk
from tests.hostile_screens import readers


@pytest.mark.soak
@pytest.mark.journey
def test_no_hostile_letter_does_anything_on_any_screen(transactional_db, tmp_path) -> None:
    with hostile_desk(tmp_path) as desk:
        letters = hostile_letters(f"canary.example:{desk.sink.port}")
        with readers(desk, "en-GB", "zh-CN") as (english, chinese):
            english.watches_arrivals(letters)
            answered = sum(desk.answer(letter.mark) for letter in letters)
            assert answered >= 250
            mails = desk.send()
            assert len(mails) >= answered
            assert not [found for raw in mails for found in strange_headers(raw)]
            for reader in (english, chinese):
                walk(reader, letters, rarely=1)
            english.clicks_a_link(linking(letters))
            english.proves_the_sink()
