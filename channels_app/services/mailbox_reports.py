"""What an administrator is told about a mailbox: that it is read, or why it cannot be."""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from channels_app.models import MailboxCursor
from helpdesk.registries import ChannelReport


def report(channel_id: int) -> ChannelReport | None:
    """Say how fetching goes; None for a mailbox that has not been tried. The scope is open."""
    row = MailboxCursor.objects.filter(channel_id=channel_id).first()
    if row is None:
        return None
    if row.error:
        reason = _("Mails cannot be fetched: %(reason)s") % {"reason": row.error}
        return ChannelReport(reason, is_trouble=True)
    if row.past_uid < row.past_until:
        return ChannelReport(_("The mails that were there already are being read."))
    if row.read_at is None:
        return ChannelReport(_("The mailbox is being opened."))
    at = date_format(timezone.localtime(row.read_at), "DATETIME_FORMAT")
    return ChannelReport(_("Read to its end at %(moment)s.") % {"moment": at})
