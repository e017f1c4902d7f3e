"""Phone calls through an Asterisk of one's own: its events come over a line that we open."""

import time

from django.utils.translation import gettext as _

from channels_app.adapters.voice_asterisk.ari import Interface, event_of
from channels_app.adapters.voice_asterisk.attending import Attendant
from channels_app.exchange import CallLine, CallWish
from channels_app.protocol import (
    Attachment,
    BadPayload,
    Capabilities,
    ChannelConfig,
    OutboundMessage,
    SendError,
    SendResult,
)
from channels_app.uncalled import Uncalled
from channels_app.wires import open_wire
from helpdesk.phones import e164

_TICK_SECONDS = 1.0
_RING_SECONDS = "30"


class Adapter(Uncalled):
    """The adapter of one application of an Asterisk."""

    capabilities = Capabilities(attachments=False)

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.ari = Interface(config)

    @property
    def has_line(self) -> bool:
        return bool(self.ari.setting("base_url") and self.ari.setting("username"))

    def listen(self, line: CallLine) -> None:
        with open_wire(self.ari.wire_address, headers=self.ari.headers()) as wire:
            attendant = Attendant(self.ari, line)
            # What happened while nobody listened is told by what is still there.
            attendant.resume()
            line.works()
            looked_at = time.monotonic()
            while line.is_wanted():
                message = wire.receive(_TICK_SECONDS)
                if message is not None:
                    _heard(attendant, message)
                if time.monotonic() - looked_at >= _TICK_SECONDS:
                    attendant.tick()
                    looked_at = time.monotonic()

    def place(self, wish: CallWish) -> str:
        return self.ari.created(
            "/channels",
            endpoint=self.ari.endpoint(wish.colleague),
            app=self.ari.app,
            appArgs=f"ours,{wish.reference},{wish.staff_id}",
            timeout=_RING_SECONDS,
            callerId=self._number(),
        )

    def send(self, message: OutboundMessage) -> SendResult:
        raise SendError(
            _(
                "A phone takes nothing in writing: choose the channel that its answers leave through."
            ),
            kind="undeliverable",
        )

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        return self.ari.fetch(attachment.url, attachment.mime)

    def test_connection(self) -> str:
        version = self.ari.look()
        self._number()
        return _("Ready: Asterisk %(version)s answers.") % {"version": version}

    def _number(self) -> str:
        number = e164(self.ari.setting("number"), self.ari.setting("region").upper())
        if not number:
            raise SendError(_("There is no number to call from yet."), kind="auth")
        return number


def _heard(attendant: Attendant, message: str | bytes) -> None:
    raw = message if isinstance(message, bytes) else message.encode()
    try:
        event = event_of(raw)
    except BadPayload:
        # Nothing of a call: Asterisk reports much that is not ours.
        return
    attendant.hear(raw, event)
