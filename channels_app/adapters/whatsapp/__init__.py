"""WhatsApp Cloud API, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("WhatsApp"),
    icon="chat",
    capabilities=frozenset({"attachments", "delivered", "read"}),
    guide=(
        _(
            "In Meta for Developers open your app of kind Business with the product WhatsApp, and"
            " add your number there."
        ),
        _("Take the phone number ID from “API setup” and the app secret from “App settings”."),
        _(
            "In the Business settings make a system user, and a token of it that never expires, with"
            " the permissions whatsapp_business_messaging and whatsapp_business_management."
        ),
        _("Think of a verify token, and save here."),
        _(
            "Paste the address for the vendor and the verify token there under “Configuration”, and"
            " subscribe to “messages”; also to “smb_message_echoes” where the number is used in the"
            " WhatsApp Business app too."
        ),
        _("A further number needs a channel of its own, and its own callback address there."),
        _(
            "Write down under “Message templates” what Meta has approved: it is what can be sent"
            " once the day for answers is over."
        ),
    ),
    settings=(
        SettingField("phone_number_id", _("Phone number ID"), required=True),
        SettingField(
            "secret",
            _("App secret"),
            _("Meta signs every call with it."),
            kind="secret",
            required=True,
        ),
        SettingField("access_token", _("Access token"), kind="secret", required=True),
        SettingField(
            "verify_token",
            _("Verify token"),
            _("Any text of your own; Meta shows it when it checks the address."),
            kind="secret",
            required=True,
        ),
        SettingField(
            "base_url",
            _("Address of the interface"),
            _(
                "Empty: that of Meta. Another one only for another version, a stand-in or a gateway;"
                " with the version at its end."
            ),
        ),
    ),
)
