"""Instagram, played on loopback."""

from collections.abc import Mapping
from typing import ClassVar

from channels_app.meta_fake import MessagingVendor


class Vendor(MessagingVendor):
    """A professional account and one person who writes to it."""

    product: ClassVar[str] = "instagram"
    account: ClassVar[str] = "17841400008460056"
    customer: ClassVar[str] = "526072843121"
    # The token says as whom.
    sends_as: ClassVar[str] = "me"
    unknown: ClassVar[tuple[bytes, ...]] = (
        b'{"object":"instagram","entry":[]}',
        b'{"object":"instagram","entry":[{"id":"1","changes":[{"field":"comments","value":{}}]}]}',
        b'{"object":"instagram","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"referral":{}}]}]}',
        b'{"object":"page","entry":[{"id":"1","messaging":[{"message":{"mid":"m"}}]}]}',
    )

    @property
    def settings(self) -> dict[str, object]:
        found: Mapping[str, object] = super().settings
        return {**found, "account_id": self.account}
