"""A played vendor that also takes websockets, on a port of its own."""

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import ClassVar, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from channels_app.fake_vendor import FakeVendor


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
