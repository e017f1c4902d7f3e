"""Plays visitors: each text comes from somebody new, through the widget's own socket."""

import asyncio
import json
import statistics
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

import websockets
from django.conf import settings

PATIENCE_SECONDS = 120.0
ANSWER_SECONDS = 15.0


@dataclass(slots=True)
class Played:
    """What was sent, and what the server said of it."""

    sent: list[str] = field(default_factory=list)
    stored: set[str] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)

    def milliseconds(self, percent: int) -> float:
        """Return the time from sending to "stored" that this share of the messages kept."""
        if len(self.seconds) < 2:
            return round(1000 * sum(self.seconds), 1)
        return round(1000 * statistics.quantiles(self.seconds, n=100)[percent - 1], 1)


def play(texts: Iterable[str], *, public_id: str, visitors: int) -> Played:
    """Send each text as a new visitor's first message, so many at once."""
    return asyncio.run(_play(list(texts), public_id, visitors))


async def _play(texts: list[str], public_id: str, visitors: int) -> Played:
    played = Played()
    waiting = iter(texts)
    await asyncio.gather(*(_visit_all(waiting, public_id, played) for _each in range(visitors)))
    return played


async def _visit_all(waiting: Iterable[str], public_id: str, played: Played) -> None:
    for text in waiting:
        reference = str(uuid.uuid4())
        played.sent.append(reference)
        await _insist(text, reference, public_id, played)


async def _insist(text: str, reference: str, public_id: str, played: Played) -> None:
    """Go on like the widget does: come back and send the same reference until it is stored."""
    started = time.monotonic()
    token = ""
    while time.monotonic() - started < PATIENCE_SECONDS:
        try:
            token = await _visit(text, reference, public_id, token, played)
        except (OSError, TimeoutError, websockets.WebSocketException):
            await asyncio.sleep(0.5)
        if reference in played.stored:
            return


async def _visit(text: str, reference: str, public_id: str, token: str, played: Played) -> str:
    address = f"{settings.PUBLIC_URL.replace('http', 'ws', 1)}/live/visitor/{public_id}/"
    async with websockets.connect(address, origin=settings.PUBLIC_URL, compression=None) as socket:
        await _tell(socket, type="hello", language="zh", **({"token": token} if token else {}))
        welcome = await _hear(socket, "welcome")
        token = str(welcome.get("token") or token)
        sent_at = time.monotonic()
        await _tell(socket, type="message", client_ref=reference, text=text, attachments=[])
        answer = await _hear(socket, "stored", "error")
        if answer["type"] == "stored":
            played.stored.add(reference)
            played.seconds.append(time.monotonic() - sent_at)
        else:
            await asyncio.sleep(float(str(answer.get("retry_after", 1))))
    return token


async def _tell(socket: websockets.ClientConnection, **frame: object) -> None:
    await socket.send(json.dumps(frame, ensure_ascii=False))


async def _hear(socket: websockets.ClientConnection, *kinds: str) -> dict[str, object]:
    async with asyncio.timeout(ANSWER_SECONDS):
        while True:
            frame: dict[str, object] = json.loads(await socket.recv())
            if frame["type"] in kinds:
                return frame
            if frame["type"] == "error":
                raise TimeoutError(str(frame.get("code")))
