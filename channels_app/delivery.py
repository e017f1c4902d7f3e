"""Replies leave from here: claim a row, call the vendor outside any transaction, store what came of it.

A claim is a lease with a fencing number. Whoever comes back after the lease has ended finds another
number and changes nothing. Within a conversation replies leave in order: the oldest one holds the rest.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from channels_app.protocol import Adapter, ContactIdentity, OutboundMessage, SendError, SendResult
from channels_app.protocol import Attachment as OutboundFile
from channels_app.registry import adapter_for
from channels_app.services import receipts
from helpdesk import events
from helpdesk.models import Attachment, Delivery, Outbox
from helpdesk.tenancy import due_organizations, organization_scope, organization_transaction

logger = logging.getLogger(__name__)

NOTIFICATION = "everydesk_outbox"
LEASE = timedelta(seconds=60)
BATCH = 50
MOST_ATTEMPTS = 12
FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=15)
UNSETTLED = (Delivery.QUEUED, Delivery.SENDING)


@dataclass(frozen=True, slots=True)
class Claim:
    """One reply that this process may send now, as plain values."""

    organization_id: int
    message_id: int
    fence: int
    attempts: int
    # An earlier attempt ended without an answer: it may have arrived.
    is_repeated: bool
    adapter: Adapter
    message: OutboundMessage


def wake_connector() -> None:
    """Tell the connector that something waits; it would find it within a second anyway."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [NOTIFICATION])


def deliver_due() -> int:
    """Send what is due in all organizations; returns how many replies were tried."""
    tried = 0
    for organization_id in due_organizations("outbox"):
        with organization_scope(organization_id):
            while claims := claim_due(timezone.now()):
                for claim in claims:
                    deliver(claim)
                tried += len(claims)
    return tried


def claim_due(now: datetime) -> list[Claim]:
    """Take the due replies of the organization in scope, one of each conversation."""
    with organization_transaction():
        rows = list(
            _due(now)
            .select_for_update(of=("self",), skip_locked=True)
            .select_related("message", "conversation__identity", "channel")
            .order_by("message_id")[:BATCH]
        )
        claims = []
        for row in rows:
            is_repeated = row.state == Delivery.SENDING
            row.state, row.fence, row.attempts = Delivery.SENDING, row.fence + 1, row.attempts + 1
            row.due_at = now + LEASE
            row.save(update_fields=["state", "fence", "attempts", "due_at"])
            claims.append(_claim(row, is_repeated=is_repeated))
        return claims


def deliver(claim: Claim) -> None:
    """Send one claimed reply and store the outcome; the scope is open, a transaction is not."""
    if claim.is_repeated and not claim.adapter.capabilities.idempotent_send:
        _settle(claim, lambda rows: _unknown(rows, "interrupted"))
        return
    try:
        result = claim.adapter.send(claim.message)
    except SendError as error:
        _failed(claim, error)
    except Exception as error:
        logger.exception("Sending failed: message %s", claim.message_id)
        _failed(claim, SendError(type(error).__name__, kind="other", ambiguous=True))
    else:
        _settle(claim, lambda rows: _sent(rows, result))


def _due(now: datetime) -> QuerySet[Outbox]:
    earlier = Outbox.objects.filter(
        conversation_id=OuterRef("conversation_id"),
        message_id__lt=OuterRef("message_id"),
        state__in=UNSETTLED,
    )
    return Outbox.objects.filter(~Exists(earlier), due_at__lte=now, state__in=UNSETTLED)


def _claim(row: Outbox, *, is_repeated: bool) -> Claim:
    identity = row.conversation.identity
    files = Attachment.objects.filter(message_id=row.message_id).order_by("id")
    return Claim(
        organization_id=row.organization_id,
        message_id=row.message_id,
        fence=row.fence,
        attempts=row.attempts,
        is_repeated=is_repeated,
        adapter=adapter_for(row.channel),
        message=OutboundMessage(
            client_ref=str(row.client_ref),
            to=ContactIdentity(
                external_id=identity.external_id, display_name=identity.display_name
            ),
            text=row.message.text,
            thread_key=row.conversation.thread_key,
            subject=row.conversation.subject,
            attachments=tuple(_file(each) for each in files),
        ),
    )


def _file(file: Attachment) -> OutboundFile:
    return OutboundFile(
        kind="image" if file.kind == Attachment.Kind.IMAGE else "file",
        filename=file.name,
        mime=file.mime,
        size=file.size_bytes,
        media_ref=str(file.public_id),
        sha256=file.sha256,
    )


def _settle(claim: Claim, store: Callable[[QuerySet[Outbox]], None]) -> None:
    """Store an outcome unless the lease was lost meanwhile, or a receipt was faster."""
    with organization_transaction():
        rows = Outbox.objects.filter(
            message_id=claim.message_id, fence=claim.fence, state=Delivery.SENDING
        )
        if rows.select_for_update().first() is not None:
            store(rows)


def _sent(rows: QuerySet[Outbox], result: SendResult) -> None:
    if result.provider_ids:
        rows.update(provider_id=result.provider_ids[0][:200])
    receipts.advance(rows, Delivery.SENT)
    if result.status in {"delivered", "read"}:
        receipts.advance(rows.model.objects.filter(pk__in=rows.values("pk")), result.status)


def _failed(claim: Claim, error: SendError) -> None:
    can_repeat = not error.ambiguous or claim.adapter.capabilities.idempotent_send
    if error.ambiguous and not can_repeat:
        _settle(claim, lambda rows: _unknown(rows, error.kind))
    elif (error.retryable or error.ambiguous) and claim.attempts < MOST_ATTEMPTS:
        _settle(claim, lambda rows: _again(rows, claim, error))
    else:
        _settle(claim, lambda rows: _give_up(rows, error))


def _again(rows: QuerySet[Outbox], claim: Claim, error: SendError) -> None:
    wait = error.retry_after or min(LONGEST_WAIT, FIRST_WAIT * 2 ** (claim.attempts - 1))
    jitter = 0.75 + random.random() / 2  # noqa: S311  (spreads attempts, protects nothing)
    rows.update(state=Delivery.QUEUED, due_at=timezone.now() + wait * jitter, error_code=error.kind)


def _unknown(rows: QuerySet[Outbox], code: str) -> None:
    row = rows.select_related("message__entry").get()
    rows.update(state=Delivery.UNKNOWN, due_at=None, settled_at=timezone.now(), error_code=code)
    events.publish(
        events.DeliveryChanged(row.organization_id, row.conversation_id, row.message.entry.number)
    )


def _give_up(rows: QuerySet[Outbox], error: SendError) -> None:
    rows.update(error_code=error.kind)
    receipts.advance(rows, Delivery.FAILED, error=str(error.message))
