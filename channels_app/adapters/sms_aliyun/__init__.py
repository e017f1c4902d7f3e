"""SMS by Alibaba Cloud, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("SMS (Alibaba Cloud)"),
    icon="phone",
    capabilities=frozenset({"delivered"}),
    guide=(
        _(
            "A door for customers who answer your text messages; answers leave only as a template"
            " that was approved before, with your words in one place of it."
        ),
        _("In the console of Alibaba Cloud make an access key for a user that may use SMS only."),
        _(
            "Have a signature and a template with one variable approved, and put their names here."
            " Without a template the channel only receives."
        ),
        _("Make up a secret for the address: Alibaba Cloud signs none of its calls."),
        _(
            "Save here, then put the address for the vendor, with ?key= and the secret behind it,"
            " under SmsUp and SmsReport by HTTP, and have them sent in batches."
        ),
    ),
    settings=(
        SettingField(
            "secret",
            _("Secret in the address"),
            _("Letters and digits, at least 32 of them; it is all that proves a call."),
            kind="secret",
            required=True,
        ),
        SettingField(
            "networks",
            _("Networks that calls may come from"),
            _("One on each line, such as 203.0.113.0/24. Empty: any."),
            kind="lines",
        ),
        SettingField("access_key_id", _("Access key id"), required=True),
        SettingField("access_key_secret", _("Access key secret"), kind="secret", required=True),
        SettingField("sign_name", _("Signature")),
        SettingField(
            "template_code",
            _("Code of the template"),
            _("Such as SMS_154950909. Empty: nobody can be answered."),
        ),
        SettingField(
            "template_parameter",
            _("Variable of the template"),
            _("The one that the words of an answer are put in the place of."),
            default="content",
        ),
        SettingField(
            "text_max",
            _("Characters in the variable"),
            _("A longer answer is refused before it leaves."),
            kind="number",
            default=35,
        ),
        vendor_address(),
    ),
)
