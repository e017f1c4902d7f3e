"""The organization's own mobile app: the socket and the REST interface of `app_api` are its two ways in."""

from datetime import timedelta

from django.utils.translation import gettext as _

from channels_app import http, signatures
from channels_app.adapters.app import pushes
from channels_app.chat.adapter import ChatAdapter
from channels_app.chat.identity import keys_of, keys_text
from channels_app.chat.public_keys import BEGINNING
from channels_app.protocol import Capabilities, OutboundMessage, SendResult
from helpdesk.errors import ChannelError


class Adapter(ChatAdapter):
    """The adapter of an app."""

    capabilities = Capabilities(
        text_max=10_000,
        receipts=frozenset({"delivered", "read"}),
        typing_out=True,
        idempotent_send=True,
        # The token names the customer and the channel; TLS carries the body.
        body_signed=False,
        # A push may need a token first.
        longest_send=timedelta(seconds=2 * http.WHOLE_CALL_SECONDS),
    )

    def send(self, message: OutboundMessage) -> SendResult:
        if message.push is None:
            return super().send(message)
        pushes.send(self.config, message.push, message.client_ref)
        return SendResult()

    def push_services(self) -> frozenset[str]:
        return pushes.services_of(self.config)

    def test_connection(self) -> str:
        pushes.check_account(self.config)
        keys = keys_of(self.config.settings)
        pasted = keys_text(self.config.settings).count(BEGINNING)
        if pasted > len(keys):
            raise ChannelError(
                _(
                    "A public key cannot be used: each needs a line with its name above it, and RSA"
                    " has 2048 bits or more, EC the curve P-256."
                ),
                permanent=True,
            )
        self._check_signing()
        if not keys and not any(self.config.secrets):
            reason = _("Nobody can sign in: there is no secret and no public key.")
            raise ChannelError(reason, permanent=True)
        if not keys:
            return _("Ready: identities signed with the secret are accepted.")
        told = _("Ready. Public keys whose identities are accepted: %(count)s.")
        return told % {"count": len(keys)}

    def _check_signing(self) -> None:
        secret = self.config.named_secrets.get("request_secret", "")
        if self.config.settings.get("signed_requests") is True and not secret:
            reason = _("Requests are to be signed, and there is no secret for that.")
            raise ChannelError(reason, permanent=True)
        if secret and signatures.is_one_of(secret, self.config.secrets):
            reason = _("The secret in the app would let anybody sign identities: use another one.")
            raise ChannelError(reason, permanent=True)
