"""Which files their apps show by themselves; every other one travels as a link."""

from collections.abc import Mapping
from dataclasses import dataclass

from channels_app.protocol import Attachment

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Shown:
    """One kind of message with a file in it: for these types of files, up to so many bytes."""

    kind: str
    mimes: frozenset[str]
    most_bytes: int


PICTURE = Shown("image", frozenset({"image/jpeg", "image/png", "image/gif"}), 10 * MEGABYTE)
SOUND = Shown("voice", frozenset({"audio/amr"}), 2 * MEGABYTE)
FILM = Shown("video", frozenset({"video/mp4"}), 10 * MEGABYTE)


def kind_of(file: Attachment, shown: tuple[Shown, ...]) -> str:
    """Return the kind of message that shows a file; empty where only a link does."""
    for each in shown:
        if file.mime in each.mimes and 5 < (file.size or 0) <= each.most_bytes:
            return each.kind
    return ""


def text(content: str) -> Mapping[str, object]:
    """Return a message of words."""
    return {"msgtype": "text", "text": {"content": content}}


def link(file: Attachment) -> Mapping[str, object]:
    """Return a file as the words that lead to it."""
    return text(f"{file.filename}\n{file.url}".strip())


def media(kind: str, media_id: str) -> Mapping[str, object]:
    """Return a message with an uploaded file."""
    return {"msgtype": kind, kind: {"media_id": media_id}}
