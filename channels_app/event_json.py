"""Events as JSON and back: stored when they arrive, processed behind."""

import base64
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from channels_app.protocol import Attachment, ContactIdentity, Event, Letter

_MOMENTS = {"sent_at", "watermark", "expires_at"}
_TUPLES = {"references", "aliases", "delivered_to", "remote_pictures"}


def to_json(event: Event) -> dict[str, Any]:
    """Return an event as values that JSON knows, without what is empty."""
    values: dict[str, Any] = _plain(event)
    return values


def from_json(values: dict[str, Any]) -> Event:
    """Return the event that `to_json` was given."""
    known = _known(values)
    if "sender" in values:
        known["sender"] = ContactIdentity(**_known(values["sender"]))
    if "letter" in values:
        letter = _known(values["letter"])
        for name in ("to", "cc"):
            letter[name] = tuple((address, shown) for address, shown in letter.get(name, ()))
        known["letter"] = Letter(**letter)
    known["attachments"] = tuple(
        Attachment(**_known(each)) for each in values.get("attachments", ())
    )
    return Event(**known)


def _plain(value: Any) -> Any:  # Any: whatever an event is made of
    if is_dataclass(value):
        named = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: _plain(each) for name, each in named if each not in (None, "", (), {}, b"")}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return value


def _known(values: dict[str, Any]) -> dict[str, Any]:  # Any: as the dataclasses say
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name in _MOMENTS:
            found[name] = datetime.fromisoformat(value)
        elif name in _TUPLES:
            found[name] = tuple(value)
        elif name == "data" and isinstance(value, str):
            found[name] = base64.b64decode(value)
        else:
            found[name] = value
    return found
