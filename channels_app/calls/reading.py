"""The newest calls of a channel, as they are shown."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.fernet import InvalidToken

from channels_app.calls import recording
from channels_app.calls.recording import MOST_KEPT
from helpdesk.crypto import decrypt
from helpdesk.tenancy import current_organization_id

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeptCall:
    """One call without its secrets; `purpose` is empty for one that came in."""

    id: str
    at: datetime
    purpose: str
    method: str
    address: str
    headers: list[tuple[str, str]]
    size: int
    status: int
    milliseconds: float
    reason: str
    count: int
    keys: list[str]
    body: str = ""
    answer_headers: list[tuple[str, str]] | None = None
    answer_size: int = 0
    answer: str = ""

    @property
    def is_incoming(self) -> bool:
        return not self.purpose

    @property
    def is_trouble(self) -> bool:
        """Tell whether it was refused, or answered by nobody."""
        return not 200 <= self.status < 400


def newest(channel_id: int) -> list[KeptCall]:
    """Return the newest calls of a channel of the organization in scope. Raises redis.RedisError."""
    found = sorted(_calls(channel_id), key=lambda call: (call.at, call.id), reverse=True)
    return found[:MOST_KEPT]


def find(channel_id: int, call_id: str) -> KeptCall | None:
    """Return one of them, while it is there. Raises redis.RedisError."""
    return next((call for call in _calls(channel_id) if call.id == call_id), None)


def _calls(channel_id: int) -> Iterator[KeptCall]:
    for is_refused in (False, True):
        key = recording.key_of(current_organization_id(), channel_id, is_refused=is_refused)
        rows: Any = recording.client().lrange(
            key, 0, MOST_KEPT - 1
        )  # Any: redis types it as awaitable too
        for row in rows:
            try:
                facts = json.loads(decrypt(row.decode("ascii")))
            except InvalidToken:
                logger.warning(
                    "A call of channel %s was written under a key that is gone", channel_id
                )
                continue
            yield KeptCall(**{**facts, "at": datetime.fromisoformat(facts["at"])})
