"""The places of approved texts: found in their order, told from stray braces, and filled."""

import pytest

from helpdesk.places import Piece, fill, has_stray_braces, is_number, pieces_of, places_in


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("您好", []),
        ("{{1}}", ["1"]),
        ("{{2}} and {{1}}, {{ 1 }} again", ["1", "2"]),
        ("{{10}} {{9}}", ["9", "10"]),
        ("{{thing2.DATA}}\n{{thing1.DATA}}", ["thing2.DATA", "thing1.DATA"]),
        ("{{2}} {{name}}", ["2", "name"]),
        ("{1} {{}} {{{1}}}", ["", "1"]),
    ],
)
def test_places_are_found_once_and_in_order(text: str, places: list[str]) -> None:
    assert places_in(text) == places


@pytest.mark.parametrize(
    ("text", "is_stray"),
    [("{{1}} {2}", False), ("{{1} }", True), ("1}}", True), ("{{1}}{{", True)],
)
def test_what_only_looks_like_a_place_is_told(text: str, *, is_stray: bool) -> None:
    assert has_stray_braces(text) is is_stray


def test_only_whole_numbers_above_nothing_are_numbers() -> None:
    assert [
        name for name in ("1", "12", "0", "01", "١", "²", "", "a", "1.5") if is_number(name)
    ] == [
        "1",
        "12",
    ]


def test_a_text_is_filled_once_whatever_the_values_say() -> None:
    assert fill("{{1}}, {{ 2 }}: {{1}}", {"1": "{{2}}", "2": r"\1"}) == r"{{2}}, \1: {{2}}"
    with pytest.raises(KeyError):
        fill("{{1}} {{2}}", {"1": "a"})


def test_a_text_is_taken_apart_and_together_again() -> None:
    text = "Hello {{1}}, {{ 2 }}."
    pieces = pieces_of(text)
    assert pieces[1:4:2] == [Piece("{{1}}", "1"), Piece("{{ 2 }}", "2")]
    assert "".join(piece.text for piece in pieces) == text
    assert pieces_of("") == []
