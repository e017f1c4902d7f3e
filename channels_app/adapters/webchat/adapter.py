"""Web chat: our own widget on any page.

Browsers speak over the visitor socket; the embedding site's server may also post a message for a
visitor whom it signs for.
"""

from django.utils.translation import gettext

from channels_app.chat.adapter import ChatAdapter
from channels_app.protocol import Capabilities


class Adapter(ChatAdapter):
    """The adapter of the widget."""

    capabilities = Capabilities(
        text_max=10_000,
        receipts=frozenset({"delivered", "read"}),
        typing_out=True,
        idempotent_send=True,
        # The token names the visitor and the channel; TLS carries the body.
        body_signed=False,
    )

    def test_connection(self) -> str:
        return gettext("Ready: paste the tag into a page and write the first message.")
