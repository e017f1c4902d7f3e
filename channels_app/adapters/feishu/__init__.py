"""Feishu and Lark, as the core and the guided form in admin know them."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from helpdesk.registries import ChannelKind, SettingField

# They take 150 kB with everything around the text; what has to be escaped counts up to four times.
TEXT_MAX = 30_000

KIND = ChannelKind(
    label=_("Feishu / Lark"),
    icon="chat",
    capabilities=frozenset({"attachments", "read"}),
    guide=(
        _(
            "A door for whoever shares an organization or a group with your app: colleagues,"
            " partners, external groups. Customers without Feishu need another channel."
        ),
        _("In the developer console make a custom app, and add the feature “Bot” to it."),
        _("Take the App ID and the App Secret from “Credentials & Basic Info”."),
        _(
            "Without a public address choose the long connection here and save; as soon as this"
            " page says that it is held, choose it under “Events & Callbacks” › “Event"
            " configuration” too. No Encrypt Key is needed for it."
        ),
        _(
            "Otherwise set an Encrypt Key under “Events & Callbacks” › “Encryption Strategy”"
            " (calls without it are not accepted), save here, then paste the address for the vendor"
            " there as request URL of the events."
        ),
        _(
            "Subscribe to “Message received” (im.message.receive_v1), “Message read”, “Message"
            " recalled”, and to the reactions if you like."
        ),
        _(
            "Grant im:message, im:message.p2p_msg, im:message.group_at_msg and im:resource, then"
            " publish a version of the app."
        ),
    ),
    settings=(
        SettingField("app_id", _("App ID"), required=True),
        SettingField("app_secret", _("App Secret"), kind="secret", required=True),
        SettingField(
            "mode",
            _("How messages come"),
            kind="choice",
            choices=(
                ("http", _("Feishu calls us (request URL)")),
                ("line", _("We call Feishu (long connection)")),
            ),
            default="http",
        ),
        SettingField(
            "secret",
            _("Encrypt Key"),
            _("Every call is encrypted and signed with it. Needed where Feishu calls us."),
            kind="secret",
            required=True,
            needed_by=("mode", "http"),
        ),
        SettingField(
            "region",
            _("Where the app lives"),
            kind="choice",
            choices=(("feishu", _("Feishu (China)")), ("lark", _("Lark (international)"))),
            default="feishu",
        ),
        SettingField(
            "text_max",
            _("Longest text, in bytes"),
            _("A longer one leaves in parts."),
            kind="number",
            default=TEXT_MAX,
        ),
        vendor_address(),
    ),
)
