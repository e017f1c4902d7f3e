"""What each screen gets of one batch: gathered first, then sent as one message."""

import logging
from collections import defaultdict

from channels_app.live.staff import StaffSocket

logger = logging.getLogger(__name__)


class Post:
    """Fragments by socket. Sockets that get the same share one message, which the server encodes once."""

    def __init__(self) -> None:
        self._fragments: dict[StaffSocket, list[str]] = defaultdict(list)

    def add(self, socket: StaffSocket, html: str) -> None:
        if html:
            self._fragments[socket].append(html)

    async def send(self) -> None:
        """Send everything; a socket that fails keeps nobody else from getting theirs."""
        messages: dict[tuple[str, ...], dict[str, str]] = {}
        for socket, fragments in self._fragments.items():
            key = tuple(fragments)
            message = messages.get(key)
            if message is None:
                messages[key] = message = {"type": "websocket.send", "text": "".join(fragments)}
            try:
                await socket.push_message(message)
            except Exception:
                logger.exception("A screen did not get what changed; it catches up by number")
        self._fragments.clear()
