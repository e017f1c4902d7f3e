"""Mail, as the core and the guided form in admin know it."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from helpdesk.registries import ChannelKind, SettingField

_SECURITY = (
    ("tls", _("TLS from the start")),
    ("starttls", _("STARTTLS")),
    ("none", _("not encrypted")),
)
# Trying out writes files; an installation that others can reach sends for real.
_FOLDER = (("folder", _("write into a folder of this machine, for trying out")),)

KIND = ChannelKind(
    label=_("Mail"),
    icon="mail",
    is_chat=False,
    hold_seconds=10,
    capabilities=frozenset({"letters", "attachments", "failed"}),
    settings=(
        SettingField(
            "address",
            _("Address"),
            _("What customers write to, such as help@example.com."),
            required=True,
        ),
        SettingField("sender_name_zh", _("Name of the sender in Chinese")),
        SettingField("sender_name_en", _("Name of the sender in English")),
        SettingField(
            "imap_host",
            _("IMAP server"),
            _("Where mails are fetched from. Empty: they come by webhook only."),
        ),
        SettingField("imap_port", _("IMAP port"), kind="number", default=993),
        SettingField(
            "imap_security",
            _("Encryption of IMAP"),
            kind="choice",
            choices=_SECURITY,
            default="tls",
        ),
        SettingField("imap_user", _("IMAP user"), _("Empty: the address.")),
        SettingField("imap_password", _("IMAP password"), kind="secret"),
        SettingField("folder", _("Folder"), default="INBOX"),
        SettingField(
            "first_import",
            _("Mails that are there already"),
            _("Mails are never marked, moved or deleted in the mailbox."),
            kind="choice",
            choices=(
                ("new", _("leave them; read only what comes from now on")),
                ("unread", _("read those that nobody has read")),
                ("all", _("read them all")),
            ),
            default="new",
        ),
        SettingField(
            "outgoing",
            _("Mails that leave"),
            kind="choice",
            choices=(
                ("smtp", _("send them by SMTP")),
                *(_FOLDER if settings.IS_LOOPBACK else ()),
            ),
            default="smtp",
        ),
        SettingField("smtp_host", _("SMTP server")),
        SettingField("smtp_port", _("SMTP port"), kind="number", default=465),
        SettingField(
            "smtp_security",
            _("Encryption of SMTP"),
            kind="choice",
            choices=_SECURITY,
            default="tls",
        ),
        SettingField(
            "smtp_user", _("SMTP user"), _("Empty: the address, where there is a password.")
        ),
        SettingField("smtp_password", _("SMTP password"), kind="secret"),
        SettingField("rate_per_minute", _("Mails that may leave in a minute"), kind="number"),
        SettingField(
            "provider",
            _("Mails by webhook"),
            _("Who posts them to the address of this channel."),
            kind="choice",
            choices=(
                ("none", _("a program of our own, by Standard Webhooks")),
                ("mailgun", "Mailgun"),
                ("mailjet", "Mailjet"),
                ("postmark", "Postmark"),
                ("sendgrid", "SendGrid"),
            ),
            default="none",
        ),
        SettingField(
            "secret",
            _("Secret of the webhook"),
            _(
                "Standard Webhooks: the signing secret. Mailgun: the HTTP webhook signing key."
                " The others: user:password, as written in the address that they call."
            ),
            kind="secret",
        ),
        SettingField(
            "authserv_id",
            _("Name of your mail server in Authentication-Results"),
            _("Only its word about a sender counts. Empty: no sender counts as proved."),
        ),
        SettingField(
            "plus_addressing",
            _("Answers come back to an address with a plus sign"),
            _("help+…@example.com; most mail servers can, and it threads most surely."),
            kind="boolean",
            default=True,
        ),
        SettingField(
            "acknowledge_zh",
            _("Acknowledgement in Chinese"),
            _("Sent once for each new conversation. Empty: none."),
        ),
        SettingField(
            "acknowledge_en",
            _("Acknowledgement in English"),
            _("Sent once for each new conversation. Empty: none."),
        ),
    ),
)
