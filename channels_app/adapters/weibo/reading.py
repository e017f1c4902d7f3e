"""What a call of Weibo reports: one event at most. It has no id, so that its sender, time and words are one."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields, read_object
from channels_app.protocol import Attachment, ContactIdentity, Event, EventKind, RawRequest

MOST_TEXT = 20_000
_MOMENT = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d{2} \d{2}:\d{2}:\d{2} [+-]\d{4} \d{4}")
_FILES: dict[str, Literal["image", "audio", "video", "file"]] = {
    "image": "image",
    "voice": "audio",
    "video": "video",
    "file": "file",
}
_LIFECYCLE = frozenset({"follow", "unfollow", "subscribe", "unsubscribe", "scan", "scan_follow"})
_CLICK = "click"


def read_events(request: RawRequest, *, account: str) -> list[Event]:
    """Return what the call reports, unless it is for another account. Raises BadPayload."""
    body = read_object(request.body)
    kind = body.line("type", 50)
    sender = body.reference("sender_id", 40)
    receiver = body.reference("receiver_id", 40)
    if not (kind and sender and receiver):
        raise body.refuse("type", "must come with sender_id and receiver_id")
    if account not in {receiver, sender}:
        return []
    if kind == "event":
        return _event(body)
    return [_message(body, kind, is_ours=sender == account)]


def _event(body: Fields) -> list[Event]:
    data = body.unpacked("data")
    what = data.line("subtype", 50).lower()
    key = data.text("key", 1000)
    if what in _LIFECYCLE:
        return [_made(body, "lifecycle", what, data={"state": what})]
    if what == _CLICK:
        return [_made(body, "postback", what, text=key, data={"data": key})]
    return []


def _message(body: Fields, kind: str, *, is_ours: bool) -> Event:
    data = body.unpacked("data")
    return _made(
        body,
        "message",
        kind,
        is_ours=is_ours,
        text=_words(kind, body.text("text", MOST_TEXT), data),
        attachments=_attachments(kind, data),
    )


def _made(
    body: Fields, kind: EventKind, about: str, /, *, is_ours: bool = False, **facts: object
) -> Event:
    """Return an event with what all have; what we say ourselves belongs to whom we say it to."""
    moment = body.line("created_at", 60)
    # Some formats of theirs do name a message.
    found = body.reference("id", 100) or f"{moment}:{about}:{body.digest()}"[:200]
    person = body.reference("receiver_id" if is_ours else "sender_id", 40)
    return Event(
        kind=kind,
        dedup_key=f"{found}:{kind}",
        provider_id=found,
        sender=ContactIdentity(person, verified=True),
        direction="out" if is_ours else "in",
        sent_at=_instant(body, moment),
        **facts,  # type: ignore[arg-type]  # each caller gives fields of Event
    )


def _instant(body: Fields, moment: str) -> datetime | None:
    if not moment:
        return None
    try:
        if not _MOMENT.fullmatch(moment):
            raise ValueError("No moment")
        return datetime.strptime(moment, "%a %b %d %H:%M:%S %z %Y")
    except (ValueError, OverflowError) as error:
        raise body.refuse("created_at", "is no time") from error


def _place(data: Fields, text: str) -> str:
    where = ", ".join(filter(None, (data.line("latitude", 30), data.line("longitude", 30))))
    return "\n".join(filter(None, (text or _("[A place]"), where)))


def _mention(data: Fields, text: str) -> str:
    is_comment = data.line("subtype", 50) == "comment"
    said = _("[Mentioned in a comment]") if is_comment else _("[Mentioned in a post]")
    return "\n".join(filter(None, (said, text)))


_SAID: dict[str, Callable[[Fields, str], str]] = {"position": _place, "mention": _mention}


def _words(kind: str, text: str, data: Fields) -> str:
    """Return what a message says in words; of kinds without words, what it is."""
    if kind in _FILES:
        # They put words of their own there, such as "sent a picture".
        return ""
    said = _SAID.get(kind)
    if said is not None:
        return said(data, text)
    if text:
        return text
    return _("[A message of a kind that cannot be shown: %(kind)s]") % {"kind": kind}


def _attachments(kind: str, data: Fields) -> tuple[Attachment, ...]:
    if kind not in _FILES:
        return ()
    # `vfid` is what the sender sees it by, `tovfid` the receiver, who is us.
    found = data.reference("tovfid") or data.reference("vfid")
    if not found:
        raise data.refuse("tovfid", "is required")
    return (Attachment(_FILES[kind], media_ref=found),)
