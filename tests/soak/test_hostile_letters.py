"""Every hostile letter on every screen that shows mail, in both languages; half of them at a time."""

import pytest

from tests.hostile_desk import hostile_desk
from tests.hostile_letters import hostile_letters, linking
from tests.hostile_reading import strange_headers, walk
from tests.hostile_screens import readers


@pytest.mark.soak
@pytest.mark.journey
@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_no_hostile_letter_does_anything_on_any_screen(
    transactional_db, tmp_path, language: str, half: int
) -> None:
    with hostile_desk(tmp_path) as desk:
        everything = hostile_letters(f"canary.example:{desk.sink.port}")
        letters = everything[half::2]
        assert len(letters) >= 150
        with readers(desk, language) as (reader,):
            reader.watches_arrivals(letters)
            answered = sum(desk.answer(letter.mark) for letter in letters)
            assert answered >= 120
            mails = desk.send()
            assert len(mails) >= answered
            assert not [found for raw in mails for found in strange_headers(raw)]
            walk(reader, letters, rarely=1)
            reader.clicks_a_link(linking(everything))
            reader.proves_the_sink()
