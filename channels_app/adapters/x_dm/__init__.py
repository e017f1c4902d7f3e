"""Direct messages of X, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import longest_text, vendor_address
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("X direct messages"),
    icon="chat",
    capabilities=frozenset({"attachments", "read"}),
    guide=(
        _("A door for customers: it takes direct messages to your account and answers them."),
        _(
            "In the developer portal of X create a project and an app, with a plan that includes"
            " webhooks and direct messages."
        ),
        _("Take the API key secret of the app, and the client id and client secret of OAuth 2.0."),
        _(
            "Authorize your account for the app with the scopes dm.read, dm.write, users.read,"
            " tweet.read and offline.access, and take its user id and its refresh token."
        ),
        _(
            "Save here, then register the address for the vendor as webhook of the app, and"
            " subscribe your account to it. The address must be https and name no port."
        ),
    ),
    settings=(
        SettingField("account_id", _("User id of the account"), required=True),
        SettingField(
            "secret",
            _("API key secret"),
            _("X signs every call with it."),
            kind="secret",
            required=True,
        ),
        SettingField("client_id", _("Client id"), required=True),
        SettingField("client_secret", _("Client secret"), kind="secret"),
        SettingField("refresh_token", _("Refresh token"), kind="secret", required=True),
        longest_text(10_000),
        vendor_address(),
    ),
)
