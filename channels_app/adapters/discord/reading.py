"""What an event of Discord's gateway reports, and nothing for kinds that mean nothing to us.

https://discord.com/developers/docs/events/gateway-events
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields
from channels_app.protocol import Attachment, ContactIdentity, Event, EventKind
from channels_app.signs import reaction_data

MOST_TEXT = 20_000
MOST_FILES, MOST_ROWS, MOST_MENTIONS = 100, 100, 500
# What somebody wrote, by itself or as an answer; all others are said by Discord, or asked of a program.
_WRITTEN = frozenset({0, 19})
_FORWARD = 1
_MENTION = re.compile(r"<@!?([0-9]{1,25})>")
_EMOJI = re.compile(r"<a?:([A-Za-z0-9_]{1,50}):[0-9]{1,25}>")
_KINDS: dict[str, Literal["image", "audio", "video"]] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
}


@dataclass(frozen=True, slots=True)
class Ears:
    """Who we are there, and what of a server's talk is meant for us."""

    user: str = ""
    every_message: bool = False


def read_events(frame: Fields, ears: Ears) -> list[Event]:
    """Return what a frame reports. Raises BadPayload."""
    kind = frame.line("t", 100)
    if kind == "MESSAGE_DELETE_BULK":
        ids = frame.fields("d").identifiers("ids", MOST_ROWS)
        return [_made("delete", each, provider_id=each) for each in ids]
    read = _READERS.get(kind)
    event = read(frame.fields("d"), ears) if read else None
    if event is not None and event.kind == "reaction":
        # It may be given, taken back and given again; only a frame that comes again has the same number.
        event = replace(event, dedup_key=f"{event.dedup_key}:{frame.number('s') or 0}")
    return [event] if event else []


def nonce_of(client_ref: str) -> str:
    """Return a key of ours as Discord takes it: 25 characters at most."""
    return base64.urlsafe_b64encode(UUID(client_ref).bytes).decode("ascii").rstrip("=")


def _message(data: Fields, ears: Ears) -> Event | None:
    author = data.fields("author")
    found = data.identifier("id", required=True)
    if ears.user and author.identifier("id") == ears.user:
        return _arrived(data, found)
    person = _person(author)
    if data.number("type") not in _WRITTEN | {None} or "webhook_id" in data or person is None:
        return None
    if not _is_meant(data, ears):
        return None
    return _made(
        "message",
        found,
        sender=person,
        thread_key=_thread(data),
        provider_id=found,
        sent_at=data.instant("timestamp"),
        text=_text_of(data),
        attachments=_files_of(data),
        reply_to=_answered(data),
    )


def _arrived(data: Fields, found: str) -> Event | None:
    """Read that a message of ours is there, by the key that we gave it."""
    nonce = data.identifier("nonce") if isinstance(data.plain("nonce"), str) else ""
    try:
        client_ref = str(UUID(bytes=base64.urlsafe_b64decode(f"{nonce}==")))
    except (binascii.Error, ValueError):
        return None
    return _made("receipt", found, status="sent", references=(found,), client_ref=client_ref)


def _edited(data: Fields, ears: Ears) -> Event | None:
    """Read that a message says something else now; a preview that was added to it says nothing new."""
    person = _person(data.fields("author"))
    at, found = data.instant("edited_timestamp"), data.identifier("id", required=True)
    # What was not meant for us is not kept because it was changed, either.
    if person is None or at is None or not _is_meant(data, ears):
        return None
    key = f"{found}:{data.line('edited_timestamp', 40)}"
    text = _text_of(data)
    return _made("edit", key, sender=person, provider_id=found, sent_at=at, text=text)


def _deleted(data: Fields, _ears: Ears) -> Event | None:
    found = data.identifier("id", required=True)
    return _made("delete", found, provider_id=found)


def _reaction(data: Fields, ears: Ears, *, is_gone: bool = False) -> Event | None:
    person, about = data.identifier("user_id"), data.identifier("message_id", required=True)
    if not person or person == ears.user:
        return None
    emoji = data.fields("emoji").line("name", 100)
    return _made(
        "reaction",
        f"{about}:{person}:{emoji}:{is_gone:d}",
        sender=ContactIdentity(person, verified=True),
        references=(about,),
        data=reaction_data(emoji, is_gone=is_gone),
    )


def _unreaction(data: Fields, ears: Ears) -> Event | None:
    return _reaction(data, ears, is_gone=True)


_READERS: dict[str, Callable[[Fields, Ears], Event | None]] = {
    "MESSAGE_CREATE": _message,
    "MESSAGE_UPDATE": _edited,
    "MESSAGE_DELETE": _deleted,
    "MESSAGE_REACTION_ADD": _reaction,
    "MESSAGE_REACTION_REMOVE": _unreaction,
}


def _made(kind: EventKind, about: str, /, **facts: object) -> Event:
    return Event(
        kind=kind,
        dedup_key=f"{kind}:{about}",
        **facts,  # type: ignore[arg-type]  # each caller gives fields of Event
    )


def _person(author: Fields) -> ContactIdentity | None:
    """Return who wrote; None for programs."""
    found = author.identifier("id")
    if not found or author.boolean("bot") or author.boolean("system"):
        return None
    name = author.line("global_name", 200) or author.line("username", 200)
    return ContactIdentity(
        found, display_name=name, locale=author.line("locale", 20), verified=True
    )


def _is_meant(data: Fields, ears: Ears) -> bool:
    if "guild_id" not in data or ears.every_message:
        return True
    if not ears.user:
        return False
    answered = data.fields("referenced_message").fields("author").identifier("id")
    return answered == ears.user or any(
        each.identifier("id") == ears.user for each in data.each("mentions", MOST_MENTIONS)
    )


def _thread(data: Fields) -> str:
    """Return the channel of a server that a message belongs to; nothing for a private chat."""
    return data.identifier("channel_id", required=True) if "guild_id" in data else ""


def _answered(data: Fields) -> str:
    about = data.fields("message_reference")
    return "" if about.number("type") == _FORWARD else about.identifier("message_id")


def _text_of(data: Fields) -> str:
    """Return what a message says in words; of kinds without words, what it is."""
    rows = [_plain(data), *map(_forwarded, data.each("message_snapshots", MOST_ROWS))]
    rows += [
        f"{_('[A sticker]')} {each.line('name', 100)}".strip()
        for each in data.each("sticker_items", MOST_ROWS)
    ]
    if "poll" in data:
        rows.append(_poll(data.fields("poll")))
    found = "\n".join(filter(None, rows))
    return found or ("" if _files_of(data) else _("[An empty message]"))


def _plain(data: Fields) -> str:
    mentions = data.each("mentions", MOST_MENTIONS)
    names = {
        each.identifier("id"): each.line("global_name", 200) or each.line("username", 200)
        for each in mentions
    }
    text = _EMOJI.sub(r":\1:", data.text("content", MOST_TEXT))
    return _MENTION.sub(lambda found: f"@{names.get(found[1]) or found[1]}", text)


def _forwarded(snapshot: Fields) -> str:
    message = snapshot.fields("message")
    words = [message.text("content", MOST_TEXT)]
    words += [each.line("url", 4000) for each in message.each("attachments", MOST_FILES)]
    return "\n".join([_("[Forwarded messages]"), *filter(None, words)])


def _poll(poll: Fields) -> str:
    answers = [
        each.fields("poll_media").line("text", 300) for each in poll.each("answers", MOST_ROWS)
    ]
    return "\n".join([_("[A poll]"), poll.fields("question").line("text", 1000), *answers])


def _files_of(data: Fields) -> tuple[Attachment, ...]:
    return tuple(_file(each) for each in data.each("attachments", MOST_FILES))


def _file(data: Fields) -> Attachment:
    mime = data.line("content_type", 200).partition(";")[0].strip().lower()
    return Attachment(
        kind=_KINDS.get(mime.partition("/")[0], "file"),
        filename=data.line("filename", 300)[:200],
        mime=mime,
        size=data.number("size"),
        media_ref=data.identifier("id", required=True),
        url=data.identifier("url", 4000, required=True),
    )
