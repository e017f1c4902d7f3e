"""Hints to every web process that something changed. Losing one costs time, never a message."""

import asyncio
import logging
import threading
from dataclasses import asdict, dataclass
from typing import Any

from channels.layers import get_channel_layer

from channels_app.live.groups import LIVE

logger = logging.getLogger(__name__)

GIVE_UP_SECONDS = 0.2
MOST_WAITING = 2000


@dataclass(frozen=True, slots=True)
class Hint:
    """Ids of what changed; who may see it is asked where it arrives."""

    kind: str
    organization_id: int = 0
    conversation_id: int = 0
    number: int = 0
    staff_id: int = 0
    identity_id: int = 0
    is_on: bool = False
    # Who looks at the conversation in the process that says so.
    process: str = ""
    viewers: tuple[int, ...] = ()
    session: str = ""


def publish(hint: Hint) -> None:
    """Send the hint from a thread of its own: the caller never waits and never fails."""
    _publisher().send(hint)


def read(message: dict[str, Any]) -> Hint:  # Any: as it comes from the layer
    """Return the hint in a message of the layer."""
    fields = {name: value for name, value in message.items() if name in Hint.__slots__}
    fields["viewers"] = tuple(fields.get("viewers", ()))
    return Hint(**fields)


class _Publisher:
    """One event loop in one thread: the layer keeps a connection for each loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.waiting = 0
        self.running: set[asyncio.Task[None]] = set()
        threading.Thread(target=self.loop.run_forever, name="hints", daemon=True).start()

    def send(self, hint: Hint) -> None:
        if self.waiting >= MOST_WAITING:
            logger.warning("A hint was dropped: too many are waiting")
            return
        self.waiting += 1
        self.loop.call_soon_threadsafe(self._start, hint)

    def _start(self, hint: Hint) -> None:
        task = self.loop.create_task(self._send(hint))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def _send(self, hint: Hint) -> None:
        try:
            layer = get_channel_layer()
            message = {"type": "hint", **asdict(hint)}
            await asyncio.wait_for(layer.group_send(LIVE, message), GIVE_UP_SECONDS)
        except Exception as error:
            logger.warning("A hint was not sent: %s", type(error).__name__)
        finally:
            self.waiting -= 1


_lock = threading.Lock()
_made: list[_Publisher] = []


def _publisher() -> _Publisher:
    with _lock:
        if not _made:
            _made.append(_Publisher())
    return _made[0]
