"""Which places of channels are fetched, and when: made due by a hint, by time, or by somebody who mended it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from channels_app import vendor_keys
from channels_app.models import PollPosition
from helpdesk.bell import ring
from helpdesk.registries import ChannelReport
from helpdesk.tenancy import organization_scope, organization_transaction

NOTIFICATION = "everydesk_poll"
# Strangers who name keys that nobody knows have them fetched no more often.
SELDOM = timedelta(minutes=3)
# The place of a channel that is no page to fetch but a long connection.
LINE = "line"


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


def keys_of(channel_id: int) -> str:
    """Return the keys of a channel's vendor as they were fetched last, empty before; the transaction is open."""
    found = PollPosition.objects.filter(channel_id=channel_id, place=vendor_keys.PLACE)
    return found.values_list("position", flat=True).first() or ""


def await_vendor_keys(organization_id: int, channel_id: int, now: datetime) -> bool:
    """Tell whether the keys of a channel's vendor will be there soon; those of a while ago are fetched anew."""
    with organization_scope(organization_id), organization_transaction():
        rows = PollPosition.objects.filter(channel_id=channel_id, place=vendor_keys.PLACE)
        old = rows.filter(read_at__lte=now - SELDOM, failures=0, due_at__gt=now)
        if old.update(due_at=now):
            ring(NOTIFICATION)
        is_coming = Q(due_at__lte=now) | Q(failures__gt=0)
        return not rows.exists() or rows.filter(is_coming).exists()


def report(channel_id: int) -> ChannelReport | None:
    """Say how fetching goes; None where nothing has been fetched yet. The scope is open."""
    rows = PollPosition.objects.filter(channel_id=channel_id).order_by(
        "-failures", "-read_at", "id"
    )
    row = rows.first()
    if row is None:
        return None
    if row.error:
        return ChannelReport(_trouble(row.place) % {"reason": row.error}, is_trouble=True)
    if row.read_at is None:
        return None
    at = date_format(timezone.localtime(row.read_at), "DATETIME_FORMAT")
    return ChannelReport(_success(row.place) % {"moment": at})


def _trouble(place: str) -> str:
    if place == vendor_keys.PLACE:
        return _("The keys that prove calls cannot be fetched: %(reason)s")
    if place == LINE:
        return _("The long connection cannot be held: %(reason)s")
    return _("Messages cannot be fetched: %(reason)s")


def _success(place: str) -> str:
    if place == vendor_keys.PLACE:
        return _("The keys that prove calls were fetched at %(moment)s.")
    if place == LINE:
        return _("The long connection was held at %(moment)s.")
    return _("Read to its end at %(moment)s.")
