"""A WeChat official account, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from channels_app.wechat.setting_fields import aes_key, text_max, token
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("WeChat official account"),
    icon="chat",
    capabilities=frozenset({"attachments"}),
    guide=(
        _("A door for customers: they write to your official account, and are answered there."),
        _(
            "In the WeChat console open “Basic configuration”, and take the app id and the app"
            " secret. Put the addresses of this installation on the list of allowed addresses."
        ),
        _(
            "Fill in the server configuration: the address for the vendor from here, a token that"
            " you make up, and an EncodingAESKey. Choose safe mode: other calls are refused."
        ),
        _("Save here first, with the same token and key; then save there, and switch it on."),
        _(
            "WeChat takes five answers within 48 hours after the customer last wrote. Switch off"
            " other customer service tools of the account, so that they do not use them up."
        ),
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
