"""Texts from strangers made fit to store and to show: no controls, no halves of characters."""

import re

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
# What turns the direction of the text around it, in names and subjects.
_TURNING = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_SPACE = re.compile(r"[\s\x00]+")


def lines(text: str, limit: int) -> str:
    """Return the text with even line ends and without controls, at most as many characters."""
    text = text[: 2 * limit]
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))[:limit].strip("\n")


def one_line(text: str, limit: int) -> str:
    """Return the text on one line, without controls and without what turns its direction."""
    text = _SPACE.sub(" ", text[: 4 * limit])
    return _TURNING.sub("", _CONTROLS.sub("", text)).strip()[:limit].strip()
