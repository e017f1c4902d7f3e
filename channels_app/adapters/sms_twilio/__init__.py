"""SMS by Twilio, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("SMS (Twilio)"),
    icon="phone",
    capabilities=frozenset({"attachments", "delivered", "phone_numbers"}),
    guide=(
        _("In the Twilio console take the account SID and the auth token from the front page."),
        _("Buy a number that can send messages, or use the SID of a messaging service."),
        _(
            "Save here, then paste the address for the vendor there as the webhook of incoming"
            " messages, by HTTP POST, at the number or at the messaging service."
        ),
        _(
            "Twilio itself answers STOP and HELP; whoever has sent STOP gets nothing more until"
            " they send START."
        ),
    ),
    settings=(
        SettingField("account_sid", _("Account SID"), required=True),
        SettingField(
            "secret",
            _("Auth token"),
            _("Twilio signs every call with it, and knows us by it."),
            kind="secret",
            required=True,
        ),
        SettingField(
            "sender",
            _("Number or messaging service"),
            _("A number such as +14155550100, or the SID of a messaging service (MG…)."),
            required=True,
        ),
        SettingField(
            "sends_media",
            _("Send files as MMS"),
            _("Only numbers of some countries can. Otherwise files leave as links."),
            kind="boolean",
            default=False,
        ),
        vendor_address(),
    ),
)
