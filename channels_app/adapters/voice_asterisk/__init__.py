"""Phone calls by an Asterisk of one's own, as the core and the guided form in admin know them."""

from django.utils.translation import gettext_lazy as _

from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Phone (Asterisk)"),
    icon="phone",
    is_live=True,
    capabilities=frozenset({"calls", "answered_by_text"}),
    guide=(
        _(
            "In http.conf and ari.conf of Asterisk switch the interface ARI on, and make a user for us."
        ),
        _("Save here with its address, the user and the password; Everydesk connects by itself."),
        _(
            "In extensions.conf let calls for us run into Stasis with the name of the application"
            " below; what follows it there is done while Everydesk is away."
        ),
        _("Colleagues enter the phone that rings for them in their profiles."),
    ),
    settings=(
        SettingField(
            "base_url",
            _("Address of ARI"),
            _("Such as https://pbx.example:8089/ari."),
            required=True,
        ),
        SettingField(
            "events_url",
            _("Address of the events"),
            _("Empty: below the address of ARI. Another one only for a stand-in or a gateway."),
        ),
        SettingField("username", _("User"), required=True),
        SettingField("secret", _("Password"), kind="secret", required=True),
        SettingField("app", _("Name of the application"), default="everydesk"),
        SettingField(
            "outside",
            _("How numbers are dialled"),
            _(
                "An endpoint of Asterisk; {number} stands for the number, such as PJSIP/{number}@trunk."
            ),
            required=True,
        ),
        SettingField(
            "inside",
            _("How colleagues with a SIP address are dialled"),
            _("{name} stands for what is before the @."),
            default="PJSIP/{name}",
        ),
        SettingField("number", _("Number"), _("Shown to customers who are called."), required=True),
        SettingField(
            "region",
            _("Country of customers' numbers"),
            _("Two letters such as CN, for numbers that are kept without a country."),
        ),
        SettingField(
            "greeting", _("Greeting"), _("A sound of Asterisk such as sound:hello. Empty: none.")
        ),
        SettingField(
            "ring_seconds", _("Seconds that a colleague's phone rings"), kind="number", default=20
        ),
        SettingField(
            "voicemail_after",
            _("Seconds until a caller may leave a message"),
            _("0: callers cannot leave messages."),
            kind="number",
            default=90,
        ),
        SettingField(
            "prompt",
            _("What is heard before the tone"),
            _("A sound of Asterisk."),
            default="sound:vm-intro",
        ),
        SettingField(
            "records",
            _("Record talks"),
            _("Callers hear the announcement below first. Know the law where they are."),
            kind="boolean",
            default=False,
        ),
        SettingField(
            "announcement",
            _("What is said about recording"),
            _("A sound of Asterisk; without one nothing is recorded."),
        ),
    ),
)
