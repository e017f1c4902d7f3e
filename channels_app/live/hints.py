"""Hints to every web process that something changed. Losing one costs time, never a message."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from channels.layers import get_channel_layer

from channels_app.live.groups import LIVE

logger = logging.getLogger(__name__)

GIVE_UP_SECONDS = 1.0
# A hint that comes twice changes nothing, one that never comes leaves screens behind.
AGAIN_AFTER_SECONDS = (0.1, 0.5, 2.0)
MOST_WAITING = 2000
# What one message of the layer carries at most.
BURST = 200


@dataclass(frozen=True, slots=True)
class Hint:
    """Ids of what changed; who may see it is asked where it arrives."""

    kind: str
    organization_id: int = 0
    conversation_id: int = 0
    number: int = 0
    staff_id: int = 0
    # The short name of somebody at the door.
    visitor: str = ""
    is_on: bool = False
    # Who looks at the conversation in the process that says so.
    process: str = ""
    viewers: tuple[int, ...] = ()
    session: str = ""


def publish(hint: Hint) -> None:
    """Send the hint from a thread of its own: the caller never waits and never fails."""
    _publisher().send(hint)


def read(message: dict[str, Any]) -> list[Hint]:  # Any: as it comes from the layer
    """Return the hints in a message of the layer."""
    return [_hint(fields) for fields in message["hints"]]


def _hint(fields: dict[str, Any]) -> Hint:  # Any: as it comes from the layer
    known = {name: value for name, value in fields.items() if name in Hint.__slots__}
    return Hint(**known | {"viewers": tuple(known.get("viewers", ()))})


def message_of(burst: Sequence[Hint]) -> dict[str, Any]:  # Any: as it goes to the layer
    """Return the message of the layer that carries the hints."""
    fields = [{name: getattr(hint, name) for name in Hint.__slots__} for hint in burst]
    return {"type": "hints", "hints": fields}


class _Publisher:
    """One event loop in one thread: the layer keeps a connection for each loop.

    What comes while a message is on its way leaves together in the next one.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.lock = threading.Lock()
        self.waiting: deque[Hint] = deque()
        self.sender: asyncio.Task[None] | None = None
        threading.Thread(target=self.loop.run_forever, name="hints", daemon=True).start()

    def send(self, hint: Hint) -> None:
        with self.lock:
            if len(self.waiting) >= MOST_WAITING:
                logger.warning("A hint was dropped: too many are waiting")
                return
            is_first = not self.waiting
            self.waiting.append(hint)
        # Whoever takes the first takes those behind it, too: waking the loop costs more than all the rest.
        if is_first:
            self.loop.call_soon_threadsafe(self._start)

    def _start(self) -> None:
        if self.waiting and (self.sender is None or self.sender.done()):
            self.sender = self.loop.create_task(self._send_waiting())
            # What came while it was broken off, if it was, woke nobody.
            self.sender.add_done_callback(lambda _sender: self._start())

    async def _send_waiting(self) -> None:
        while burst := self._taken():
            await self._send(burst)

    def _taken(self) -> list[Hint]:
        with self.lock:
            return [self.waiting.popleft() for _ in range(min(len(self.waiting), BURST))]

    async def _send(self, burst: Sequence[Hint]) -> None:
        for pause in (*AGAIN_AFTER_SECONDS, None):
            try:
                sending = get_channel_layer().group_send(LIVE, message_of(burst))
                await asyncio.wait_for(sending, GIVE_UP_SECONDS)
            except Exception as error:
                if pause is None:
                    logger.warning("%s hints were not sent: %s", len(burst), type(error).__name__)
                    return
                await asyncio.sleep(pause)
            else:
                return


_lock = threading.Lock()
_made: list[_Publisher] = []


def _publisher() -> _Publisher:
    with _lock:
        if not _made:
            _made.append(_Publisher())
    return _made[0]
