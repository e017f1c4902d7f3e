"""Weibo, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import longest_text, vendor_address
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Weibo private messages"),
    icon="chat",
    capabilities=frozenset({"attachments"}),
    guide=(
        _(
            "A door for customers: it takes private messages to a verified account and answers them."
        ),
        _(
            "At open.weibo.com apply for the fan service interface for your account, and take the"
            " app secret of the application."
        ),
        _("Authorize your account for the application, and take its access token and its user id."),
        _(
            "Save here, then paste the address for the vendor there as callback address of the fan"
            " service, with JSON as its format."
        ),
        _(
            "Weibo signs the time of a call and not what it says: tell nobody the address, and"
            " use https."
        ),
    ),
    settings=(
        SettingField(
            "account_id",
            _("User id of the account"),
            _("A number; what is for another account is left alone."),
            required=True,
        ),
        SettingField(
            "secret",
            _("App secret"),
            _("Weibo proves every call with it."),
            kind="secret",
            required=True,
        ),
        SettingField("access_token", _("Access token"), kind="secret", required=True),
        longest_text(300),
        vendor_address(),
        vendor_address("account_url", _("Address of the account interface")),
        vendor_address("files_url", _("Address of the files")),
    ),
)
