"""What a message of Slack says in words, and the files it brings."""

from typing import Literal

from django.utils.translation import gettext as _

from channels_app.adapters.slack.text import plain
from channels_app.json_fields import Fields
from channels_app.protocol import Attachment

MOST_TEXT = 100_000
MOST_FILES = 100
MOST_CARDS = 20
_KINDS: dict[str, Literal["image", "audio", "video"]] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
}
# A file that lies elsewhere, and one of which only the name is left.
_LINKED, _LOST = "external", frozenset({"tombstone", "hidden_by_limit"})


def text_of(message: Fields) -> str:
    """Return what a message says in words; of one without words, what it is."""
    rows = [plain(message.text("text", MOST_TEXT)), *_linked_files(message)]
    if not any(rows):
        rows = [_card(each) for each in message.each("attachments", MOST_CARDS)]
    found = "\n".join(filter(None, rows)).strip()
    return found or ("" if files_of(message) else _("[An empty message]"))


def files_of(message: Fields) -> tuple[Attachment, ...]:
    """Return the files that lie with Slack: by their address where it is told, else by their id."""
    rows = message.each("files", MOST_FILES)
    return tuple(_file(each) for each in rows if each.line("mode", 50) not in {_LINKED, *_LOST})


def _file(data: Fields) -> Attachment:
    mime = data.line("mimetype", 200).partition(";")[0].strip().lower()
    url = data.identifier("url_private_download", 4000) or data.identifier("url_private", 4000)
    return Attachment(
        kind=_KINDS.get(mime.partition("/")[0], "file"),
        filename=data.line("name", 300)[:200],
        mime=mime,
        size=data.number("size"),
        media_ref=data.identifier("id", 50, required=True),
        url=url,
    )


def _linked_files(message: Fields) -> list[str]:
    rows = []
    for each in message.each("files", MOST_FILES):
        mode = each.line("mode", 50)
        if mode == _LINKED:
            rows.append(f"{each.line('title', 300)}\n{each.line('url_private', 4000)}".strip())
        elif mode in _LOST:
            rows.append(_("[A file that Slack does not keep any more]"))
    return rows


def _card(card: Fields) -> str:
    """Return what is forwarded or shown in a box."""
    words = plain(card.text("text", MOST_TEXT)) or plain(card.text("fallback", MOST_TEXT))
    return "\n".join(filter(None, (card.line("title", 1000), words)))
