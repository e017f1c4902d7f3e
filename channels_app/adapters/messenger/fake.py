"""Messenger, played on loopback."""

from collections.abc import Mapping
from typing import ClassVar

from channels_app.meta_fake import MessagingVendor


class Vendor(MessagingVendor):
    """A Page and one person who writes to it."""

    unknown: ClassVar[tuple[bytes, ...]] = (
        b'{"object":"page","entry":[]}',
        b'{"object":"page","entry":[{"id":"1","changes":[{"field":"feed","value":{"item":"like"}}]}]}',
        b'{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"optin":{}}]}]}',
        b'{"object":"instagram","entry":[{"id":"1","messaging":[{"message":{"mid":"m"}}]}]}',
    )

    @property
    def settings(self) -> dict[str, object]:
        found: Mapping[str, object] = super().settings
        return {**found, "page_id": self.account}
