"""Feeds, as the core and the guided form in admin know them."""

from django.utils.translation import gettext_lazy as _

from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Feeds (RSS, Atom)"),
    icon="globe",
    # Every entry is a matter of its own.
    is_chat=False,
    guide=(
        _(
            "A notice to colleagues: each new entry of a feed becomes a conversation that can be"
            " routed, noted and resolved, and nobody is answered through it."
        ),
        _("Put the addresses of the feeds here, save, and test the connection."),
        _("What a feed shows when it is first read comes too, and waits for nobody."),
    ),
    settings=(
        SettingField(
            "feeds",
            _("Addresses of the feeds"),
            _("One on each line; at most 20."),
            kind="lines",
            required=True,
        ),
        SettingField(
            "every_minutes",
            _("Minutes between two looks"),
            kind="number",
            default=15,
        ),
    ),
)
