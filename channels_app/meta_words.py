"""What a message of Messenger or Instagram says in words, and the files it brings."""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields
from channels_app.protocol import Attachment

MOST_TEXT = 20_000
MOST_FILES = 100
LONGEST_URL = 4000
# Stories and posts are pictures or films; what it is, is seen once it is there.
_FILES: Mapping[str, Literal["image", "audio", "video", "file"]] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "file": "file",
    "story_mention": "image",
    "share": "image",
    "ig_post": "image",
    "ig_story": "image",
    "ig_reel": "video",
    "reel": "video",
}
# Whose address is enough of them.
_POSTS = frozenset({"share", "ig_post", "ig_story", "ig_reel", "reel"})
_LINKS = frozenset({"fallback", "post"})


def text_of(message: Fields) -> str:
    """Return what a message says in words; of kinds without words, what it is."""
    rows = []
    if "story" in message.fields("reply_to"):
        rows.append(_("[An answer to your story]"))
    rows.append(message.text("text", MOST_TEXT))
    rows += [_words(each) for each in message.each("attachments", MOST_FILES)]
    found = "\n".join(filter(None, rows))
    if found or attachments_of(message):
        return found
    kind = "unsupported" if message.boolean("is_unsupported") else "message"
    return _unknown(kind)


def attachments_of(message: Fields) -> tuple[Attachment, ...]:
    """Return the files of a message, which lie at addresses that nobody else guesses."""
    found = []
    for each in message.each("attachments", MOST_FILES):
        kind = each.line("type", 50)
        url = each.fields("payload").line("url", LONGEST_URL)
        if kind in _FILES and url:
            name = _name(url) if kind == "file" else ""
            found.append(Attachment(kind=_FILES[kind], filename=name, url=url))
    return tuple(found)


def _words(attachment: Fields) -> str:
    kind, payload = attachment.line("type", 50), attachment.fields("payload")
    title = payload.line("title", 1000) or attachment.line("title", 1000)
    url = payload.line("url", LONGEST_URL) or attachment.line("url", LONGEST_URL)
    if kind == "location":
        place = payload.fields("coordinates")
        latitude, longitude = place.real("lat"), place.real("long")
        has_place = latitude is not None and longitude is not None
        where = f"{latitude:.6f}, {longitude:.6f}" if has_place else ""
        return "\n".join(filter(None, (_("[A place]"), title, where)))
    if kind == "story_mention":
        return _("[A mention in their story]")
    if kind in _POSTS:
        return " ".join(filter(None, (_("[A shared post]"), title)))
    if kind in _LINKS and (title or url):
        return "\n".join(filter(None, (title, url)))
    if kind in _FILES and url:
        return ""
    return "\n".join(filter(None, (_unknown(kind), title)))


def _unknown(kind: str) -> str:
    return _("[A message of a kind that cannot be shown: %(kind)s]") % {"kind": kind}


def _name(url: str) -> str:
    """Return the name at the end of an address."""
    try:
        return unquote(urlsplit(url).path).rpartition("/")[2][:200]
    except ValueError:
        return ""
