"""Reviews of the App Store, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import longest_text, vendor_address
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Reviews in the App Store"),
    icon="star",
    # Time to think again before everybody reads it.
    hold_seconds=30,
    guide=(
        _(
            "A door for customers: reviews of your app become conversations, and answers stand"
            " below them for everybody to read."
        ),
        _(
            "In App Store Connect, under users and access, create a team key for the App Store"
            " Connect API with the role customer support."
        ),
        _("Take the issuer id, the id of the key and its file (.p8), which Apple shows once."),
        _("Take the Apple id of your app from its page: a number."),
        _("Save here, and test the connection. Apple publishes an answer after some time."),
    ),
    settings=(
        SettingField("app_id", _("Apple id of the app"), required=True),
        SettingField("issuer_id", _("Issuer id"), required=True),
        SettingField("key_id", _("Id of the key"), required=True),
        SettingField(
            "private_key",
            _("Key"),
            _("The whole text of the file (.p8)."),
            kind="secret",
            required=True,
        ),
        longest_text(5970),
        vendor_address(),
    ),
)
