"""Reviews of Google Play, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import longest_text, vendor_address
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Reviews on Google Play"),
    icon="star",
    # Time to think again before everybody reads it.
    hold_seconds=30,
    guide=(
        _(
            "A door for customers: reviews of your app become conversations, and answers stand"
            " below them for everybody to read."
        ),
        _(
            "In the Google Cloud console switch on the Google Play Android Developer API, create a"
            " service account and a key of it in JSON."
        ),
        _(
            "In the Play Console invite the service account as a user, and let it reply to reviews"
            " of your app."
        ),
        _("Paste the whole file of the key here, save, and test the connection."),
        _("Google shows reviews of the last seven days that have a text."),
    ),
    settings=(
        SettingField("package", _("Package name"), _("Such as com.example.app."), required=True),
        SettingField(
            "service_account",
            _("Key of the service account"),
            _("The whole file in JSON."),
            kind="secret",
            required=True,
        ),
        longest_text(350),
        vendor_address(),
        vendor_address("token_url", _("Address that gives tokens")),
    ),
)
