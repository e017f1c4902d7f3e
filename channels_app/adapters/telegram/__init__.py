"""Telegram, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Telegram"),
    icon="chat",
    capabilities=frozenset({"attachments"}),
    guide=(
        _("In Telegram write /newbot to @BotFather, and take the token of the new bot."),
        _(
            "For groups: write /setprivacy to @BotFather and disable it, so that the bot reads"
            " everything that is said; then add the bot to the group."
        ),
        _("Make up a secret; Telegram shows it with every call."),
        _(
            "Save here, then test the connection: that tells Telegram the address and the secret,"
            " in the place of any address it called before. Test again after each change of them."
        ),
    ),
    settings=(
        SettingField(
            "secret",
            _("Secret of the calls"),
            _("Up to 256 letters, digits, hyphens and underscores, for this channel only."),
            kind="secret",
            required=True,
        ),
        SettingField("bot_token", _("Bot token"), kind="secret", required=True),
        SettingField(
            "fetches",
            _("Fetch messages instead of being called"),
            _("For an installation that Telegram cannot reach; every few seconds."),
            kind="boolean",
            default=False,
        ),
        SettingField(
            "base_url",
            _("Address of the interface"),
            _("Empty: that of Telegram. Another one only for a Bot API server of your own."),
        ),
    ),
)
