"""Settings that most kinds of channel have, as the guided form shows them."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from helpdesk.registries import SettingField


def vendor_address(name: str = "base_url", label: str | Promise = "") -> SettingField:
    """Return the field of an address of the vendor: empty is the vendor's own."""
    return SettingField(
        name,
        label or _("Address of the interface"),
        _("Empty: that of the vendor. Another one only for a stand-in or a gateway."),
    )


def longest_text(characters: int) -> SettingField:
    """Return the field of how long one message may be, where the vendor does not say it anywhere."""
    return SettingField(
        "text_max",
        _("Characters in one message"),
        _("A longer answer leaves in parts."),
        kind="number",
        default=characters,
    )
