"""Vendors that call nobody: what happened there is fetched, or comes by a line that is opened from here."""

from channels_app.protocol import BadPayload, BadSignature, Event, HttpReply, RawRequest

_REASON = "Nobody calls us for a channel of this kind"


class Uncalled:
    """What an adapter of such a vendor answers to whoever calls all the same."""

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        raise BadSignature(_REASON)

    def parse(self, request: RawRequest) -> list[Event]:
        raise BadPayload(_REASON)
