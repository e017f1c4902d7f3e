"""Douyin, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import longest_text, vendor_address
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Douyin private messages"),
    icon="chat",
    capabilities=frozenset({"attachments"}),
    guide=(
        _(
            "A door for customers: it takes private messages to a company's account and answers"
            " them."
        ),
        _(
            "At open.douyin.com create a web application for your company, and apply for the"
            " capability of private messages in the capability lab; Douyin decides about it."
        ),
        _("Take the client key and the client secret of the application."),
        _(
            "Have your account authorize the application, and take its open id and its refresh"
            " token."
        ),
        _(
            "Save here, then paste the address for the vendor there under Webhooks, and subscribe"
            " to what is received, sent and recalled in private messages."
        ),
    ),
    settings=(
        SettingField("client_key", _("Client key"), required=True),
        SettingField(
            "secret",
            _("Client secret"),
            _("Douyin signs every call with it."),
            kind="secret",
            required=True,
        ),
        SettingField("account_id", _("Open id of the account"), required=True),
        SettingField("refresh_token", _("Refresh token"), kind="secret", required=True),
        longest_text(500),
        SettingField(
            "scene",
            _("Scene of an answer"),
            _("What Douyin calls an answer to a message."),
            default="im_reply_msg",
        ),
        vendor_address(),
    ),
)
