"""Who may send what now: a lease with a fencing number on one row of a channel.

Whoever comes back after the lease has ended finds another number and changes nothing, except that what
nobody knew of was sent after all. Replies of one
conversation leave in order: the oldest one holds the rest. Rows that leave are locked before the
state of their channel, which comes last of all.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_app.calls.recording import Account
from channels_app.leaving import pushes, writing
from channels_app.models import Dispatch, PushHealth
from channels_app.protocol import Adapter, OutboundMessage
from channels_app.registry import UnknownKind, account_of, adapter_for
from channels_app.services import health, receipts
from helpdesk import events
from helpdesk.models import Channel, Deliverable, Delivery, Outbox
from helpdesk.tenancy import organization_transaction

logger = logging.getLogger(__name__)

# What a lease is longer than the longest send: names are looked up and files are read too.
MARGIN = timedelta(seconds=30)
BATCH = 50
MOST_ATTEMPTS = 12
UNSETTLED = (Delivery.QUEUED, Delivery.SENDING)
BOTH: tuple[type[Any], ...] = (Outbox, Dispatch)  # Any: a class of either kind
INTERRUPTED = "interrupted"
UNWRITABLE: str | Promise = _("It cannot be written for this channel.")


@dataclass(frozen=True, slots=True)
class Claim:
    """One row that this process may send now, as plain values."""

    model: type[Deliverable]
    pk: int
    channel_id: int
    kind: str
    fence: int
    attempts: int
    is_probe: bool
    adapter: Adapter
    message: OutboundMessage
    account: Account
    # The push service that it leaves through; empty for the channel's own vendor.
    service: str = ""


def due_channels(now: datetime) -> list[int]:
    """Return the channels of the organization in scope that have something to send and may."""
    with organization_transaction():
        waiting = Q(Exists(_replies(now).filter(channel_id=OuterRef("pk"))))
        waiting |= Q(Exists(_dispatches(now).filter(channel_id=OuterRef("pk"))))
        sending = Channel.objects.filter(waiting, is_active=True, disabled_reason="")
        sending = sending.exclude(health__open_until__gt=now)
        return list(sending.order_by("pk").values_list("pk", flat=True))


def due_services(now: datetime) -> list[tuple[int, str]]:
    """Return the channels that have something to push, each with the service that may."""
    with organization_transaction():
        closed = PushHealth.objects.filter(
            channel_id=OuterRef("channel_id"), service=OuterRef("service"), open_until__gt=now
        )
        rows = Dispatch.objects.filter(
            ~Exists(closed),
            due_at__lte=now,
            state=Delivery.QUEUED,
            channel__is_active=True,
            channel__disabled_reason="",
        ).exclude(service="")
        return list(
            rows.order_by("channel_id", "service").values_list("channel_id", "service").distinct()
        )


def claim_next(channel_id: int, now: datetime, service: str = "") -> Claim | None:
    """Take the row of a channel that has been due longest; None when nothing may leave now."""
    while True:
        with organization_transaction():
            row = _longest_due(channel_id, now, service)
            if row is None:
                return None
            written = _written(row)
            if written is None:
                continue
            adapter, message = written
            permit = health.take(
                channel_id,
                rate_per_minute=_rate(row.channel, adapter),
                now=now,
                service=service,
            )
            if permit is None:
                return None
            row.state, row.fence, row.attempts = Delivery.SENDING, row.fence + 1, row.attempts + 1
            row.due_at = now + lease(adapter)
            row.save(update_fields=["state", "fence", "attempts", "due_at"])
            return Claim(
                model=type(row),
                pk=row.pk,
                channel_id=channel_id,
                kind=row.channel.kind,
                fence=row.fence,
                attempts=row.attempts,
                is_probe=permit.is_probe,
                adapter=adapter,
                message=message,
                account=account_of(row.channel),
                service=service,
            )


def lease(adapter: Adapter) -> timedelta:
    """Return for how long a claimed row is left to its sender."""
    return adapter.capabilities.longest_send + MARGIN


def end_lapsed(now: datetime) -> int:
    """Settle rows whose sender has vanished, whatever their channel may do now; returns how many.

    What may be sent twice is sent again; of the rest nobody knows whether it arrived, and that is said.
    """
    count = 0
    for model in BOTH:
        with organization_transaction():
            lapsed = model.objects.filter(state=Delivery.SENDING, due_at__lte=now)
            lapsed = lapsed.select_for_update(of=("self",), skip_locked=True)
            for row in lapsed.select_related("channel").order_by("pk")[:BATCH]:
                _end_lease(row, now)
                count += 1
    return count


def hurry(channel_id: int, now: datetime) -> None:
    """Have what waits because its vendor was away leave now; must run inside a transaction."""
    for model in BOTH:
        waiting = model.objects.filter(
            channel_id=channel_id, state=Delivery.QUEUED, error_code="server", due_at__gt=now
        )
        # Whoever has locked one settles it anyway.
        waiting = waiting.select_for_update(of=("self",), skip_locked=True)
        pks = list(waiting.order_by("pk").values_list("pk", flat=True))
        model.objects.filter(pk__in=pks).update(due_at=now)


def tell(row: Deliverable) -> None:
    """Tell the screens that show a reply that its delivery changed."""
    if isinstance(row, Outbox):
        number = row.message.entry.number
        events.publish(events.DeliveryChanged(row.organization_id, row.conversation_id, number))


def _longest_due(
    channel_id: int, now: datetime, service: str
) -> Any:  # Any: either kind of row, or None
    replies = _replies(now).select_related(
        "message__entry__actor",
        "message__letter",
        "conversation__identity",
        "conversation__channel",
    )
    # Any: rows of either kind
    lines: list[QuerySet[Any]] = [_dispatches(now, service), *([] if service else [replies])]
    found: list[Any] = [
        row
        for rows in lines
        for row in rows.filter(
            channel_id=channel_id, channel__is_active=True, channel__disabled_reason=""
        )
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("channel")
        .order_by("due_at", "pk")[:1]
    ]
    return min(found, key=lambda row: row.due_at, default=None)


def _replies(now: datetime) -> QuerySet[Outbox]:
    earlier = Outbox.objects.filter(
        conversation_id=OuterRef("conversation_id"),
        message_id__lt=OuterRef("message_id"),
        state__in=UNSETTLED,
    )
    return Outbox.objects.filter(
        ~Exists(earlier),
        due_at__lte=now,
        state=Delivery.QUEUED,
        conversation__identity__awaits_proof=False,
    )


def _dispatches(now: datetime, service: str = "") -> QuerySet[Dispatch]:
    return Dispatch.objects.filter(due_at__lte=now, state=Delivery.QUEUED, service=service)


def _written(row: Any) -> tuple[Adapter, OutboundMessage] | None:  # Any: either kind of row
    """Return what to send and how; a row that cannot be written is given up, and keeps nobody back."""
    try:
        with organization_transaction():
            adapter = adapter_for(row.channel)
            write: Callable[[Any], OutboundMessage] = (
                writing.reply if isinstance(row, Outbox) else writing.dispatch
            )
            return adapter, write(row)
    except DatabaseError:
        raise
    except pushes.Needless as error:
        rows = Dispatch.objects.filter(pk=row.pk)
        receipts.forward(rows, Delivery.SENT, error=str(error.message))
        return None
    except writing.Unwritable as error:
        reason = error.message
    except UnknownKind:
        reason = _("This kind of channel cannot send.")
    except Exception:
        logger.exception("Something that leaves could not be written: %s", row.pk)
        reason = UNWRITABLE
    give_up(row, code="unwritable", reason=str(reason))
    return None


def give_up(row: Any, *, code: str, reason: str) -> None:  # Any: either kind of row
    """Settle a row as failed, with a reason for people; the row is locked."""
    rows = type(row).objects.filter(pk=row.pk)
    rows.update(error_code=code)
    if isinstance(row, Outbox):
        receipts.advance(rows, Delivery.FAILED, error=reason)
    else:
        receipts.forward(rows, Delivery.FAILED, error=reason)


def _end_lease(row: Any, now: datetime) -> None:  # Any: either kind of row
    if row.attempts >= MOST_ATTEMPTS and row.error_code == INTERRUPTED:
        give_up(row, code=INTERRUPTED, reason=str(_("Sending it was interrupted too often.")))
        return
    if _may_repeat(row.channel):
        facts: dict[str, Any] = {"state": Delivery.QUEUED, "due_at": now}
    else:
        facts = {
            "state": Delivery.UNKNOWN,
            "due_at": None,
            "settled_at": now,
            "error": str(_("Sending it was interrupted.")),
        }
    # The number changes, so that whoever still sends it changes nothing when it comes back.
    type(row).objects.filter(pk=row.pk).update(fence=row.fence + 1, error_code=INTERRUPTED, **facts)
    tell(row)


def _may_repeat(channel: Channel) -> bool:
    try:
        return adapter_for(channel).capabilities.idempotent_send
    except UnknownKind:
        return False


def _rate(channel: Channel, adapter: Adapter) -> float:
    asked = channel.settings.get("rate_per_minute")
    if isinstance(asked, int | float) and not isinstance(asked, bool) and asked > 0:
        return asked
    return max(1, adapter.capabilities.rate_per_minute)
