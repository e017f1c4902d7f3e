"""What became of one call: stored with the row, with its channel, and as an attempt."""

import random
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from channels_app.breakers import Breaker
from channels_app.leaving import claims
from channels_app.leaving.claims import MOST_ATTEMPTS, Claim
from channels_app.models import DeliveryAttempt, Dispatch, SentPart
from channels_app.protocol import Pushes, SendError, SendResult
from channels_app.services import health, pushing, receipts
from helpdesk.models import Delivery, Outbox
from helpdesk.tenancy import organization_transaction

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=15)
# Kinds with one system at the other end: when that wants no more messages, the channel has ended.
PEERS = frozenset({"webhook"})
# Addresses and what may be a token: neither belongs in a log of attempts.
_ADDRESS = re.compile(r"[^\s<>\"',;:()]+@[^\s<>\"',;:()]+")
_TOKEN = re.compile(r"[\w\-+/=.~]{24,}", re.ASCII)
_QUERY = re.compile(r"\?[^\s\"'<>]+")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The next state of a row, and until when it waits when it is queued again."""

    state: Delivery
    code: str = ""
    reason: str = ""
    wait: timedelta = timedelta()


def store(claim: Claim, result: SendResult | SendError, milliseconds: int) -> None:
    """Store an outcome; the row keeps its state when the lease was lost or a receipt was faster."""
    now = timezone.now()
    with organization_transaction():
        row = _row(claim, is_success=isinstance(result, SendResult))
        if isinstance(result, SendError):
            outcome = _outcome(claim, result, now)
        else:
            if claim.is_probe:
                claims.hurry(claim.channel_id, now)
            health.succeeded(claim.channel_id, now, claim.service)
            outcome = Outcome(Delivery.SENT)
        if row is not None and row.state in {Delivery.SENDING, Delivery.UNKNOWN}:
            _apply(row, outcome, now)
        if row is not None and isinstance(result, SendResult):
            _note(row, result)
            if isinstance(row, Outbox) and isinstance(claim.adapter, Pushes):
                pushing.prepare(row, claim.adapter.push_services())
        _remember(claim, outcome, now, milliseconds)


def parts_taken(claim: Claim) -> int:
    """Return how many parts of a reply the vendor has taken before."""
    with organization_transaction():
        return SentPart.objects.filter(outbox_id=claim.pk).count()


def keep_part(claim: Claim, number: int, result: SendResult) -> bool:
    """Note that the vendor has taken a part, and hold the row for the next; False when the lease was lost."""
    with organization_transaction():
        mine = Outbox.objects.filter(pk=claim.pk, fence=claim.fence, state=Delivery.SENDING)
        if not mine.update(due_at=timezone.now() + claims.lease(claim.adapter)):
            return False
        SentPart.objects.create(
            outbox_id=claim.pk,
            number=number,
            provider_id=result.provider_ids[0][:250] if result.provider_ids else "",
        )
        return True


def _row(claim: Claim, *, is_success: bool) -> Any:  # Any: either kind of row, or None
    """Return the claimed row, locked, unless its lease has ended; a success is still news where nobody knew."""
    mine = Q(fence=claim.fence)
    if is_success:
        code = claims.INTERRUPTED
        mine |= Q(fence=claim.fence + 1, state=Delivery.UNKNOWN, error_code=code)
    return claim.model.objects.filter(mine, pk=claim.pk).select_for_update().first()


def _note(row: Any, result: SendResult) -> None:  # Any: either kind of row
    """Keep what the vendor said of a message that it took."""
    rows = type(row).objects.filter(pk=row.pk)
    if result.status in {"delivered", "read"}:
        _move(row, result.status)
    if result.provider_ids:
        rows.update(provider_id=result.provider_ids[0][:250])
    if result.warning:
        rows.update(error=result.warning[:300])


def plain(text: str) -> str:
    """Return what a vendor said, without addresses, queries and what may be a token."""
    for pattern in (_ADDRESS, _QUERY, _TOKEN):
        text = pattern.sub("…", text)
    return " ".join(text.split())[:300]


def _outcome(claim: Claim, error: SendError, now: datetime) -> Outcome:
    """Return what a failure means for the row, and note what it means for the channel."""
    reason = plain(str(error.message))
    wait = _wait(claim, error)
    if error.kind == "auth" or (error.kind == "blocked" and claim.kind in PEERS):
        _note_refusal(claim, error, reason)
        return Outcome(Delivery.QUEUED, error.kind, reason, wait)
    if not (error.retryable or error.ambiguous):
        health.answered(claim.channel_id, is_probe=claim.is_probe, service=claim.service)
        return Outcome(Delivery.FAILED, error.kind, reason)
    if error.kind == "undeliverable" and not error.ambiguous:
        # The recipient cannot be reached for now; the channel can.
        health.answered(claim.channel_id, is_probe=claim.is_probe, service=claim.service)
        is_over = claim.attempts >= MOST_ATTEMPTS
        return Outcome(Delivery.FAILED if is_over else Delivery.QUEUED, error.kind, reason, wait)
    if error.kind == "rate" and error.retry_after is not None:
        state = health.slowed(
            claim.channel_id, error.retry_after, reason=reason, now=now, service=claim.service
        )
        is_channels_fault = True
    else:
        state = health.failed(
            claim.channel_id,
            is_probe=claim.is_probe,
            reason=reason,
            now=now,
            service=claim.service,
        )
        is_channels_fault = health.is_open(state)
    if error.ambiguous and not claim.adapter.capabilities.idempotent_send:
        return Outcome(Delivery.UNKNOWN, error.kind, reason)
    if claim.attempts >= MOST_ATTEMPTS and _is_over(state, now, is_channels_fault):
        return Outcome(Delivery.FAILED, error.kind, reason)
    return Outcome(Delivery.QUEUED, error.kind, reason, wait)


def _note_refusal(claim: Claim, error: SendError, reason: str) -> None:
    """Note that it is the channel that was refused: what waits is sent when it has been mended."""
    health.refused(
        claim.channel_id,
        is_probe=claim.is_probe,
        at_once=error.kind == "blocked",
        reason=reason,
        service=claim.service,
    )


def _is_over(state: Breaker, now: datetime, is_channels_fault: bool) -> bool:
    return not is_channels_fault or health.is_given_up(state, now)


def _wait(claim: Claim, error: SendError) -> timedelta:
    luck = random.random()  # noqa: S311  (spreads attempts, protects nothing)
    if error.retry_after is not None:
        # Never before the vendor asked for.
        return error.retry_after * (1 + luck / 4)
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(claim.attempts - 1, 20)) * (0.75 + luck / 2)


def _apply(row: Any, outcome: Outcome, now: datetime) -> None:  # Any: either kind of row
    rows = type(row).objects.filter(pk=row.pk)
    if outcome.state == Delivery.SENT:
        _move(row, Delivery.SENT)
    elif outcome.state == Delivery.FAILED:
        claims.give_up(row, code=outcome.code, reason=outcome.reason)
        if isinstance(row, Dispatch) and row.service and outcome.code == "blocked":
            # The service has said that nobody is behind the token any more.
            pushing.forget(row)
    elif outcome.state == Delivery.UNKNOWN:
        rows.update(
            state=Delivery.UNKNOWN,
            due_at=None,
            settled_at=now,
            error_code=outcome.code,
            error=outcome.reason,
        )
        claims.tell(row)
    else:
        rows.update(
            state=Delivery.QUEUED,
            due_at=now + outcome.wait,
            error_code=outcome.code,
            error=outcome.reason,
        )
        claims.tell(row)


def _move(row: Any, status: str) -> None:  # Any: either kind of row
    rows = type(row).objects.filter(pk=row.pk)
    if isinstance(row, Outbox):
        receipts.advance(rows, status)
    else:
        receipts.forward(rows, status)


def _remember(claim: Claim, outcome: Outcome, now: datetime, milliseconds: int) -> None:
    is_reply = claim.model is Outbox
    DeliveryAttempt.objects.create(
        at=now,
        channel_id=claim.channel_id,
        message_id=claim.pk if is_reply else None,
        dispatch_id=None if is_reply else claim.pk,
        number=claim.attempts,
        outcome=outcome.state,
        code=outcome.code,
        detail=outcome.reason,
        milliseconds=min(milliseconds, 2**31 - 1),
    )
