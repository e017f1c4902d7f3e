"""Discord, played on loopback."""

import json
import threading
from collections.abc import Callable, Mapping
from queue import Empty, Queue
from typing import Any, ClassVar

from django.utils import timezone
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from channels_app.adapters.discord import gateway
from channels_app.fake_vendor import PICTURE, Answer, Call
from channels_app.fake_wires import FakeWireVendor

API = "/api/v10"
TOKEN = "the-secret"  # noqa: S105  (of a bot that is played)
BOT, CHAT, ROOM, SERVER = (
    "80351110224678912",
    "319674150115610528",
    "290926798999357250",
    "41771983",
)

_FOR_GOOD = frozenset({1000, 1001})


class Vendor(FakeWireVendor):
    """Takes messages and files, each nonce once; tells on its gateway what is put there, from where one was."""

    addresses: ClassVar[Mapping[str, str]] = {"base_url": API}
    calls_us: ClassVar[bool] = False
    customer: ClassVar[str] = "53908232506183680"

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        self.heard: list[dict[str, object]] = []
        self.beats = 0
        self.interval_milliseconds = 45_000
        self.answers_beats = True
        self._told: list[str] = []
        self._is_over = False
        self._orders: Queue[str] = Queue()
        self._taken: dict[str, str] = {}
        self._lock = threading.Lock()

    def message(self, reference: str, *, text: str = "怎么退货?") -> bytes:
        return self.event("MESSAGE_CREATE", **self.written(reference, text)).encode()

    def written(self, reference: str, text: str = "", /, **facts: object) -> dict[str, object]:
        """Return a message of the customer; facts of None are left out."""
        author = {"id": self.customer, "username": "fang", "global_name": "王芳"}
        about = {
            "id": reference,
            "channel_id": CHAT,
            "author": author,
            "content": text,
            "timestamp": timezone.now().isoformat(),
            "type": 0,
            **facts,
        }
        return {name: value for name, value in about.items() if value is not None}

    def event(self, kind: str, /, **data: object) -> str:
        """Return an event as the gateway tells it."""
        sequence = len(self._told) + 1
        return json.dumps({"op": gateway.DISPATCH, "s": sequence, "t": kind, "d": data})

    def tell(self, kind: str, /, **data: object) -> None:
        """Tell an event to whoever listens, now or when they resume."""
        with self._lock:
            self._told.append(self.event(kind, **data))

    def order(self, kind: int, data: object = None) -> None:
        """Say something that is no event, such as to come back."""
        self._orders.put(json.dumps({"op": kind, "d": data}))

    def answer(self, call: Call) -> Answer:
        if call.path.startswith("/files/"):
            return Answer(200, PICTURE, {"content-type": "image/png"})
        if call.headers.get("authorization") != f"Bot {TOKEN}":
            return refused(0, "401: Unauthorized", status=401)
        if call.path == f"{API}/users/@me":
            return said(id=BOT, username="everydesk")
        if call.path == f"{API}/gateway/bot":
            return said(url=self.wire_address, shards=1)
        if call.path == f"{API}/users/@me/channels":
            return said(id=CHAT)
        if call.path.endswith("/messages"):
            return said(id=self._taken.setdefault(self._nonce(call), f"90{len(self._taken) + 1}"))
        return refused(0, "404: Not Found", status=404)

    def text_of(self, call: Call) -> str | None:
        if not call.path.endswith("/messages"):
            return None
        return str(self.values_of(call).get("content", ""))

    def values_of(self, call: Call) -> dict[str, object]:
        """Return what a message of ours says."""
        body = call.body
        if "multipart" in call.headers.get("content-type", ""):
            body = body.partition(b'name="payload_json"\r\n\r\n')[2].partition(b"\r\n--")[0]
        return dict(json.loads(body))

    def on_wire(self, wire: ServerConnection) -> None:
        hello = {"op": gateway.HELLO, "d": {"heartbeat_interval": self.interval_milliseconds}}
        wire.send(json.dumps(hello))
        first = json.loads(wire.recv(timeout=10))
        self.heard.append(first)
        if first["d"]["token"] != TOKEN:
            wire.close(4004)
            return
        if first["op"] == gateway.RESUME and self._is_over:
            wire.send(json.dumps({"op": gateway.INVALID, "d": False}))
            return
        try:
            self._talk(wire, self._begun(wire, first))
        except ConnectionClosed as error:
            # A session goes on unless whoever began it hangs up for good.
            last = error.rcvd.code if error.rcvd and error.rcvd_then_sent else None
            self._is_over = last in _FOR_GOOD
            raise

    def _talk(self, wire: ServerConnection, position: int) -> None:
        while True:
            while position < len(self._told):
                wire.send(self._told[position])
                position += 1
            try:
                wire.send(self._orders.get_nowait())
            except Empty:
                self._hear(wire)

    def _begun(
        self,
        wire: ServerConnection,
        first: dict[str, Any],  # Any: as json reads it
    ) -> int:
        """Begin a session, or go on with one; returns from where on it is told."""
        if first["op"] == gateway.RESUME:
            wire.send(json.dumps({"op": 0, "s": first["d"]["seq"], "t": "RESUMED", "d": {}}))
            return int(first["d"]["seq"])
        user = {"id": BOT, "username": "everydesk"}
        ready = {"session_id": "s-1", "resume_gateway_url": self.wire_address, "user": user}
        position = len(self._told)
        wire.send(json.dumps({"op": 0, "s": position, "t": "READY", "d": ready}))
        return position

    def _hear(self, wire: ServerConnection) -> None:
        try:
            heard = json.loads(wire.recv(timeout=0.05))
        except TimeoutError:
            return
        if heard["op"] == gateway.HEARTBEAT:
            self.beats += 1
            if self.answers_beats:
                wire.send(json.dumps({"op": gateway.ACKNOWLEDGED}))

    def _nonce(self, call: Call) -> str:
        return str(self.values_of(call)["nonce"])


def refused(code: int, message: str, *, status: int = 400, **facts: object) -> Answer:
    """Return how Discord says no."""
    return Answer(status, json.dumps({"code": code, "message": message, **facts}).encode())


def said(**found: object) -> Answer:
    """Return an answer of Discord."""
    return Answer(200, json.dumps(found).encode())
