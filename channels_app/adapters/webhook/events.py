"""What a call of the other system reports: each type has a schema, and unknown types mean nothing to us."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from channels_app.json_fields import Fields, read_object
from channels_app.protocol import Attachment, BadPayload, ContactIdentity, Event, RawRequest

MOST_TEXT = 20_000
MOST_HTML = 200_000
MOST_FILES = 10
MOST_IDS = 100
# Longer keys become their hash: stored references have 64 places.
LONGEST_KEY = 64
_AHEAD = timedelta(days=1)
_EMAIL = re.compile(r"[^@\s,;<>\"'()\[\]\\]{1,64}@[^@\s,;<>\"'()\[\]\\]{1,189}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
_MIME = re.compile(r"[A-Za-z0-9.+-]{1,60}/[A-Za-z0-9.+-]{1,39}")
_WEB_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)


class Call:
    """One genuine call, opened: its type, its data, and what all events of it share."""

    def __init__(self, request: RawRequest, *, vouches: bool) -> None:
        body = read_object(request.body)
        self.type = body.line("type", 100)
        if not self.type:
            raise body.refuse("type", "is required")
        self.is_known = self.type in _READERS
        self.data = body.fields("data") if self.is_known else body
        self.at = body.instant("timestamp") if self.is_known else None
        self.vouches = vouches
        self.received_at = request.received_at
        key = request.headers.get("webhook-id", "")
        if not key:
            raise BadPayload("webhook-id: is required")
        # Attempts keep their webhook-id, so this is what makes a repeated call known.
        self.key = key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()

    def sent_at(self) -> datetime | None:
        """Return when it happened, unless that lies beyond any wrong clock."""
        found = self.data.instant("sent_at") or self.at
        if found is not None and found > self.received_at + _AHEAD:
            raise self.data.refuse("sent_at", "lies in the future")
        return found


def read_events(request: RawRequest, *, vouches: bool) -> list[Event]:
    """Return what the call reports; nothing for a type that we do not know. Raises BadPayload."""
    call = Call(request, vouches=vouches)
    return [_READERS[call.type](call)] if call.is_known else []


def _created(call: Call) -> Event:
    data = call.data
    found = Event(
        kind="message",
        dedup_key=call.key,
        provider_id=data.identifier("id", required=True),
        sender=_sender(call),
        thread_key=data.identifier("thread"),
        text=data.text("text", MOST_TEXT),
        html=data.text("html", MOST_HTML),
        subject=data.line("subject", 200),
        sent_at=call.sent_at(),
        sequence=data.number("sequence"),
        attachments=_attachments(data),
        reply_to=data.identifier("reply_to"),
        client_ref=data.identifier("client_ref", LONGEST_KEY),
        is_automatic=data.boolean("automatic"),
    )
    if not (found.text or found.html or found.attachments):
        raise data.refuse("text", "is required where there is neither html nor attachments")
    return found


def _updated(call: Call) -> Event:
    data = call.data
    found = Event(
        kind="edit",
        dedup_key=call.key,
        provider_id=data.identifier("id", required=True),
        sender=_sender(call) if "sender" in data else None,
        thread_key=data.identifier("thread"),
        text=data.text("text", MOST_TEXT),
        html=data.text("html", MOST_HTML),
        sent_at=call.sent_at(),
        sequence=data.number("sequence"),
    )
    if not (found.text or found.html):
        raise data.refuse("text", "is required where there is no html")
    return found


def _deleted(call: Call) -> Event:
    data = call.data
    return Event(
        kind="delete",
        dedup_key=call.key,
        provider_id=data.identifier("id", required=True),
        sender=_sender(call) if "sender" in data else None,
        thread_key=data.identifier("thread"),
        sent_at=call.sent_at(),
        sequence=data.number("sequence"),
    )


def _receipt(call: Call) -> Event:
    data = call.data
    status = call.type.removeprefix("message.")
    one = data.identifier("id")
    watermark = data.instant("up_to") if status != "failed" else None
    references = tuple(dict.fromkeys((*([one] if one else []), *data.identifiers("ids", MOST_IDS))))
    if not references and watermark is None:
        wanted = "id or ids" if status == "failed" else "id, ids or up_to"
        raise data.refuse("id", f"is required: one of {wanted}")
    return Event(
        kind="receipt",
        dedup_key=call.key,
        status=status,
        # A time says nothing without the person whose messages it is about.
        sender=_sender(call) if watermark is not None or "sender" in data else None,
        thread_key=data.identifier("thread"),
        client_ref=_as_uuid(one),
        references=references,
        watermark=watermark,
        sent_at=call.sent_at(),
        error=data.line("error", 300) if status == "failed" else "",
    )


def _typing(call: Call) -> Event:
    return Event(
        kind="typing",
        dedup_key=call.key,
        sender=_sender(call),
        thread_key=call.data.identifier("thread"),
        data={"on": call.data.boolean("on", default=True)},
    )


def _sender(call: Call) -> ContactIdentity:
    who = call.data.fields("sender")
    return ContactIdentity(
        external_id=who.identifier("id", required=True),
        display_name=who.line("name", 120),
        email=who.line("email", 254, fits=_EMAIL),
        phone=who.line("phone", 30),
        locale=who.line("language", 20, fits=_LANGUAGE),
        verified=who.boolean("verified") and call.vouches,
    )


def _attachments(data: Fields) -> tuple[Attachment, ...]:
    return tuple(_attachment(each) for each in data.each("attachments", MOST_FILES))


def _attachment(file: Fields) -> Attachment:
    mime = file.line("type", 100, fits=_MIME).lower()
    url = file.line("url", 2000, fits=_WEB_ADDRESS)
    data = _bytes(file) if "data" in file else None
    if (data is None) is (not url):
        raise file.refuse("url", "is required, or data; not both")
    return Attachment(
        kind=_KINDS.get(mime.partition("/")[0], "file"),
        filename=file.line("name", 200),
        mime=mime,
        size=None if data is None else len(data),
        url=url,
        sha256="" if data is None else hashlib.sha256(data).hexdigest(),
        data=data,
    )


def _bytes(file: Fields) -> bytes:
    text = file.text("data", 4 * 1024 * 1024)
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise file.refuse("data", "must be base64") from error


def _as_uuid(text: str) -> str:
    """Return our own id of a message in its usual form; nothing for an id that is not ours."""
    try:
        return str(UUID(text)) if len(text) == 36 else ""
    except ValueError:
        return ""


_KINDS: dict[str, Literal["image", "audio", "video"]] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
}
_READERS: dict[str, Callable[[Call], Event]] = {
    "message.created": _created,
    "message.updated": _updated,
    "message.deleted": _deleted,
    "message.delivered": _receipt,
    "message.read": _receipt,
    "message.failed": _receipt,
    "typing": _typing,
}
