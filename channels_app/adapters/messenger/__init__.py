"""Facebook Messenger, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Messenger"),
    icon="chat",
    capabilities=frozenset({"attachments", "delivered", "read"}),
    guide=(
        _("In Meta for Developers open your app and add the product Messenger."),
        _(
            "Connect your Facebook Page there, generate its access token, and take the ID of the Page"
            " beside it."
        ),
        _("Take the app secret from “App settings”, “Basic”."),
        _("Think of a verify token, and save here."),
        _(
            "Paste the address for the vendor and the verify token there under “Webhooks”, and"
            " subscribe the Page to messages, messaging_postbacks, message_echoes, message_edits,"
            " message_deliveries, message_reads and message_reactions."
        ),
        _("To answer everybody and not only testers, ask there for advanced access."),
    ),
    settings=(
        SettingField("page_id", _("Page ID"), required=True),
        SettingField(
            "secret",
            _("App secret"),
            _("Meta signs every call with it."),
            kind="secret",
            required=True,
        ),
        SettingField("access_token", _("Access token"), kind="secret", required=True),
        SettingField(
            "verify_token",
            _("Verify token"),
            _("Any text of your own; Meta shows it when it checks the address."),
            kind="secret",
            required=True,
        ),
        SettingField(
            "human_agent",
            _("People answer within seven days"),
            _("Only where Meta has allowed the app “Human Agent”; otherwise within 24 hours."),
            kind="boolean",
        ),
        SettingField(
            "base_url",
            _("Address of the interface"),
            _(
                "Empty: that of Meta. Another one only for another version, a stand-in or a gateway;"
                " with the version at its end."
            ),
        ),
    ),
)
