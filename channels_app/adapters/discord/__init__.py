"""Discord, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Discord"),
    icon="chat",
    capabilities=frozenset({"attachments"}),
    guide=(
        _(
            "A door for customers: whoever is on a server with your bot can write to it in private,"
            " or mention it in a channel of the server."
        ),
        _("In the Discord developer portal make an application, and take the token under “Bot”."),
        _("Switch on “Message Content Intent” there."),
        _(
            "Under “OAuth2” make an address with the scope bot and the permissions View Channels,"
            " Send Messages, Attach Files and Read Message History, and open it to bring the bot"
            " onto your server."
        ),
        _(
            "Save here, then test the connection. The connector fetches the messages itself: there"
            " is no address to paste there."
        ),
    ),
    settings=(
        SettingField("secret", _("Bot token"), kind="secret", required=True),
        SettingField(
            "every_message",
            _("Every message of a server counts"),
            _("Otherwise only those that mention the bot or answer it, and private ones."),
            kind="boolean",
            default=False,
        ),
        vendor_address(),
    ),
)
