"""Everything that leaves does so from here: claim a row, call the vendor outside any transaction, store the outcome.

One loop serves both kinds of rows, replies and dispatches, channel by channel, so that none waits for
another's vendor longer than its turn.
"""

import logging
import time
from collections.abc import Iterator

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from psycopg_pool import PoolTimeout

from channels_app.calls import recording
from channels_app.leaving import claims, outcomes
from channels_app.leaving.claims import Claim
from channels_app.leaving.parts import parts_of
from channels_app.protocol import SendError, SendResult
from helpdesk.tenancy import due_organizations, organization_scope

logger = logging.getLogger(__name__)

NOTIFICATION = "everydesk_outbox"
# What all of an organization waits for.
AWAY = (OperationalError, InterfaceError, PoolTimeout)


def wake_connector() -> None:
    """Tell the connector that something waits; it would find it within a second anyway."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [NOTIFICATION])


def due() -> Iterator[tuple[int, int] | tuple[int, int, str]]:
    """Yield organization and channel where something is due that may leave, and settle what was abandoned.

    A push service is named beside its channel: it is a line of its own.
    """
    waiting = {*due_organizations("outbox"), *due_organizations("dispatch")}
    for organization_id in sorted(waiting):
        try:
            with organization_scope(organization_id):
                now = timezone.now()
                claims.end_lapsed(now)
                channels = claims.due_channels(now)
                services = claims.due_services(now)
        except AWAY:
            raise
        except Exception:
            logger.exception("Looking for what is due failed: organization %s", organization_id)
            continue
        for channel_id in channels:
            yield organization_id, channel_id
        for channel_id, service in services:
            yield organization_id, channel_id, service


def deliver_channel(organization_id: int, channel_id: int, service: str = "") -> int:
    """Send what is due through one channel; returns how much was tried."""
    tried = 0
    with organization_scope(organization_id):
        try:
            while claim := claims.claim_next(channel_id, timezone.now(), service):
                deliver(claim)
                tried += 1
        except AWAY:
            raise
        except Exception:
            # What is in the way of one channel is in nobody else's; its lease ends.
            logger.exception("Delivering failed: channel %s", channel_id)
    return tried


def deliver(claim: Claim) -> None:
    """Send one claimed row and store the outcome; the scope is open, a transaction is not."""
    started = time.monotonic()
    result = _sent(claim)
    outcomes.store(claim, result, round((time.monotonic() - started) * 1000))


def _sent(claim: Claim) -> SendResult | SendError:
    try:
        with recording.calls_of(claim.account, recording.SEND):
            return _sent_in_parts(claim)
    except SendError as error:
        return error
    except Exception as error:
        logger.exception("Sending failed: %s %s", claim.model.__name__, claim.pk)
        return SendError(type(error).__name__, kind="other", ambiguous=True)


def _sent_in_parts(claim: Claim) -> SendResult:
    """Send what the vendor has not taken yet, part by part; the last one's answer is the whole's."""
    *earlier, last = parts_of(claim.message, claim.adapter.capabilities)
    taken = outcomes.parts_taken(claim) if earlier else 0
    for number, part in enumerate(earlier[taken:], taken):
        if not outcomes.keep_part(claim, number, claim.adapter.send(part)):
            raise SendError("Somebody else sends it by now")
    return claim.adapter.send(last)
