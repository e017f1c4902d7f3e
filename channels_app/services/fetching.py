"""Which places of channels are fetched, and when: made due by a hint, by time, or by somebody who mended it."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import F
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from channels_app.models import PollPosition
from helpdesk.bell import ring
from helpdesk.registries import ChannelReport

NOTIFICATION = "everydesk_poll"


def want(channel_id: int, place: str = "", hint: Mapping[str, object] | None = None) -> None:
    """Make a place due, with what the vendor said to it; the transaction is open."""
    PollPosition.objects.bulk_create(
        [PollPosition(channel_id=channel_id, place=place)], ignore_conflicts=True
    )
    rows = PollPosition.objects.filter(channel_id=channel_id, place=place)
    rows.update(due_at=timezone.now(), wanted=F("wanted") + 1, hint=dict(hint or {}))
    ring(NOTIFICATION)


def begin(channel_id: int, places: tuple[str, ...]) -> int:
    """Make due what has never been looked at; returns how many places. The transaction is open."""
    known = PollPosition.objects.filter(channel_id=channel_id, place__in=places)
    new = sorted(set(places) - set(known.values_list("place", flat=True)))
    for place in new:
        want(channel_id, place)
    return len(new)


def try_again(channel_id: int, now: datetime) -> None:
    """Make due what failed before: somebody has mended the channel. The transaction is open."""
    failed = PollPosition.objects.filter(channel_id=channel_id, failures__gt=0)
    if failed.update(due_at=now):
        ring(NOTIFICATION)


def report(channel_id: int) -> ChannelReport | None:
    """Say how fetching goes; None where nothing has been fetched yet. The scope is open."""
    rows = PollPosition.objects.filter(channel_id=channel_id).order_by(
        "-failures", "-read_at", "id"
    )
    row = rows.first()
    if row is None:
        return None
    if row.error:
        reason = _("Messages cannot be fetched: %(reason)s") % {"reason": row.error}
        return ChannelReport(reason, is_trouble=True)
    if row.read_at is None:
        return None
    at = date_format(timezone.localtime(row.read_at), "DATETIME_FORMAT")
    return ChannelReport(_("Read to its end at %(moment)s.") % {"moment": at})
