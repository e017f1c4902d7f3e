"""Administrators hear of a channel that stopped sending, by mail, wherever they are."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from channels_app.models import Dispatch
from channels_app.services.dispatching import dispatch
from helpdesk.models import Channel, Staff
from helpdesk.services.administrators import administrators

MOST_TOLD = 20
MAIL = "mail"


def tell_administrators(channel_id: int, reason: str) -> int:
    """Have each administrator mailed that a channel does not send, once a day at most; returns how many.

    The mails leave through a mailbox of the organization that sends. Where there is none they see it when
    they come: above their work, on the board and on the channel's page. The transaction is open.
    """
    channel = Channel.objects.get(pk=channel_id)
    others = Channel.objects.filter(kind=MAIL, is_active=True, disabled_reason="")
    mailbox = others.exclude(pk=channel_id).order_by("id").first()
    if mailbox is None or not mailbox.settings.get("address"):
        return 0
    people = administrators().select_related("user").order_by("id")[:MOST_TOLD]
    return sum(_tell(mailbox, channel, reason, staff) for staff in people)


def _tell(mailbox: Channel, channel: Channel, reason: str, staff: Staff) -> bool:
    page = reverse("organization_admin:helpdesk_channel_change", args=[channel.pk])
    with translation.override(staff.user.language or settings.LANGUAGE_CODE):
        told = {"name": channel.label, "reason": reason, "page": f"{settings.PUBLIC_URL}{page}"}
        payload = {
            "subject": _("%(name)s does not send") % told,
            "text": _(
                "Nothing leaves through %(name)s: %(reason)s\n\n"
                "What waits is kept. Mend the account, then test the connection here;"
                " everything is sent then:\n%(page)s\n"
            )
            % told,
        }
    made = dispatch(
        mailbox,
        Dispatch.Kind.NOTICE,
        dedup_key=f"stopped:{channel.pk}:{staff.pk}:{timezone.now():%Y-%m-%d}",
        recipient=staff.user.email,
        payload=payload,
    )
    return made is not None
