"""The customer service of a WeChat mini program, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from channels_app.wechat.setting_fields import aes_key, text_max, token
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("WeChat mini program"),
    icon="chat",
    capabilities=frozenset({"attachments"}),
    guide=(
        _("A door for customers: they write from a button of your mini program (contact)."),
        _(
            "In the console of the mini program open “Development management”, and take the app id"
            " and the app secret."
        ),
        _(
            "Switch on the message push there: the address for the vendor from here, a token that"
            " you make up, and an EncodingAESKey. Choose safe mode; JSON and XML are both read."
        ),
        _("Save here first, with the same token and key; then save there."),
        _("WeChat takes five answers within 48 hours after the customer last wrote."),
    ),
    settings=(
        SettingField("app_id", _("App id"), _("It begins with wx."), required=True),
        SettingField("app_secret", _("App secret"), kind="secret", required=True),
        token(),
        aes_key(),
        text_max(),
        vendor_address(),
    ),
)
