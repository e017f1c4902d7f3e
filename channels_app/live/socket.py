"""What the sockets of staff and visitors have in common."""

import logging
from typing import Any

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer

logger = logging.getLogger(__name__)


class Socket(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels ships no types
    """A socket that listens to its browser alone: what else happens comes through the hub."""

    # No subscription of its own, and no second task that waits for one.
    channel_layer_alias = ""

    async def dispatch(self, message: dict[str, Any]) -> None:  # Any: ASGI
        """Obey a message at once.

        Channels would first close old connections, in the one thread that all sockets share; our
        database work closes its own.
        """
        await getattr(self, get_handler_name(message))(message)

    async def dismiss(self, code: int) -> None:
        """Close a socket among others; one that fails keeps nobody else open."""
        try:
            await self.close(code)
        except Exception:
            logger.exception("A socket was not closed with %s", code)
