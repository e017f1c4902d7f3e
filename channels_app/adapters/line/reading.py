"""What a call of LINE reports: one event each, and nothing for kinds that mean nothing to us."""

from collections.abc import Callable
from typing import Literal

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields, read_object
from channels_app.protocol import Attachment, ContactIdentity, Event, EventKind, RawRequest

MOST_EVENTS = 1000
MOST_TEXT = 20_000
# A channel whose events another module answers has this mode: read only.
_STANDBY = "standby"
_FILES: dict[str, Literal["image", "audio", "video", "file"]] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "file": "file",
}
_LIFECYCLE = frozenset({"follow", "unfollow", "join", "leave"})


def read_events(request: RawRequest) -> list[Event]:
    """Return what the call reports. Raises BadPayload."""
    body = read_object(request.body)
    found = [_event(each) for each in body.each("events", MOST_EVENTS)]
    return [each for each in found if each is not None]


def _event(data: Fields) -> Event | None:
    kind = data.line("type", 50)
    if data.line("mode", 20) == _STANDBY:
        return None
    if kind in _LIFECYCLE:
        return _made(data, "lifecycle", kind, data={"state": kind})
    read = _READERS.get(kind)
    return read(data) if read else None


def _message(data: Fields) -> Event | None:
    message = data.fields("message")
    kind = message.line("type", 50)
    return _made(
        data,
        "message",
        f"{message.identifier('id', required=True)}:{kind}",
        provider_id=message.identifier("id", required=True),
        text=_text_of(message, kind),
        attachments=_attachments(message, kind),
        reply_to=message.identifier("quotedMessageId"),
        reply_token=data.line("replyToken", 200),
    )


def _edited(data: Fields) -> Event | None:
    message = data.fields("message")
    found = message.identifier("id", required=True)
    text = message.text("text", MOST_TEXT)
    return _made(data, "edit", found, provider_id=found, text=text) if text else None


def _unsent(data: Fields) -> Event | None:
    found = data.fields("unsend").identifier("messageId", required=True)
    return _made(data, "delete", found, provider_id=found)


def _postback(data: Fields) -> Event | None:
    chosen = data.fields("postback").text("data", 1000)
    return _made(data, "postback", "", text=chosen, data={"data": chosen})


_READERS: dict[str, Callable[[Fields], Event | None]] = {
    "message": _message,
    "messageEdited": _edited,
    "unsend": _unsent,
    "postback": _postback,
}


def _made(data: Fields, kind: EventKind, about: str, /, **facts: object) -> Event | None:
    """Return an event with what all have; None where nobody is named whom we could answer."""
    source = data.fields("source")
    thread = source.identifier("groupId") or source.identifier("roomId")
    person = source.identifier("userId") or thread
    if not person:
        return None
    identifier = data.identifier("webhookEventId", required=True)
    return Event(
        kind=kind,
        dedup_key=f"{identifier}:{kind}:{about}",
        sender=ContactIdentity(person, verified=True),
        thread_key=thread,
        sent_at=data.moment("timestamp"),
        **facts,  # type: ignore[arg-type]  # each caller gives fields of Event
    )


def _text_of(message: Fields, kind: str) -> str:
    """Return what a message says in words; of kinds without words, what it is."""
    if kind == "text":
        return message.text("text", MOST_TEXT)
    if kind == "location":
        place = (message.line("title", 200), message.line("address", 500))
        return "\n".join(filter(None, place)) or _("[A place]")
    if kind == "sticker":
        return _("[A sticker]")
    return (
        ""
        if kind in _FILES
        else _("[A message of a kind that cannot be shown: %(kind)s]") % {"kind": kind}
    )


def _attachments(message: Fields, kind: str) -> tuple[Attachment, ...]:
    if kind not in _FILES:
        return ()
    provider = message.fields("contentProvider")
    is_elsewhere = provider.line("type", 20) == "external"
    return (
        Attachment(
            kind=_FILES[kind],
            filename=message.line("fileName", 200),
            media_ref=message.identifier("id", required=True),
            url=provider.line("originalContentUrl", 2000) if is_elsewhere else "",
        ),
    )
