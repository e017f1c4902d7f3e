"""A reply as the messages that a vendor takes: a long text in several, and files on their own where they travel so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal
from uuid import UUID, uuid5

import regex

from channels_app.protocol import Capabilities, OutboundMessage

Unit = Literal["characters", "bytes", "utf16"]

# What a reader sees as one character, such as an emoji of several code points.
_CHARACTER = regex.compile(r"\X")
# Where a text is best cut, the best first: after a paragraph, a line, a sentence, a word.
_BREAKS = tuple(
    regex.compile(pattern) for pattern in (r"\n\s*\n", r"\n", r"[。！？；]|[.!?;]\s", r"\s|[，、,]")
)
_SIZES: dict[Unit, Callable[[str], int]] = {
    "characters": len,
    "bytes": lambda text: len(text.encode("utf-8", "replace")),
    "utf16": lambda text: len(text.encode("utf-16-le", "replace")) // 2,
}


def parts_of(message: OutboundMessage, capabilities: Capabilities) -> list[OutboundMessage]:
    """Return the messages that a reply leaves as, in their order; each has a key of its own that stays the same."""
    texts = split(message.text, capabilities.text_max, capabilities.text_unit)
    if message.letter is not None or (len(texts) == 1 and not capabilities.files_apart):
        return [message]
    files = message.attachments
    bare = replace(message, html="", attachments=())
    found = [replace(bare, text=text) for text in texts if text.strip()]
    if capabilities.files_apart:
        found += [replace(bare, text="", attachments=(file,)) for file in files]
    elif files:
        found[-1] = replace(found[-1], attachments=files)
    last = len(found) - 1
    return [_part(each, number, last) for number, each in enumerate(found)] or [message]


def split(text: str, most: int, unit: Unit) -> list[str]:
    """Return a text in parts of at most `most` units, cut where a reader would, never within a character.

    Together they are the text again.
    """
    parts = []
    while _SIZES[unit](text) > most:
        head = _head(text, most, unit)
        parts.append(head)
        text = text[len(head) :]
    return [*parts, text] if text or not parts else parts


def _head(text: str, most: int, unit: Unit) -> str:
    end = _fitting(text, most, unit)
    for pattern in _BREAKS:
        # Nobody wants a part of two words before one that is full.
        ends = [found.end() for found in pattern.finditer(text, end // 2, end)]
        if ends:
            return text[: ends[-1]]
    return text[:end]


def _fitting(text: str, most: int, unit: Unit) -> int:
    """Return how far a text fits; at least one code point does, whatever it weighs."""
    size = _SIZES[unit]
    end = used = 0
    for found in _CHARACTER.finditer(text):
        used += size(found.group())
        if used > most:
            break
        end = found.end()
    if end:
        return end
    # A character of more code points than fit: nothing is left but to cut it.
    while end < len(text) and size(text[: end + 1]) <= most:
        end += 1
    return max(1, end)


def _part(message: OutboundMessage, number: int, last: int) -> OutboundMessage:
    """Return a message as one part of several; the last keeps the key, as its receipts speak of the whole."""
    if number:
        message = replace(message, reply_to="")
    if number == last:
        return message
    return replace(message, client_ref=str(uuid5(UUID(message.client_ref), str(number))))
