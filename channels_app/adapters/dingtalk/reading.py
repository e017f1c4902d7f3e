"""What a call of DingTalk reports: one message to the robot (https://open.dingtalk.com/document/orgapp/receive-message)."""

from collections.abc import Callable
from typing import Literal

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields
from channels_app.protocol import Attachment, ContactIdentity, Event

MOST_TEXT = 100_000
MOST_PARTS = 500
_GROUP = "2"
Kind = Literal["image", "audio", "video", "file"]
_FILES: dict[str, Kind] = {
    "picture": "image",
    "audio": "audio",
    "video": "video",
    "file": "file",
}
# What stands between the moment a session ends, in milliseconds, and its address.
SPACE = " "


def read_events(call: Fields) -> list[Event]:
    """Return what the call reports: one message at most. Raises BadPayload."""
    person = _person(call)
    if person is None or "msgtype" not in call:
        return []
    found = call.identifier("msgId", required=True)
    kind = call.line("msgtype", 50)
    return [
        Event(
            kind="message",
            dedup_key=found,
            sender=person,
            thread_key=_thread(call),
            provider_id=found,
            sent_at=call.moment("createAt"),
            text=_text_of(call, kind),
            attachments=_files_of(call, kind),
            reply_to=call.identifier("originalMsgId"),
            reply_token=_session(call),
        )
    ]


def _person(call: Fields) -> ContactIdentity | None:
    """Return who wrote: by the id in the organization, which is how they are reached; else by the robot's own."""
    staff, sender = call.identifier("senderStaffId"), call.identifier("senderId")
    known = tuple(filter(None, (staff, sender)))
    if not known:
        return None
    name = call.line("senderNick", 200)
    return ContactIdentity(known[0], display_name=name, verified=True, aliases=known[1:])


def _thread(call: Fields) -> str:
    is_group = call.line("conversationType", 5) == _GROUP
    return call.identifier("conversationId", required=True) if is_group else ""


def _session(call: Fields) -> str:
    """Return where this message can be answered at once, and until when."""
    url, until = call.identifier("sessionWebhook", 2000), call.number("sessionWebhookExpiredTime")
    return f"{until}{SPACE}{url}" if url and until else ""


def _text_of(call: Fields, kind: str) -> str:
    """Return what a message says in words; of kinds without words, what it is."""
    if kind in _FILES:
        # Of a recording DingTalk tells what it has understood.
        return call.fields("content").text("recognition", MOST_TEXT)
    read = _WORDS.get(kind)
    if read is None:
        return _("[A message of a kind that cannot be shown: %(kind)s]") % {"kind": kind}
    found = read(call)
    return found or ("" if _files_of(call, kind) else _("[An empty message]"))


def _text(call: Fields) -> str:
    return call.fields("text").text("content", MOST_TEXT)


def _rich(call: Fields) -> str:
    return "".join(part.piece("text", MOST_TEXT) for part in _parts(call)).strip()


def _parts(call: Fields) -> list[Fields]:
    return call.fields("content").each("richText", MOST_PARTS)


def _place(call: Fields) -> str:
    place = call.fields("content")
    rows = (_("[A place]"), place.line("title", 500), place.line("address", 1000))
    return "\n".join(filter(None, rows))


def _link(call: Fields) -> str:
    link = call.fields("content")
    rows = (link.line("title", 1000), link.text("text", MOST_TEXT), link.line("messageUrl", 4000))
    return "\n".join(filter(None, rows))


def _unknown(call: Fields) -> str:
    # DingTalk says in words what its robots are not shown.
    return call.fields("content").text("unknownMsgType", 1000)


def _history(_call: Fields) -> str:
    return _("[Forwarded messages]")


_WORDS: dict[str, Callable[[Fields], str]] = {
    "text": _text,
    "richText": _rich,
    "location": _place,
    "link": _link,
    "unknownMsgType": _unknown,
    "chatRecord": _history,
}


def _files_of(call: Fields, kind: str) -> tuple[Attachment, ...]:
    if kind in _FILES:
        return _file(call.fields("content"), _FILES[kind])
    if kind != "richText":
        return ()
    parts = [part for part in _parts(call) if "downloadCode" in part]
    return tuple(
        file for part in parts for file in _file(part, _FILES.get(part.line("type", 50), "image"))
    )


def _file(data: Fields, kind: Kind) -> tuple[Attachment, ...]:
    code = data.identifier("downloadCode", 4000)
    if not code:
        return ()
    return (Attachment(kind, filename=data.line("fileName", 300)[:200], media_ref=code),)
