"""What lies in the lists of calls."""

from channels_app.calls import reading, recording
from channels_app.calls.reading import KeptCall
from helpdesk.crypto import decrypt
from helpdesk.models import Channel


def newest(channel: Channel) -> list[KeptCall]:
    """Return the newest calls of a channel, once all are written."""
    recording.wait_until_written()
    return reading.newest(channel.pk)


def everything() -> str:
    """Return all that lies in Redis of calls, as it lies there and decrypted."""
    recording.wait_until_written()
    client = recording.client()
    keys = client.scan_iter("everydesk:calls:*")
    rows = [row.decode() for key in keys for row in client.lrange(key, 0, -1)]
    return "\n".join([*rows, *map(decrypt, rows)])


def forget() -> None:
    """Empty all lists."""
    recording.wait_until_written()
    recording._paced.clear()
    client = recording.client()
    for key in client.scan_iter("everydesk:calls:*"):
        client.delete(key)
