"""What an update of Telegram reports, and nothing for kinds that mean nothing to us.

An id of a message counts within its chat only, so both stand together in ours: `chat:message`.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from django.utils.translation import gettext as _

from channels_app.json_fields import LOWEST, Fields, read_object
from channels_app.protocol import (
    Attachment,
    BadPayload,
    ContactIdentity,
    Event,
    EventKind,
    Polled,
    RawRequest,
)
from channels_app.signs import reaction_data
from channels_app.unread import unreadable

MOST_TEXT = 20_000
MOST_SIZES = 50
MOST_UPDATES = 200
# As many as we ask for: there may be more.
FULL_PAGE = 100
MOST_OPTIONS = 50
MOST_SIGNS = 20
# What stands before the topic of a group in a thread's key.
TOPIC = "/"
_NAME = re.compile("[a-z_]{1,50}")
_PRIVATE, _BROADCAST = "private", "channel"
# The first that a message has is what it is: an animation is a document there too, a venue a place.
_FILES: dict[str, Literal["image", "audio", "video", "file"]] = {
    "animation": "video",
    "audio": "audio",
    "document": "file",
    "video": "video",
    "video_note": "video",
    "voice": "audio",
}
# What Telegram itself says in a chat: nobody wrote it.
_NOTICE_NAMES = """
    new_chat_members left_chat_member new_chat_title new_chat_photo delete_chat_photo
    group_chat_created supergroup_chat_created channel_chat_created migrate_to_chat_id
    migrate_from_chat_id message_auto_delete_timer_changed pinned_message boost_added
    chat_background_set forum_topic_created forum_topic_edited forum_topic_closed
    forum_topic_reopened general_forum_topic_hidden general_forum_topic_unhidden
    video_chat_scheduled video_chat_started video_chat_ended video_chat_participants_invited
    write_access_allowed connected_website proximity_alert_triggered
"""
_NOTICES = frozenset(_NOTICE_NAMES.split())
# What says something about a message, and not what it is.
_ABOUT_NAMES = """
    message_id message_thread_id direct_messages_topic from sender_chat sender_boost_count
    sender_business_bot sender_tag date chat business_connection_id guest_query_id
    guest_bot_caller_user guest_bot_caller_chat forward_origin forward_from forward_from_chat
    forward_from_message_id forward_signature forward_sender_name forward_date is_topic_message
    is_automatic_forward reply_to_message external_reply quote reply_to_story
    reply_to_checklist_task_id reply_to_poll_option_id via_bot edit_date has_protected_content
    is_from_offline is_paid_post paid_star_count media_group_id author_signature entities
    link_preview_options suggested_post_info effect_id caption caption_entities
    show_caption_above_media has_media_spoiler reply_markup
"""
_ABOUT = frozenset(_ABOUT_NAMES.split())


def read_events(request: RawRequest) -> list[Event]:
    """Return what the call reports. Raises BadPayload."""
    return _events(read_object(request.body))


def fetched(answer: Fields, position: str) -> Polled:
    """Return a page of updates, and the number after the last of them. Raises BadPayload."""
    updates = answer.each("result", MOST_UPDATES)
    items = []
    following = int(position or 0)
    for update in updates:
        raw = update.written()
        try:
            events = tuple(_events(update))
        except BadPayload as error:
            events = (unreadable(raw, error),)
        following = max(following, (update.number("update_id") or 0) + 1)
        items.append((raw, events))
    return Polled(tuple(items), str(following or ""), has_more=len(updates) >= FULL_PAGE)


def _events(update: Fields) -> list[Event]:
    number = update.number("update_id")
    if number is None:
        raise update.refuse("update_id", "is required")
    if "message_reaction" in update:
        return _reactions(update.fields("message_reaction"), number)
    for kind, read in _READERS.items():
        if kind in update:
            event = read(update.fields(kind), number)
            return [event] if event else []
    return []


def _message(data: Fields, number: int) -> Event | None:
    notices = sorted(_NOTICES.intersection(data.names()))
    if notices:
        return _made(data, number, "lifecycle", data={"state": notices[0]})
    album = data.line("media_group_id", 100)
    return _made(
        data,
        number,
        "message",
        text=_text_of(data),
        attachments=_attachments(data),
        reply_to=_reference(data, "reply_to_message"),
        data={"album": album} if album else {},
    )


def _edited(data: Fields, number: int) -> Event | None:
    text = _text_of(data)
    sequence = _sequence(data, number)
    return _made(data, number, "edit", text=text, sequence=sequence) if text else None


def _sequence(data: Fields, number: int) -> int:
    """Return which of several versions this is: their clock counts seconds, and their numbers go up in one."""
    at = data.number("edit_date") or data.number("date") or 0
    return at * 1_000_000 + number % 1_000_000


def _reactions(data: Fields, number: int) -> list[Event]:
    """Read which signs somebody gives a message from now on, and which no longer."""
    given, before = (_signs(data, name) for name in ("new_reaction", "old_reaction"))
    found = []
    for emoji in [*given, *(each for each in before if each not in given)]:
        event = _made(
            data,
            number,
            "reaction",
            references=(f"{_number(data.fields('chat'), 'id')}:{data.number('message_id') or 0}",),
            sequence=_sequence(data, number),
            data=reaction_data(emoji, is_gone=emoji not in given),
        )
        if event is not None:
            found.append(replace(event, dedup_key=f"{event.dedup_key}:{emoji}"))
    return found


def _signs(data: Fields, name: str) -> list[str]:
    """Return the signs of a list; those of the makers of stickers have no letter, and are shown as a star."""
    signs = (each.line("emoji", 20) or "★" for each in data.each(name, MOST_SIGNS))
    return list(dict.fromkeys(signs))


def _pressed(data: Fields, number: int) -> Event | None:
    if "message" not in data:
        return None
    chosen = data.text("data", 1000)
    message = data.fields("message")
    return _made(
        message,
        number,
        "postback",
        sender=_person(data.fields("from")),
        text=chosen,
        data={"data": chosen},
    )


def _membership(data: Fields, number: int) -> Event | None:
    state = data.fields("new_chat_member").line("status", 50)
    return _made(data, number, "lifecycle", data={"state": state})


_READERS: dict[str, Callable[[Fields, int], Event | None]] = {
    "message": _message,
    "edited_message": _edited,
    "callback_query": _pressed,
    "my_chat_member": _membership,
}


def _made(
    data: Fields,
    number: int,
    kind: EventKind,
    /,
    *,
    sender: ContactIdentity | None = None,
    **facts: object,
) -> Event | None:
    """Return an event with what all have; None where nobody is named whom we could answer."""
    chat = data.fields("chat")
    what = chat.line("type", 20)
    # What a channel broadcasts, also into the group beside it, is nobody's question.
    is_broadcast = what == _BROADCAST or data.boolean("is_automatic_forward")
    sender = sender or _sender(data)
    if sender is None or is_broadcast:
        return None
    found = _number(chat, "id")
    reference = f"{found}:{data.number('message_id') or 0}"
    return Event(
        kind=kind,
        dedup_key=f"{number}:{kind}:{reference}",
        sender=sender,
        thread_key="" if what == _PRIVATE else _thread(data, found),
        provider_id=reference,
        sent_at=_instant(data),
        **facts,  # type: ignore[arg-type]  # each caller gives fields of Event
    )


def _sender(data: Fields) -> ContactIdentity | None:
    """Return who wrote: a person, or a chat that an administrator speaks for without a name."""
    for name in ("sender_chat", "actor_chat"):
        if name in data:
            chat = data.fields(name)
            return ContactIdentity(
                str(_number(chat, "id")), display_name=chat.line("title", 200), verified=True
            )
    for name in ("from", "user"):
        if name in data:
            return _person(data.fields(name))
    return None


def _person(data: Fields) -> ContactIdentity:
    names = (data.line("first_name", 200), data.line("last_name", 200))
    return ContactIdentity(
        str(_number(data, "id")),
        display_name=" ".join(filter(None, names)),
        locale=data.line("language_code", 35),
        verified=True,
    )


def _thread(data: Fields, chat: int) -> str:
    topic = data.number("message_thread_id") if data.boolean("is_topic_message") else None
    return f"{chat}{TOPIC}{topic}" if topic else str(chat)


def _number(data: Fields, name: str) -> int:
    """Return an id of a person or a chat; those of groups are below 0."""
    found = data.number(name, lowest=LOWEST)
    if not found:
        raise data.refuse(name, "is required")
    return found


def _reference(data: Fields, name: str) -> str:
    if name not in data:
        return ""
    other = data.fields(name)
    return f"{_number(other.fields('chat'), 'id')}:{other.number('message_id') or 0}"


def _instant(data: Fields) -> datetime | None:
    seconds = data.number("edit_date") or data.number("date")
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError) as error:
        raise data.refuse("date", "is no time") from error


def _text_of(data: Fields) -> str:
    """Return what a message says in words; of kinds without words, what it is."""
    for name in ("text", "caption"):
        if name in data:
            return data.text(name, MOST_TEXT)
    if "photo" in data or any(name in data for name in _FILES):
        return ""
    for name, said in _SAID.items():
        if name in data:
            return said(data.fields(name))
    kinds = [name for name in data.names() if name not in _ABOUT and _NAME.fullmatch(name)]
    kind = kinds[0] if kinds else "?"
    return _("[A message of a kind that cannot be shown: %(kind)s]") % {"kind": kind}


def _venue(data: Fields) -> str:
    return "\n".join(filter(None, (data.line("title", 200), data.line("address", 500))))


def _place(data: Fields) -> str:
    latitude, longitude = data.real("latitude"), data.real("longitude")
    if latitude is None or longitude is None:
        return _("[A place]")
    return _("[A place]") + f"\n{latitude:.6f}, {longitude:.6f}"


def _contact(data: Fields) -> str:
    names = (data.line("first_name", 200), data.line("last_name", 200))
    lines = (" ".join(filter(None, names)), data.line("phone_number", 50))
    return "\n".join([_("[A contact]"), *filter(None, lines)])


def _poll(data: Fields) -> str:
    options = [each.line("text", 300) for each in data.each("options", MOST_OPTIONS)]
    return "\n".join([_("[A poll]"), data.line("question", 1000), *options])


def _sticker(data: Fields) -> str:
    return f"{_('[A sticker]')} {data.line('emoji', 20)}".strip()


def _dice(data: Fields) -> str:
    return f"{data.line('emoji', 20)} {data.number('value') or ''}".strip()


_SAID: dict[str, Callable[[Fields], str]] = {
    "venue": _venue,
    "location": _place,
    "contact": _contact,
    "poll": _poll,
    "sticker": _sticker,
    "dice": _dice,
}


def _attachments(data: Fields) -> tuple[Attachment, ...]:
    if "photo" in data:
        sizes = data.each("photo", MOST_SIZES)
        return (_file(max(sizes, key=_pixels), "image"),) if sizes else ()
    for name, kind in _FILES.items():
        if name in data:
            return (_file(data.fields(name), kind),)
    return ()


def _pixels(size: Fields) -> int:
    return (size.number("width") or 0) * (size.number("height") or 0)


def _file(data: Fields, kind: Literal["image", "audio", "video", "file"]) -> Attachment:
    return Attachment(
        kind=kind,
        filename=data.line("file_name", 200),
        mime=data.line("mime_type", 100),
        size=data.number("file_size"),
        media_ref=data.identifier("file_id", 300, required=True),
    )
