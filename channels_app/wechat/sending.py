"""What we say there, and which files their apps show by themselves; every other one travels as a link."""

from dataclasses import dataclass

from channels_app.protocol import Attachment, OutboundMessage
from channels_app.wechat.interface import Interface

MEGABYTE = 1024 * 1024
# What they take for no file at all is smaller.
FEWEST_BYTES = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """One kind of message with a file in it: for these types of files, up to so many bytes."""

    kind: str
    mimes: frozenset[str] | None  # None: of whatever type
    most_bytes: int


PICTURE = Shown("image", frozenset({"image/jpeg", "image/png", "image/gif"}), 10 * MEGABYTE)
SOUND = Shown("voice", frozenset({"audio/amr"}), 2 * MEGABYTE)
FILM = Shown("video", frozenset({"video/mp4"}), 10 * MEGABYTE)


def kind_of(file: Attachment, shown: tuple[Shown, ...]) -> str:
    """Return the kind of message that shows a file; empty where only a link does."""
    for each in shown:
        is_fitting = each.mimes is None or file.mime in each.mimes
        if is_fitting and FEWEST_BYTES <= (file.size or 0) <= each.most_bytes:
            return each.kind
    return ""


def text(content: str) -> dict[str, object]:
    """Return a message of words."""
    return {"msgtype": "text", "text": {"content": content}}


def link(file: Attachment) -> dict[str, object]:
    """Return a file as the words that lead to it."""
    return text(f"{file.filename}\n{file.url}".strip())


def media(kind: str, media_id: str) -> dict[str, object]:
    """Return a message with an uploaded file."""
    return {"msgtype": kind, kind: {"media_id": media_id}}


def content(
    message: OutboundMessage, shown: tuple[Shown, ...], found: Interface
) -> dict[str, object]:
    """Return what a message says, its file handed over where their apps show it. Raises SendError."""
    if not message.attachments:
        return text(message.text)
    file = message.attachments[0]
    kind = kind_of(file, shown)
    return media(kind, found.upload(file, kind)) if kind else link(file)
