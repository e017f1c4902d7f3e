"""Asterisk's ARI, played on loopback: a REST interface that remembers, and events over a websocket."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from websockets.sync.server import ServerConnection

from channels_app.fake_vendor import Answer, Call
from channels_app.fake_wires import FakeWireVendor

NUMBER = "+8675512345678"
# A second of silence, eight thousand samples of sixteen bits.
SOUND = (
    b"RIFF\xa4\x3e\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00"
    b"\x02\x00\x10\x00data\x80\x3e\x00\x00" + bytes(16_000)
)


class Vendor(FakeWireVendor):
    """One Asterisk whose calls run into our application."""

    addresses: ClassVar[Mapping[str, str]] = {"base_url": "/ari"}
    wire_addresses: ClassVar[Mapping[str, str]] = {"events_url": "/ari/events"}
    facts: ClassVar[Mapping[str, object]] = {
        "username": "everydesk",
        "outside": "PJSIP/{number}@trunk",
        "number": NUMBER,
    }
    calls_us: ClassVar[bool] = False
    has_words: ClassVar[bool] = False
    takes_answers: ClassVar[bool] = False
    customer: ClassVar[str] = "+8613800138000"

    def __enter__(self) -> "Vendor":
        # The channels that there are.
        self.channels: set[str] = set()
        super().__enter__()
        return self

    def message(self, reference: str, *, text: str = "") -> bytes:
        return self.event("StasisStart", reference, args=[])

    def event(self, kind: str, channel_id: str, **facts: Any) -> bytes:  # Any: values of JSON
        """Return an event about a channel."""
        caller = {"number": self.customer, "name": ""}
        channel = {"id": channel_id, "state": "Up", "caller": caller}
        return json.dumps({"type": kind, "channel": channel, **facts}).encode()

    def says_event(self, kind: str, channel_id: str, **facts: Any) -> None:  # Any: values of JSON
        """Report an event over every line."""
        if kind == "StasisStart":
            self.channels.add(channel_id)
        if kind == "ChannelDestroyed":
            self.channels.discard(channel_id)
        for wire in list(self.wires):
            wire.send(self.event(kind, channel_id, **facts).decode())

    def on_wire(self, wire: ServerConnection) -> None:
        for _message in wire:
            pass

    def answer(self, call: Call) -> Answer:
        if not call.headers.get("authorization", "").startswith("Basic "):
            return Answer(401, b"{}")
        path = call.path.removeprefix("/ari")
        if path == "/asterisk/info":
            return Answer(200, json.dumps({"system": {"version": "22.1.0"}}).encode())
        if path == "/channels" and call.method == "GET":
            listed = [{"id": each} for each in sorted(self.channels)]
            return Answer(200, json.dumps(listed).encode())
        if path == "/channels":
            made = call.query.get("channelId") or f"ours-{len(self.calls)}"
            self.channels.add(made)
            return Answer(200, json.dumps({"id": made}).encode())
        if path.startswith("/recordings/stored/"):
            return Answer(200, SOUND, {"content-type": "audio/x-wav"})
        return Answer(200, b"{}")

    def text_of(self, call: Call) -> str | None:
        return None
