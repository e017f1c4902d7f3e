"""The customer service of WeCom (微信客服), as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from channels_app.wechat.company import corp_id
from channels_app.wechat.setting_fields import aes_key, text_max, token
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("WeCom customer service"),
    icon="chat",
    capabilities=frozenset({"attachments"}),
    guide=(
        _("A door for customers: they write from WeChat to your customer service accounts."),
        _(
            "In the WeCom console open “Customer service of WeChat”, let the API manage the"
            " accounts, and take the secret there, or of your own app that may call it."
        ),
        _(
            "Fill in the callback there: the address for the vendor from here, a token and an"
            " EncodingAESKey. Save here first, with the same token and key."
        ),
        _("Put the addresses of this installation on the list of trusted addresses of the app."),
        _(
            "WeChat takes five answers within 48 hours after the customer last wrote. Sessions"
            " that a colleague took in WeCom itself are taken over when somebody answers here."
        ),
    ),
    settings=(
        corp_id(),
        SettingField(
            "app_secret", _("Secret of the customer service"), kind="secret", required=True
        ),
        token(),
        aes_key(),
        SettingField(
            "open_kfid",
            _("Account"),
            _("It begins with wk: from which is written where nobody has written first."),
        ),
        SettingField(
            "welcome",
            _("Welcome"),
            _("Said when somebody opens a session, at most once in 48 hours. Empty: nothing."),
        ),
        text_max(),
        vendor_address(),
    ),
)
