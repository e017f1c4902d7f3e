"""Signed webhook, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from helpdesk.registries import ChannelKind, SettingField

# Events of ours that the other system may ask for, besides the replies, which it always gets.
EVENTS = (
    *(f"conversation.{what}" for what in ("queued", "assigned", "released", "transferred")),
    *(f"conversation.{what}" for what in ("snoozed", "woken", "resolved", "reopened", "closed")),
    *("conversation.rated", "message.stored"),
)

KIND = ChannelKind(
    label=_("Signed webhook"),
    icon="link",
    is_chat=True,
    is_live=True,
    capabilities=frozenset({"attachments", "delivered", "read"}),
    guide=(
        _("Enter the address at which the other system takes replies, and save here."),
        _("Copy the secret that is shown once into the other system: both sides sign with it."),
        _("Have the other system post what customers write to the address for the vendor."),
        _("Both directions follow Standard Webhooks; see “Signed webhooks” in the documentation."),
    ),
    settings=(
        SettingField(
            "callback_url",
            _("Address for replies"),
            _("Replies are posted there, signed. Empty: this channel only receives."),
        ),
        SettingField(
            "secret",
            _("Secret"),
            _(
                "whsec_ and 24 or more random bytes in base64, for this channel only. The one before it stays valid."
            ),
            kind="secret",
            required=True,
        ),
        SettingField(
            "vouches",
            _("The other system proves who its users are"),
            _("On: a sender marked as verified is taken as such. Off: the mark is ignored."),
            kind="boolean",
            default=False,
        ),
        SettingField(
            "events",
            _("Events to send"),
            _(
                "One on each line, such as conversation.assigned, conversation.resolved or"
                " message.stored. Empty: replies only."
            ),
            kind="lines",
        ),
    ),
)
