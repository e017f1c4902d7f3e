"""LINE, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("LINE"),
    icon="chat",
    capabilities=frozenset({"attachments"}),
    guide=(
        _(
            "In the LINE Developers console open your provider, and there the channel of kind"
            " Messaging API of your official account."
        ),
        _("Take the channel secret from “Basic settings”."),
        _("Issue a long-lived channel access token under “Messaging API”."),
        _("Save here, then paste the address for the vendor there as webhook URL."),
        _("Switch on “Use webhook” and “Webhook redelivery”, and switch off auto-reply messages."),
    ),
    settings=(
        SettingField(
            "secret",
            _("Channel secret"),
            _("LINE signs every call with it."),
            kind="secret",
            required=True,
        ),
        SettingField("access_token", _("Channel access token"), kind="secret", required=True),
        vendor_address(),
        vendor_address("data_url", _("Address of the files")),
    ),
)
