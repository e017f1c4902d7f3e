"""DingTalk, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from helpdesk.registries import ChannelKind, SettingField

# What nobody has verified: the form lets it be changed.
TEXT_MAX = 20_000

KIND = ChannelKind(
    label=_("DingTalk"),
    icon="chat",
    capabilities=frozenset({"attachments"}),
    guide=(
        _(
            "A door for members of your organization, and for others in groups with your robot."
            " Customers without DingTalk need another channel."
        ),
        _("In the developer console make an internal app, and add the feature “Robot” to it."),
        _(
            "Take the Client ID and the Client Secret from “Credentials”, and the RobotCode from the robot."
        ),
        _(
            "Choose the stream mode there and here: it needs no public address. Or choose the HTTP"
            " mode, save here, and paste the address for the vendor there."
        ),
        _(
            "Grant “Messages of robots inside the organization” (qyapi_robot_sendmsg), then publish"
            " a version of the app and add the robot to its groups."
        ),
    ),
    settings=(
        SettingField("client_id", _("Client ID"), _("Once called AppKey."), required=True),
        SettingField(
            "secret",
            _("Client Secret"),
            _("Once called AppSecret; calls are proved with it, and we are known by it."),
            kind="secret",
            required=True,
        ),
        SettingField("robot_code", _("RobotCode"), _("Mostly the same as the Client ID.")),
        SettingField(
            "mode",
            _("How messages come"),
            kind="choice",
            choices=(
                ("http", _("DingTalk calls us (HTTP mode)")),
                ("stream", _("We call DingTalk (stream mode)")),
            ),
            default="http",
        ),
        SettingField(
            "text_max",
            _("Longest text, in bytes"),
            _("A longer one leaves in parts."),
            kind="number",
            default=TEXT_MAX,
        ),
        vendor_address(),
        vendor_address("oapi_url", _("Address of the older interface")),
    ),
)
