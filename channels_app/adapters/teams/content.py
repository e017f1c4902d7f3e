"""What a message of Teams says in words, and the files it brings."""

import re
from typing import Literal

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields
from channels_app.protocol import Attachment

MOST_TEXT = 100_000
MOST_ATTACHMENTS = 100
MOST_ENTITIES = 500
MOST_URL = 4000
_MENTION = re.compile(r"<at[^<>]{0,200}>([^<>]{0,300})</at>")
# A file that lies with the organization, and what may be fetched of it without a token.
_FILE = "application/vnd.microsoft.teams.file.download.info"
# The same words once more, and the message that is answered: both stand in the text.
_REPEATED = frozenset({"text/html", "messageReference"})
_CARD = "application/vnd.microsoft.card."
_KINDS: dict[str, Literal["image", "audio", "video"]] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
}


def text_of(call: Fields) -> str:
    """Return what a message says in words: without the mention of the bot, and of others their names."""
    ours = _mentions_of(call, call.fields("recipient").identifier("id"))
    words = _MENTION.sub(
        lambda found: "" if found[0] in ours else f"@{found[1]}", call.text("text", MOST_TEXT)
    )
    others = (_said_by(each) for each in call.each("attachments", MOST_ATTACHMENTS))
    return "\n".join(filter(None, (words.replace("\u00a0", " ").strip(), *others)))


def files_of(call: Fields) -> tuple[Attachment, ...]:
    """Return the files: of pictures the address that wants our token, of others one that wants none."""
    found = (_file(each) for each in call.each("attachments", MOST_ATTACHMENTS))
    return tuple(each for each in found if each is not None)


def _mentions_of(call: Fields, bot: str) -> frozenset[str]:
    """Return how the bot is mentioned in the text."""
    return frozenset(
        each.piece("text", 600)
        for each in call.each("entities", MOST_ENTITIES)
        if each.line("type", 100) == "mention" and each.fields("mentioned").identifier("id") == bot
    )


def _file(data: Fields) -> Attachment | None:
    mime = data.line("contentType", 200).partition(";")[0].strip().lower()
    name = data.line("name", 300)[:200]
    if mime == _FILE:
        url = data.fields("content").identifier("downloadUrl", MOST_URL)
        return Attachment("file", filename=name, url=url) if url else None
    kind = _KINDS.get(mime.partition("/")[0])
    url = data.identifier("contentUrl", MOST_URL) if kind else ""
    if kind is None or not url:
        return None
    # Of pictures in a message the type is "image/*".
    return Attachment(kind, filename=name, mime="" if "*" in mime else mime, url=url)


def _said_by(data: Fields) -> str:
    """Return what stands for an attachment that is no file: its name and address."""
    mime = data.line("contentType", 200)
    if mime in _REPEATED or _file(data) is not None:
        return ""
    words = (data.line("name", 300), data.line("contentUrl", MOST_URL))
    found = "\n".join(filter(None, words))
    if found or not mime.startswith(_CARD):
        return found
    return _("[A card]")
