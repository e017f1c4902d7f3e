"""Whether a channel may send now: its breaker, its bucket, and when it is given up.

The row of a channel is locked last: after conversations, staff, and the rows that leave. Channels that
are switched off are not asked for at all; their row is at rest until somebody lets them try again. A push
service has a row of its own, and never switches its channel off.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from channels_app.breakers import Breaker
from channels_app.models import ChannelHealth, PushHealth
from channels_app.services import alerting
from helpdesk.services import channels

# Failures in a row that open the breaker.
OPENS_AT = 5
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=5)
LONGEST_RETRY_AFTER = timedelta(hours=1)
# How long one message that tries alone may take before another may.
PROBE = timedelta(seconds=60)
# Refusals of the channel itself, in a row, after which it is switched off.
MOST_REFUSALS = 3
# How long what waits is kept for a channel that does not get anything through.
GIVEN_UP_AFTER = timedelta(hours=24)
BURST_SECONDS = 10
LEAST_BURST = 5


@dataclass(frozen=True, slots=True)
class Permit:
    """One message may leave now; a probe tries alone whether the channel is back."""

    is_probe: bool = False


def take(
    channel_id: int, *, rate_per_minute: float, now: datetime, service: str = ""
) -> Permit | None:
    """Take a message out of the channel's bucket; None while it has to wait. Locks the channel's row."""
    row = _locked(channel_id, service)
    if row.open_until is not None and row.open_until > now:
        return None
    _fill(row, rate_per_minute, now)
    if row.tokens < 1:
        return None
    row.tokens -= 1
    is_probe = row.failures >= OPENS_AT
    if is_probe:
        row.open_until = now + PROBE
    row.save(update_fields=["tokens", "tokens_at", "open_until"])
    return Permit(is_probe)


def succeeded(channel_id: int, now: datetime, service: str = "") -> None:
    """Note that a message got through: the breaker closes."""
    _rows(channel_id, service).update(**_AT_REST, error="", succeeded_at=now)


def failed(
    channel_id: int, *, is_probe: bool, reason: str, now: datetime, service: str = ""
) -> Breaker:
    """Note a failure that may be the channel's fault, and return its state; at some number it rests."""
    row = _locked(channel_id, service)
    was_open = row.failures >= OPENS_AT
    if was_open and not is_probe:
        # It left before the breaker opened: nothing new.
        return row
    row.failures += 1
    row.failing_since = row.failing_since or now
    row.error = reason[:300]
    if row.failures >= OPENS_AT:
        pause = min(FIRST_PAUSE * 2 ** min(row.failures - OPENS_AT, 10), LONGEST_PAUSE)
        row.open_until = now + pause * (0.75 + random.random() / 4)  # noqa: S311  (spreads attempts, protects nothing)
    row.save(update_fields=["failures", "failing_since", "error", "open_until"])
    return row


def slowed(
    channel_id: int, retry_after: timedelta, *, reason: str, now: datetime, service: str = ""
) -> Breaker:
    """Let the whole channel wait as long as the vendor asked, an hour at most, and return its state."""
    row = _locked(channel_id, service)
    until = now + min(max(retry_after, timedelta()), LONGEST_RETRY_AFTER)
    row.open_until = max(until, row.open_until or until)
    row.failing_since = row.failing_since or now
    row.error = reason[:300]
    row.save(update_fields=["open_until", "failing_since", "error"])
    return row


def refused(
    channel_id: int, *, is_probe: bool, at_once: bool, reason: str, service: str = ""
) -> bool:
    """Note that the vendor refused the channel itself; returns whether it was switched off for that."""
    row = _locked(channel_id, service)
    row.refusals += 1
    row.error = reason[:300]
    row.open_until = None if is_probe else row.open_until
    row.save(update_fields=["refusals", "error", "open_until"])
    if row.refusals < MOST_REFUSALS and not at_once:
        return False
    if service:
        now = timezone.now()
        row.failures, row.open_until = OPENS_AT, now + LONGEST_PAUSE
        row.failing_since = row.failing_since or now
        row.save(update_fields=["failures", "open_until", "failing_since"])
        return False
    # At rest from now on: whoever clears the reason finds a channel that sends.
    ChannelHealth.objects.filter(pk=channel_id).update(**_AT_REST, error=reason[:300])
    if not channels.stop_sending(channel_id, reason):
        return False
    alerting.tell_administrators(channel_id, reason)
    return True


def answered(channel_id: int, *, is_probe: bool, service: str = "") -> None:
    """Note that a message failed by its own fault, which says nothing about the channel."""
    if is_probe:
        _rows(channel_id, service).update(open_until=None)


def mend(channel_id: int) -> None:
    """Close the breaker and forget what failed: somebody has mended the channel."""
    ChannelHealth.objects.filter(pk=channel_id).update(**_AT_REST, error="")
    PushHealth.objects.filter(channel_id=channel_id).update(**_AT_REST, error="")


def is_open(row: Breaker) -> bool:
    """Tell whether the channel has failed so often that failing is its own fault."""
    return row.failures >= OPENS_AT


def is_given_up(row: Breaker, now: datetime) -> bool:
    """Tell whether nothing has got through for so long that what waits is given back."""
    return row.failing_since is not None and row.failing_since <= now - GIVEN_UP_AFTER


_AT_REST = {"failures": 0, "refusals": 0, "open_until": None, "failing_since": None}


def _rows(channel_id: int, service: str) -> "QuerySet[Any]":  # Any: either kind of row
    if service:
        return PushHealth.objects.filter(channel_id=channel_id, service=service)
    return ChannelHealth.objects.filter(pk=channel_id)


def _locked(channel_id: int, service: str) -> Breaker:
    rows = _rows(channel_id, service).select_for_update()
    found: Breaker | None = rows.first()
    if found is not None:
        return found
    if service:
        made = PushHealth(channel_id=channel_id, service=service)
        PushHealth.objects.bulk_create([made], ignore_conflicts=True)
    else:
        ChannelHealth.objects.bulk_create(
            [ChannelHealth(channel_id=channel_id)], ignore_conflicts=True
        )
    kept: Breaker = rows.get()
    return kept


def _fill(row: Breaker, rate_per_minute: float, now: datetime) -> None:
    size = max(LEAST_BURST, rate_per_minute * BURST_SECONDS / 60)
    if row.tokens_at is None:
        row.tokens = size
    else:
        seconds = max(0.0, (now - row.tokens_at).total_seconds())
        row.tokens = min(size, row.tokens + seconds * rate_per_minute / 60)
    # A clock that was set back fills nothing twice.
    row.tokens_at = max(now, row.tokens_at or now)
