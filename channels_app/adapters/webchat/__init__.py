"""Web chat, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Web chat"),
    icon="web",
    is_chat=True,
    is_live=True,
    shows_one=True,
    capabilities=frozenset({"attachments", "typing", "delivered", "read"}),
    settings=(
        SettingField(
            "allowed_domains",
            _("Pages that may show the widget"),
            _("One domain on each line, such as www.example.com. Empty: only this installation."),
            kind="lines",
        ),
        SettingField("title_zh", _("Title in Chinese")),
        SettingField("title_en", _("Title in English")),
        SettingField("subtitle_zh", _("Line below the title in Chinese")),
        SettingField("subtitle_en", _("Line below the title in English")),
        SettingField("greeting_zh", _("Greeting in Chinese"), _("Empty: a greeting by the hour.")),
        SettingField("greeting_en", _("Greeting in English"), _("Empty: a greeting by the hour.")),
        SettingField(
            "topics",
            _("Questions to start from"),
            _(
                "One on each line, Chinese and English divided by a vertical bar: 查物流 | Track a parcel"
            ),
            kind="lines",
        ),
        SettingField("away_zh", _("Away message in Chinese")),
        SettingField("away_en", _("Away message in English")),
        SettingField("privacy_url", _("Address of the privacy statement")),
        SettingField(
            "keep_days",
            _("Days that chats are kept, as told to visitors"),
            kind="number",
            default=180,
        ),
        SettingField(
            "identity",
            _("Who may chat"),
            _("Signed: the page vouches for its visitor with a token made from the secret."),
            kind="choice",
            choices=(
                ("optional", _("Everybody; signed visitors are recognised")),
                ("required", _("Signed visitors only")),
            ),
            default="optional",
        ),
        SettingField(
            "secret",
            _("Secret for signed identities"),
            _("HS256, audience = public id, valid for an hour at most."),
            kind="secret",
        ),
    ),
)
