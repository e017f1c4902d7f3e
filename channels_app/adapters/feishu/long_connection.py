"""Feishu's long connection: events in frames over a websocket, each answered once it is stored.

https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/request-url-configuration-case.
The frames themselves are described nowhere but in their kits (https://github.com/larksuite/oapi-sdk-python).
How long to wait before the next attempt is for the line to say, as of every vendor.
"""

import json
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from channels_app.adapters.feishu.frames import CONTROL, DATA, Frame
from channels_app.adapters.feishu.reading import read_events
from channels_app.json_fields import MOST_BYTES, Fields, read_object
from channels_app.protocol import BadPayload, Line
from channels_app.wires import Wire

PATH = "/callback/ws/endpoint"
STEP_SECONDS = 1.0
# How often they want to hear of us, unless they say so themselves.
PING_SECONDS = 120
LEAST_PING_SECONDS, MOST_PING_SECONDS = 5, 600
# Events that wait for the rest of them, and how many frames one may have.
MOST_UNFINISHED = 8
MOST_PARTS = 100
PING, PONG, EVENT, CARD = "ping", "pong", "event", "card"
_DONE = json.dumps({"code": 200}).encode()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a connection is opened, who answers there, and how often they want to hear of us."""

    url: str
    service: int
    ping_seconds: int


def endpoint_of(answer: Fields) -> Endpoint:
    """Return what Feishu answers who wants a connection. Raises BadPayload."""
    data = answer.fields("data")
    url = data.identifier("URL", 4000, required=True)
    service = parse_qs(urlsplit(url).query).get("service_id", [""])[0]
    if not service.isascii() or not service.isdecimal() or len(service) > 9:
        raise data.refuse("URL", "names no service")
    return Endpoint(url, int(service), _ping_seconds(data.fields("ClientConfig"), PING_SECONDS))


class Connection:
    """One connection: takes what comes, answers it, and says time and again that it is there."""

    def __init__(self, wire: Wire, line: Line, endpoint: Endpoint) -> None:
        self._wire, self._line, self._endpoint = wire, line, endpoint
        self._ping_seconds = endpoint.ping_seconds
        self._pinged_at = 0.0
        self._parts = Parts()

    def follow(self) -> None:
        """Take what comes while the line is wanted. Raises WireClosed."""
        while self._line.is_wanted():
            self._ping()
            told = self._wire.receive(STEP_SECONDS)
            if told is not None:
                self._take(told.encode("utf-8", "replace") if isinstance(told, str) else told)

    def _ping(self) -> None:
        now = time.monotonic()
        if not self._pinged_at or now - self._pinged_at >= self._ping_seconds:
            self._pinged_at = now
            frame = Frame.made(CONTROL, self._endpoint.service, {"type": PING})
            self._wire.send(frame.written())

    def _take(self, raw: bytes) -> None:
        began = time.monotonic()
        try:
            frame = Frame.read(raw)
            if frame.method == CONTROL:
                self._heed(frame)
            body = self._parts.joined(frame) if frame.method == DATA else None
        except BadPayload as error:
            # Nobody can answer it: it comes again, or never mattered.
            self._line.unreadable(raw, reason=str(error.message))
            return
        if body is None:
            return
        if frame.headers.get("type") in {EVENT, CARD}:
            self._keep(body)
        took = str(round((time.monotonic() - began) * 1000))
        self._wire.send(frame.answered(_DONE, biz_rt=took))

    def _heed(self, frame: Frame) -> None:
        """Ping as often as they say."""
        if frame.headers.get("type") == PONG and frame.payload:
            self._ping_seconds = _ping_seconds(read_object(frame.payload), self._ping_seconds)

    def _keep(self, body: bytes) -> None:
        try:
            events = read_events(read_object(body))
        except BadPayload as error:
            self._line.unreadable(body, reason=str(error.message))
        else:
            self._line.take(body, events)


class Parts:
    """Events that come in several frames; what stays unfinished is forgotten, and comes again unanswered."""

    def __init__(self) -> None:
        self._unfinished: dict[str, dict[int, bytes]] = {}

    def joined(self, frame: Frame) -> bytes | None:
        """Return the event that a frame holds or completes; None where more of it has to come.

        Raises BadPayload.
        """
        most, at = _count(frame, "sum", 1), _count(frame, "seq", 0)
        if most <= 1:
            return frame.payload
        if at >= most or most > MOST_PARTS:
            raise BadPayload("frame: there is no such part")
        name = f"{most} {frame.headers.get('message_id', '')}"
        parts = self._unfinished.setdefault(name, {})
        parts[at] = frame.payload
        if sum(map(len, parts.values())) > MOST_BYTES:
            del self._unfinished[name]
            raise BadPayload("frame: its event is too large")
        if len(parts) == most:
            del self._unfinished[name]
            return b"".join(parts[each] for each in range(most))
        if len(self._unfinished) > MOST_UNFINISHED:
            del self._unfinished[next(iter(self._unfinished))]
        return None


def _count(frame: Frame, name: str, default: int) -> int:
    written = frame.headers.get(name) or str(default)
    if not written.isascii() or not written.isdecimal() or len(written) > 4:
        raise BadPayload(f"frame: {name} is no number")
    return int(written)


def _ping_seconds(config: Fields, default: int) -> int:
    found = config.number("PingInterval") or default
    return min(max(found, LEAST_PING_SECONDS), MOST_PING_SECONDS)
