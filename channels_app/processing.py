"""Stored events become messages here: claimed by lease, in order within their lane, each in its own transaction.

What cannot be read is quarantined where somebody sees it, with its bytes; what is about something that
has not come yet is parked and looked at again. Nothing is dropped silently, and nothing stops the rest.
"""

import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from psycopg_pool import PoolTimeout

from channels_app.event_json import from_json
from channels_app.models import InboundEvent
from channels_app.protocol import BadPayload, Event, NotNow, RawRequest, ReadsBehind
from channels_app.registry import adapter_for
from channels_app.services import arriving, quarantining
from channels_app.services.ingesting import request_of, store_again
from channels_app.services.outcomes import Outcome, State
from helpdesk.errors import HelpdeskError
from helpdesk.services.files import discard
from helpdesk.tenancy import (
    current_organization_id,
    due_organizations,
    organization_scope,
    organization_transaction,
)

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
# A vendor may take a minute for a file.
FILE_LEASE = timedelta(seconds=90)
BATCH = 20
# A batch that has taken so long gives back what is left of it: others wait too.
BATCH_SECONDS = 5.0
# Errors of ours, one after the other; what the bytes themselves are to blame for is not tried again.
MOST_ATTEMPTS = 3
# So often work on an event may end without an outcome and begin anew: something kills whoever does it.
MOST_INTERRUPTIONS = 2
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=1)
PARKED_FOR = timedelta(minutes=10)
_OPEN = (State.NEW, State.PARKED)
_AWAY = (OperationalError, InterfaceError, PoolTimeout)


@dataclass(frozen=True, slots=True)
class Claim:
    """One event that this process may work on, as it was when it was claimed, its channel with it."""

    event: InboundEvent
    fence: int

    @property
    def event_id(self) -> int:
        return int(self.event.pk)

    @property
    def lane(self) -> str:
        return str(self.event.lane)

    @property
    def fetches_files(self) -> bool:
        """Tell whether its files lie with the vendor, who may be slow."""
        return any("data" not in each for each in self.event.data.get("attachments", ()))


class LeaseLost(Exception):
    """Somebody else works on the event by now."""


def process_due() -> int:
    """Work on what is due in all organizations, in turns; returns how many events were looked at."""
    done = 0
    while made := sum(map(_process_batch, _in_any_order(due_organizations("inbound")))):
        done += made
    return done


def _process_batch(organization_id: int) -> int:
    with organization_scope(organization_id):
        return process_all(claim_due(timezone.now()))


def _in_any_order(organizations: list[int]) -> list[int]:
    """Keep the loops of this process from going into the same organization together."""
    return random.sample(organizations, len(organizations))


def claim_due(now: datetime) -> list[Claim]:
    """Take due events of the organization in scope: what is live first, then the past, oldest first."""
    with organization_transaction():
        rows = _due(now) if _is_only_one() else []
        if rows:
            pks = [row.pk for row in rows]
            InboundEvent.objects.filter(pk__in=pks).update(due_at=now + LEASE, fence=F("fence") + 1)
        return [Claim(row, row.fence + 1) for row in rows]


def process_now(event_id: int) -> None:
    """Work on one event at once, unless somebody else does; the scope is open."""
    with organization_transaction():
        free = InboundEvent.objects.filter(pk=event_id, state__in=_OPEN, due_at__lte=timezone.now())
        if not free.update(due_at=timezone.now() + LEASE, fence=F("fence") + 1):
            return
        row = InboundEvent.objects.select_related("channel").get(pk=event_id)
    process(Claim(row, row.fence))


def process_all(claims: list[Claim]) -> int:
    """Work on claimed events in their order; whoever has to wait keeps the rest of their lane waiting.

    What would wait too long here is given back, for others to take. Returns how many were looked at.
    """
    waiting: set[str] = set()
    until = time.monotonic() + BATCH_SECONDS
    for at, claim in enumerate(claims, 1):
        is_last = claim.fetches_files or time.monotonic() > until
        if is_last:
            _give_back(claims[at:])
        if claim.lane in waiting:
            _give_back([claim])
        elif not process(claim) and claim.lane:
            waiting.add(claim.lane)
        if is_last:
            return at
    return len(claims)


def process(claim: Claim) -> bool:
    """Work on one claimed event; returns whether its lane may go on."""
    try:
        _work(claim)
    except LeaseLost:
        return False
    except NotNow:
        logger.exception("An event cannot be read now: %s", claim.event_id)
        _change(claim, interruptions=0, due_at=timezone.now() + LONGEST_WAIT)
        return False
    except _AWAY:
        with suppress(*_AWAY):  # then its lease ends by itself
            _change(claim, interruptions=0)
        raise
    except Exception as error:
        return _note(claim, error)
    return True


def _work(claim: Claim) -> None:
    row = claim.event
    request = request_of(row) if row.kind in {"raw", "unreadable"} else None
    if row.interruptions >= MOST_INTERRUPTIONS and row.kind != "unreadable":
        _quarantine(claim, row, "interrupted")
        return
    if claim.fence > 1:
        _change(claim, interruptions=row.interruptions + 1)
    if row.kind == "raw" and "error" in row.data:
        # Its bytes are not all there, and never will be.
        _quarantine(claim, row, str(row.data["error"]))
        return
    try:
        if row.kind == "unreadable" and request is not None:
            events = adapter_for(row.channel).parse(request)
            _settle(claim, lambda kept: _read_again(kept, events))
            return
        event = _read(row, request)
        event, files = arriving.prepared_files(row.channel, event, hold=lambda: _hold(claim))
    except NotNow:
        raise
    except HelpdeskError as error:
        _quarantine(claim, row, _reason(error))
        return
    try:
        _settle(claim, lambda kept: arriving.arrive(kept, event, files))
    except HelpdeskError as error:
        discard(files)
        _quarantine(claim, row, _reason(error))
    except BaseException:
        discard(files)
        raise


def _read(row: InboundEvent, request: RawRequest | None) -> Event:
    """Return the event, read from its bytes where that is done behind. Raises BadPayload."""
    if request is None:
        return from_json(row.data)
    adapter = adapter_for(row.channel)
    if not isinstance(adapter, ReadsBehind):
        raise BadPayload("This channel does not read behind")
    return adapter.read(request.body)


def _read_again(kept: InboundEvent, events: Sequence[Event]) -> Outcome:
    store_again(kept, events)
    return Outcome(State.IGNORED, reason="read_again")


def _settle(claim: Claim, handle: Callable[[InboundEvent], Outcome]) -> None:
    """Have the event arrive and store what became of it, in one transaction; once, whoever else tries.

    Raises LeaseLost when it is somebody else's by now: then nothing has happened.
    """
    with organization_transaction():
        kept = claim.event
        outcome = handle(kept)
        now = timezone.now()
        if outcome.state == State.PARKED and now - kept.received_at > PARKED_FOR:
            outcome = Outcome(State.IGNORED, reason="unmatched")
        is_open = outcome.state == State.PARKED
        is_stored = _open_rows(claim).update(
            state=outcome.state,
            reason=outcome.reason[:300],
            entry_id=outcome.entry_id,
            due_at=now + _wait(claim.fence) if is_open else None,
            processed_at=None if is_open else now,
            interruptions=0,
        )
        if not is_stored:
            raise LeaseLost


def _wait(tries: int) -> timedelta:
    """Return how long to wait after so many tries; longer each time, a minute at most."""
    return min(FIRST_WAIT * int(2 ** min(tries, 10)), LONGEST_WAIT)


def _quarantine(claim: Claim, row: InboundEvent, reason: str) -> None:
    _settle(claim, lambda kept: quarantining.quarantine(kept, reason))


def _note(claim: Claim, error: Exception) -> bool:
    """Let an event be tried again later, or put it aside; returns whether its lane may go on."""
    logger.error("An event could not be processed: %s", claim.event_id, exc_info=error)
    made = claim.event.attempts
    if made + 1 >= MOST_ATTEMPTS:
        _quarantine(claim, claim.event, type(error).__name__)
        return True
    _change(claim, attempts=made + 1, interruptions=0, due_at=timezone.now() + _wait(made))
    return False


def _hold(claim: Claim) -> None:
    """Keep an event while the vendor is asked for one of its files. Raises LeaseLost."""
    with organization_transaction():
        if not _open_rows(claim).update(due_at=timezone.now() + FILE_LEASE):
            raise LeaseLost


def _give_back(claims: list[Claim]) -> None:
    """Let others take what nobody here works on."""
    for claim in claims:
        _change(claim, due_at=timezone.now())


def _change(claim: Claim, **facts: object) -> None:
    with organization_transaction():
        _open_rows(claim).update(**facts)


def _open_rows(claim: Claim) -> QuerySet[InboundEvent]:
    """Return the event's row, unless somebody else has it by now."""
    return InboundEvent.objects.filter(pk=claim.event_id, fence=claim.fence, state__in=_OPEN)


def _reason(error: HelpdeskError) -> str:
    return str(error.message) if isinstance(error, BadPayload) else error.code


def _is_only_one() -> bool:
    """Tell whether nobody else claims events of this organization now; until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtext('everydesk.inbound'), %s::int)",
            [current_organization_id()],
        )
        return bool(cursor.fetchone()[0])


def _due(now: datetime) -> list[InboundEvent]:
    """Return what may be worked on: new events none of whose lane before them is being worked on."""
    leased = InboundEvent.objects.filter(
        lane=OuterRef("lane"), state=State.NEW, id__lt=OuterRef("id"), due_at__gt=now
    )
    new = InboundEvent.objects.filter(
        Q(lane="") | ~Exists(leased), state=State.NEW, due_at__lte=now
    ).select_related("channel")
    new = new.select_for_update(of=("self",), skip_locked=True)
    found = list(new.order_by("is_backlog", "id")[:BATCH])
    parked = InboundEvent.objects.filter(state=State.PARKED, due_at__lte=now)
    parked = parked.select_related("channel").select_for_update(of=("self",), skip_locked=True)
    return found + list(parked.order_by("due_at", "id")[: BATCH - len(found)])
