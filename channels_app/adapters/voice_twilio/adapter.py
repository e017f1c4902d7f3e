"""Phone calls through Twilio Voice (https://www.twilio.com/docs/voice)."""

from urllib.parse import urlencode

from django.conf import settings
from django.utils.translation import gettext as _

from channels_app.adapters.voice_twilio import directing
from channels_app.adapters.voice_twilio.reading import NUMBER, read_events
from channels_app.exchange import CallStanding, CallWish
from channels_app.protocol import (
    Attachment,
    BadPayload,
    Capabilities,
    ChannelConfig,
    Event,
    HttpReply,
    OutboundMessage,
    RawRequest,
    SendError,
    SendResult,
)
from channels_app.twilio import Account, read_form
from helpdesk.errors import ChannelError

_RING_SECONDS = 30


class Adapter:
    """The adapter of one number of a Twilio account that takes calls."""

    capabilities = Capabilities(attachments=False)

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.account = Account(config)

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return None

    def verify(self, request: RawRequest) -> None:
        self.account.verify(request)

    def parse(self, request: RawRequest) -> list[Event]:
        return read_events(request, confirms=directing.confirms(self.config))

    def call_in(self, request: RawRequest) -> tuple[str, str]:
        query = dict(request.query)
        return query.get("call") or _form(request).get("CallSid", ""), query.get("ref", "")

    def direct(self, request: RawRequest, standing: CallStanding) -> HttpReply:
        return directing.Director(self.config, request, _form(request), standing).answer()

    def place(self, wish: CallWish) -> str:
        form = [
            ("To", wish.colleague),
            ("From", self._number()),
            ("Url", self._address("connect", wish)),
            ("Method", "POST"),
            ("StatusCallback", self._address("status", wish)),
            ("StatusCallbackMethod", "POST"),
            *(("StatusCallbackEvent", each) for each in ("ringing", "answered", "completed")),
            ("Timeout", str(_RING_SECONDS)),
        ]
        answer = self.account.ask("POST", "/Calls.json", form)
        try:
            return answer.identifier("sid", required=True)
        except BadPayload as error:
            reason = _("What answers there is not Twilio.")
            raise SendError(reason, kind="server", ambiguous=True) from error

    def send(self, message: OutboundMessage) -> SendResult:
        raise SendError(
            _(
                "A phone takes nothing in writing: choose the channel that its answers leave through."
            ),
            kind="undeliverable",
        )

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        return self.account.fetch(attachment)

    def test_connection(self) -> str:
        name, number = self.account.look(), self._number()
        try:
            found = self.account.ask(
                "GET", f"/IncomingPhoneNumbers.json?{urlencode({'PhoneNumber': number})}"
            ).each("incoming_phone_numbers", 100)
            ours = [each.text("voice_url", 2000) for each in found]
        except BadPayload as error:
            raise ChannelError(_("What answers there is not Twilio."), permanent=True) from error
        if not ours:
            reason = _("The account has no number %(number)s.") % {"number": number}
            raise ChannelError(reason, permanent=True)
        if self._here not in ours:
            return _(
                "Ready to call: Twilio knows the account as %(name)s. Calls do not come in yet: at the number"
                " Twilio has another address than this channel's."
            ) % {"name": name}
        return _("Ready: Twilio knows the account as %(name)s.") % {"name": name}

    @property
    def _here(self) -> str:
        return f"{settings.PUBLIC_URL}/channels/{self.config.public_id}/"

    def _address(self, step: str, wish: CallWish) -> str:
        return f"{self._here}?{urlencode({'step': step, 'ref': wish.reference, 'staff': wish.staff_id})}"

    def _number(self) -> str:
        number = str(self.config.settings.get("number") or "").strip()
        if not NUMBER.fullmatch(number):
            raise SendError(_("There is no number to call from yet."), kind="auth")
        return number


def _form(request: RawRequest) -> dict[str, str]:
    """Return the form of a request; empty where it is none, and is kept for people to look at."""
    try:
        form = read_form(request.body)
        return {name: form.text(name, 2000) for name in form.names()}
    except BadPayload:
        return {}
