"""Instagram, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Instagram"),
    icon="chat",
    capabilities=frozenset({"attachments", "read"}),
    guide=(
        _("Make your Instagram account a professional one, and allow access to its messages."),
        _(
            "In Meta for Developers open your app, add Instagram, and connect the account with one of"
            " the two logins; with the login of Facebook through its Page."
        ),
        _(
            "Generate the access token there: of the account, or of its Page with the login of"
            " Facebook. Take the ID of the Instagram account too."
        ),
        _("Take the app secret; the login of Instagram has one of its own."),
        _("Think of a verify token, and save here."),
        _(
            "Paste the address for the vendor and the verify token there under “Webhooks”, and"
            " subscribe to messages, messaging_postbacks, messaging_seen, message_edit and"
            " message_reactions."
        ),
        _("To answer everybody and not only testers, ask there for advanced access."),
    ),
    settings=(
        SettingField("account_id", _("Instagram account ID"), required=True),
        SettingField(
            "login",
            _("Login"),
            _("How the account is connected to the app; the access token belongs to it."),
            kind="choice",
            choices=(("facebook", _("Facebook, through a Page")), ("instagram", _("Instagram"))),
            default="facebook",
        ),
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
