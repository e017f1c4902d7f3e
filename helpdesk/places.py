"""The places of a text that is sent with values in them, such as {{1}}: found, filled and shown."""

import re
from collections.abc import Mapping
from typing import NamedTuple

_PLACE = re.compile(r"\{\{([^{}]*)\}\}")
_NUMBER = re.compile("[1-9][0-9]{0,3}")


class Piece(NamedTuple):
    """A part of a text: words, or a place with its name."""

    text: str
    place: str = ""


def places_in(text: str) -> list[str]:
    """Return the names of the places, each once: numbers in their order, other names as they come."""
    names = list(dict.fromkeys(name.strip() for name in _PLACE.findall(text)))
    return sorted(names, key=int) if all(map(is_number, names)) else names


def is_number(name: str) -> bool:
    """Tell whether a place is numbered: 1, 2, 3 ..."""
    return _NUMBER.fullmatch(name) is not None


def has_stray_braces(text: str) -> bool:
    """Tell whether something looks like a place and is none."""
    rest = _PLACE.sub("", text)
    return "{{" in rest or "}}" in rest


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return the text with a value in every place; raises KeyError where one is missing."""
    return _PLACE.sub(lambda found: values[found[1].strip()], text)


def pieces_of(text: str) -> list[Piece]:
    """Return the words and the places of a text in their order."""
    pieces, end = [], 0
    for found in _PLACE.finditer(text):
        pieces.append(Piece(text[end : found.start()]))
        pieces.append(Piece(found[0], found[1].strip()))
        end = found.end()
    return [piece for piece in (*pieces, Piece(text[end:])) if piece.text]
