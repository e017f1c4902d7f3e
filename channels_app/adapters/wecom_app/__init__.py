"""An app inside a company's WeCom, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from channels_app.wechat.company import corp_id
from channels_app.wechat.setting_fields import aes_key, text_max, token
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("WeCom app"),
    icon="chat",
    capabilities=frozenset({"attachments", "colleagues"}),
    guide=(
        _(
            "Both: colleagues are told of their customers' messages in WeCom and answer there;"
            " everybody else in the company writes as a customer, for example to the IT desk."
        ),
        _(
            "In the WeCom console make an app of your own under “App management”, visible to all"
            " who use it, and take its agent id and its secret."
        ),
        _(
            "Under “Receive messages” fill in the address for the vendor from here, a token and an"
            " EncodingAESKey. Save here first, with the same token and key."
        ),
        _("Put the addresses of this installation on the list of trusted addresses of the app."),
        _("WeCom takes 30 messages a minute to one person and drops the others without a word."),
    ),
    settings=(
        corp_id(),
        SettingField("agent_id", _("Agent id"), _("A number."), required=True),
        SettingField("app_secret", _("Secret of the app"), kind="secret", required=True),
        token(),
        aes_key(),
        SettingField(
            "colleagues",
            _("Colleagues"),
            _("One in each line: the id in WeCom, a space, and the mail address of signing in."),
            kind="lines",
        ),
        SettingField(
            "notices",
            _("Colleagues are told"),
            kind="choice",
            choices=(
                ("away", _("while no screen of theirs is open")),
                ("always", _("always")),
                ("never", _("never")),
            ),
            default="away",
        ),
        text_max(),
        vendor_address(),
    ),
)
