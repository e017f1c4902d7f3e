"""The JSON that we post: a reply of staff, or an event of ours that the other system asked for."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from django.core.serializers.json import DjangoJSONEncoder

from channels_app.protocol import Attachment, OutboundMessage, SendError


def message_body(message: OutboundMessage, now: datetime) -> bytes:
    """Return the body for a message; its context may hold `sent_at`, `author` or a whole `event`."""
    sent_at = message.context.get("sent_at", now)
    event = message.context.get("event")
    if event is not None:
        return encoded(*_event(event), sent_at)
    return encoded("message.created", _message(message, sent_at), sent_at)


def encoded(kind: str, data: Mapping[str, object], at: object) -> bytes:
    """Return the bytes of one call. Raises SendError for what JSON cannot say."""
    try:
        text = json.dumps(
            {"type": kind, "timestamp": _instant(at), "data": data},
            ensure_ascii=False,
            allow_nan=False,
            cls=DjangoJSONEncoder,
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise SendError("The event cannot be written as JSON", kind="other") from error
    return text.encode("utf-8", "replace")


def _event(event: object) -> tuple[str, Mapping[str, object]]:
    kind = event.get("type") if isinstance(event, Mapping) else None
    data = event.get("data") if isinstance(event, Mapping) else None
    if not isinstance(kind, str) or not kind or not isinstance(data, Mapping):
        raise SendError("The event has no type or no data", kind="other")
    return kind, dict(data)


def _message(message: OutboundMessage, sent_at: object) -> dict[str, object]:
    return {
        "id": message.client_ref,
        "thread": message.thread_key,
        "to": {"id": message.to.external_id, "name": message.to.display_name},
        "author": {"name": str(message.context.get("author", ""))},
        "text": message.text,
        "html": message.html,
        "subject": message.subject,
        "reply_to": message.reply_to,
        "attachments": [_attachment(each) for each in message.attachments],
        "sent_at": _instant(sent_at),
    }


def _attachment(file: Attachment) -> dict[str, object]:
    return {"name": file.filename, "type": file.mime, "size": file.size, "url": file.url}


def _instant(at: object) -> str:
    """Return an instant as the other system reads it: UTC with a Z."""
    if isinstance(at, datetime):
        return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(at)
