"""A played vendor that also takes websockets, on a port of its own."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import ClassVar, Self
from uuid import uuid4

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from channels_app.fake_vendor import Call, FakeVendor
from channels_app.protocol import ChannelConfig


class FakeWireVendor(FakeVendor):
    """Serves calls as every vendor does, and hands each websocket to `on_wire`."""

    # Settings of the channel that lead to the websocket, each with the path below its address.
    wire_addresses: ClassVar[Mapping[str, str]] = {}

    def __enter__(self) -> Self:
        super().__enter__()
        self.wires: list[ServerConnection] = []
        self._wire_server: Server = serve(self._serve_wire, "127.0.0.1", 0)
        self.wire_port = int(self._wire_server.socket.getsockname()[1])
        threading.Thread(target=self._wire_server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hang_up()
        self._wire_server.shutdown()
        super().__exit__(kind, error, trace)

    @property
    def wire_address(self) -> str:
        """The address of the websocket, without a path."""
        return f"ws://127.0.0.1:{self.wire_port}"

    @property
    def settings(self) -> dict[str, object]:
        if not hasattr(self, "wire_port"):
            return super().settings
        lead = {name: f"{self.wire_address}{path}" for name, path in self.wire_addresses.items()}
        return {**super().settings, **lead}

    def hang_up(self, code: int = 1001) -> None:
        """Close every open websocket."""
        for wire in list(self.wires):
            wire.close(code)

    def on_wire(self, wire: ServerConnection) -> None:
        """Talk with one websocket until it is closed; `wires` holds those that are open."""
        raise NotImplementedError

    def _serve_wire(self, wire: ServerConnection) -> None:
        self.wires.append(wire)
        try:
            self.on_wire(wire)
        except ConnectionClosed:
            pass
        finally:
            self.wires.remove(wire)


class FakeStreamVendor(FakeWireVendor):
    """Calls us, or tells the same over a websocket while somebody holds one, and again until it is answered."""

    # How long it waits for the answer to what it told.
    patience_seconds: ClassVar[float] = 10.0

    def __init__(self, port: int = 0, took: Callable[[Call], None] | None = None) -> None:
        super().__init__(port, took)
        # What is to be told, each with what kind of thing it is.
        self.streamed: deque[tuple[str, bytes]] = deque()
        # The answers to it.
        self.acknowledged: list[dict[str, object]] = []

    def begin(self) -> None:
        super().begin()
        self.streamed.clear()
        self.acknowledged.clear()

    def stream(self, body: bytes, kind: str = "") -> None:
        """Put something on the line, for whoever holds it now or next."""
        self.streamed.append((kind, body))

    def says(self, address: str, config: ChannelConfig, text: str) -> int:
        if not self.wires:
            return super().says(address, config, text)
        self.stream(self.message(uuid4().hex, text=text))
        return 200

    def greet(self, wire: ServerConnection) -> None:
        """Say what is said first."""

    def tell(self, wire: ServerConnection, kind: str, body: bytes) -> bool:
        """Tell one thing and take the answer to it; tells whether the line goes on."""
        raise NotImplementedError

    def hear(self, told: str | bytes) -> None:
        """Take what is said without being asked, such as a sign of life."""

    def on_wire(self, wire: ServerConnection) -> None:
        self.greet(wire)
        goes_on = True
        while goes_on:
            try:
                kind, body = self.streamed.popleft()
            except IndexError:
                self._listen(wire)
                continue
            try:
                goes_on = self.tell(wire, kind, body)
            except (ConnectionClosed, TimeoutError):
                # Nobody has answered: it comes again.
                self.streamed.appendleft((kind, body))
                return

    def _listen(self, wire: ServerConnection) -> None:
        with suppress(TimeoutError):
            self.hear(wire.recv(timeout=0.05))
