"""What was fetched and cannot be read: it is kept and shown to people, and stops nothing behind it."""

import hashlib

from channels_app.protocol import BadPayload, Event


def unreadable(raw: bytes, error: BadPayload) -> Event:
    """Return the event that has the bytes of an item quarantined, once."""
    digest = hashlib.sha256(raw).hexdigest()
    return Event(kind="raw", dedup_key=f"unreadable:{digest}", error=str(error.message))
