"""What a message of Feishu says in words, and the files it brings.

https://open.feishu.cn/document/server-docs/im-v1/message-content-description/message_content
"""

from collections.abc import Callable, Iterator
from typing import Literal

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields, read_object
from channels_app.protocol import Attachment, BadPayload

MOST_TEXT = 200_000
MOST_ROWS = 2000
MOST_MENTIONS = 500
MOST_FILES = 50
# What stands between the message and the key of its file: both are needed to fetch it.
BESIDE = "/"
Kind = Literal["image", "audio", "video", "file"]
_FILES: dict[str, tuple[Kind, str]] = {
    "image": ("image", "image_key"),
    "audio": ("audio", "file_key"),
    "media": ("video", "file_key"),
    "file": ("file", "file_key"),
}
_IN_POSTS: dict[str, tuple[Kind, str]] = {
    "img": ("image", "image_key"),
    "media": ("video", "file_key"),
}
_LANGUAGES = ("zh_cn", "en_us", "ja_jp")


def text_of(message: Fields) -> str:
    """Return what a message says in words; of kinds without words, what it is."""
    kind = _kind(message)
    if kind in _FILES:
        return ""
    read = _WORDS.get(kind)
    found = read(_content(message)) if read else ""
    if found or (kind == "post" and files_of(message)):
        return _named(found, message)
    if read:
        return _("[An empty message]")
    return _("[A message of a kind that cannot be shown: %(kind)s]") % {"kind": kind}


def files_of(message: Fields) -> tuple[Attachment, ...]:
    """Return the files of a message, each to be fetched by the message and its key."""
    kind, found = _kind(message), message.identifier("message_id", required=True)
    if kind in _FILES:
        return _file(_content(message), found, *_FILES[kind])
    if kind != "post":
        return ()
    rows = [
        file
        for part in _parts(_content(message))
        if (tag := part.line("tag", 50)) in _IN_POSTS
        for file in _file(part, found, *_IN_POSTS[tag])
    ]
    return tuple(rows[:MOST_FILES])


def _file(data: Fields, message: str, kind: Kind, name: str) -> tuple[Attachment, ...]:
    key = data.identifier(name, 300)
    if not key:
        return ()
    return (
        Attachment(
            kind, filename=data.line("file_name", 300)[:200], media_ref=f"{message}{BESIDE}{key}"
        ),
    )


def _kind(message: Fields) -> str:
    return message.line("message_type", 50)


def _content(message: Fields) -> Fields:
    """Return what stands in the content, which is JSON within JSON."""
    return read_object(message.text("content", MOST_TEXT).encode("utf-8", "replace"))


def _named(text: str, message: Fields) -> str:
    """Return a text with the names of those who are mentioned, for whom it has placeholders."""
    mentions = message.each("mentions", MOST_MENTIONS)
    named = [(each.line("key", 100), each.line("name", 200)) for each in mentions]
    # The longest first: one placeholder begins another.
    for key, name in sorted(named, key=lambda pair: len(pair[0]), reverse=True):
        text = text.replace(key, f"@{name}") if key and name else text
    return text.strip()


def _text(content: Fields) -> str:
    return content.text("text", MOST_TEXT)


def _post(content: Fields) -> str:
    shown = _shown_post(content)
    rows = ["".join(map(_part, row)) for row in _rows(shown)]
    return "\n".join([*filter(None, [shown.line("title", 1000)]), *rows]).strip()


def _shown_post(content: Fields) -> Fields:
    """Return the post itself, which may stand there in several languages."""
    for language in _LANGUAGES:
        if language in content:
            return content.fields(language)
    return content


def _rows(post: Fields) -> list[list[Fields]]:
    """Return the lines of a post, each of which is a list of parts."""
    return post.lists("content", MOST_ROWS)


def _parts(content: Fields) -> Iterator[Fields]:
    for row in _rows(_shown_post(content)):
        yield from row


def _part(part: Fields) -> str:
    tag = part.line("tag", 50)
    if tag == "a":
        words, where = part.piece("text", MOST_TEXT), part.line("href", 4000)
        return words if where in {"", words} else f"{words} ({where})".strip()
    if tag == "at":
        name = part.line("user_name", 200)
        return f"@{name}" if name else part.line("user_id", 200)
    if tag == "emotion":
        return f"[{part.line('emoji_type', 100)}]"
    return "—" if tag == "hr" else part.piece("text", MOST_TEXT)


def _place(content: Fields) -> str:
    where = [content.line(name, 50) for name in ("latitude", "longitude")]
    rows = (_("[A place]"), content.line("name", 1000), ", ".join(filter(None, where)))
    return "\n".join(filter(None, rows))


def _titled(content: Fields) -> str:
    rows = (_("[A card]"), _titles(content))
    return "\n".join(filter(None, rows))


def _titles(content: Fields) -> str:
    """Return the title of a card, which older ones have as text and newer ones as an object."""
    try:
        return content.line("title", 1000)
    except BadPayload:
        return content.fields("title").line("content", 1000)


def _vote(content: Fields) -> str:
    options = content.texts("options", 100)
    return "\n".join([_("[A poll]"), content.line("topic", 1000), *options])


def _appointment(content: Fields) -> str:
    moments = [content.moment(name) for name in ("start_time", "end_time")]
    when = " – ".join(f"{each:%Y-%m-%d %H:%M} UTC" for each in moments if each)
    return "\n".join(filter(None, (_("[An appointment]"), content.line("summary", 1000), when)))


def _meeting(content: Fields) -> str:
    return "\n".join(filter(None, (_("[A video meeting]"), content.line("topic", 1000))))


def _task(content: Fields) -> str:
    return "\n".join(filter(None, (_("[A task]"), _post(content.fields("summary")))))


def _sticker(_content: Fields) -> str:
    return _("[A sticker]")


def _contact(_content: Fields) -> str:
    return _("[A contact]")


def _group(_content: Fields) -> str:
    return _("[A group]")


def _forwarded(_content: Fields) -> str:
    return _("[Forwarded messages]")


def _folder(content: Fields) -> str:
    return "\n".join(filter(None, (_("[A folder]"), content.line("file_name", 300))))


_WORDS: dict[str, Callable[[Fields], str]] = {
    "text": _text,
    "post": _post,
    "location": _place,
    "interactive": _titled,
    "vote": _vote,
    "share_calendar_event": _appointment,
    "calendar": _appointment,
    "general_calendar": _appointment,
    "video_chat": _meeting,
    "todo": _task,
    "sticker": _sticker,
    "share_user": _contact,
    "share_chat": _group,
    "merge_forward": _forwarded,
    "folder": _folder,
    "hongbao": _text,
}
