"""Contact form, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Contact form"),
    icon="pen",
    is_chat=False,
    # It cannot answer itself: letters of another channel do. And anybody may type any address.
    capabilities=frozenset({"attachments", "answered_elsewhere", "typed_addresses"}),
    settings=(
        SettingField(
            "allowed_domains",
            _("Pages that may show the form"),
            _("One domain on each line, such as www.example.com. Empty: only this installation."),
            kind="lines",
        ),
        SettingField("title_zh", _("Title in Chinese")),
        SettingField("title_en", _("Title in English")),
        SettingField("intro_zh", _("Introduction in Chinese")),
        SettingField("intro_en", _("Introduction in English")),
        SettingField("asks_subject", _("Ask for a subject"), kind="boolean", default=True),
        SettingField(
            "topics",
            _("Topics to choose from"),
            _(
                "One on each line, Chinese and English divided by a vertical bar: 退换货 | Returns. Empty: not asked."
            ),
            kind="lines",
        ),
        SettingField("asks_company", _("Ask for the company"), kind="boolean", default=False),
        SettingField("asks_phone", _("Ask for a phone number"), kind="boolean", default=False),
        SettingField(
            "takes_files",
            _("Take files"),
            _("At most 5 of known kinds, 20 MB in all."),
            kind="boolean",
            default=True,
        ),
        SettingField("privacy_url", _("Address of the privacy statement")),
        SettingField("thanks_zh", _("Thanks in Chinese")),
        SettingField("thanks_en", _("Thanks in English")),
        SettingField(
            "secret",
            _("Secret for postings of your own server"),
            _("It signs as Standard Webhooks do. Empty: only the page takes postings."),
            kind="secret",
        ),
    ),
)
