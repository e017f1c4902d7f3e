"""Phone calls by Twilio, as the core and the guided form in admin know them."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Phone (Twilio)"),
    icon="phone",
    is_live=True,
    capabilities=frozenset({"calls", "answered_by_text"}),
    guide=(
        _("In the Twilio console take the account SID and the auth token from the front page."),
        _("Buy a number that takes calls."),
        _(
            "Save here, then paste the address for the vendor at the number twice, by HTTP POST: where a"
            " call comes in, and where the status of a call changes."
        ),
        _("Colleagues enter the phone that rings for them in their profiles."),
    ),
    settings=(
        SettingField("account_sid", _("Account SID"), required=True),
        SettingField(
            "secret",
            _("Auth token"),
            _("Twilio signs every call with it, and knows us by it."),
            kind="secret",
            required=True,
        ),
        SettingField("number", _("Number"), _("Such as +14155550100."), required=True),
        SettingField(
            "region",
            _("Country of customers' numbers"),
            _("Two letters such as CN, for numbers that are kept without a country."),
        ),
        SettingField(
            "greeting",
            _("Greeting"),
            _("What callers hear first. Empty: a sentence in the channel's language."),
        ),
        SettingField(
            "voice",
            _("Voice"),
            _("The name of a voice of Twilio. Empty: its own for the language."),
        ),
        SettingField(
            "hold_music",
            _("Address of the music for those who wait"),
            _(
                "Ten seconds at most: we look for a colleague each time that it ends. Empty: silence."
            ),
        ),
        SettingField(
            "ring_seconds", _("Seconds that a colleague's phone rings"), kind="number", default=20
        ),
        SettingField(
            "confirms",
            _("A colleague takes a call by pressing a key"),
            _("So that nobody's own voicemail takes it."),
            kind="boolean",
            default=True,
        ),
        SettingField(
            "voicemail_after",
            _("Seconds until a caller may leave a message"),
            _("0: callers cannot leave messages."),
            kind="number",
            default=90,
        ),
        SettingField(
            "records",
            _("Record talks"),
            _("Both sides hear that it is recorded before they talk. Know the law where they are."),
            kind="boolean",
            default=False,
        ),
        SettingField(
            "announcement",
            _("What is said about recording"),
            _("Empty: a sentence in the channel's language."),
        ),
        vendor_address(),
    ),
)
