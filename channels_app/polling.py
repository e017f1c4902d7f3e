"""What has to be fetched is fetched here, page by page: a position is stored with the events before it.

A hint of the vendor or the time makes a channel due. One process reads a place at a time, by lease and
fencing number; a hint that comes meanwhile makes it due again.
"""

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import override
from psycopg_pool import PoolTimeout

from channels_app.calls import recording
from channels_app.models import PollPosition
from channels_app.protocol import Polled, Polls
from channels_app.registry import FOLDERS, adapter_for, make_adapter
from channels_app.services import fetching, ingesting
from channels_app.services.doors import Door, find_door
from helpdesk.errors import HelpdeskError, NotFound
from helpdesk.models import Channel
from helpdesk.registries import Sweep, sweeps
from helpdesk.tenancy import (
    due_organizations,
    organization_scope,
    organization_transaction,
)

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=90)
# Pages of one place in one turn; then others have theirs.
MOST_PAGES = 50
BATCH = 10
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=10)
# A place that nothing is due at is looked at again after so long when its kind only answers hints.
NEVER = timedelta(days=1)
# How soon a new channel is looked at.
LOOK_SECONDS = 5.0
_AWAY = (OperationalError, InterfaceError, PoolTimeout)


class LeaseLost(Exception):
    """Somebody else reads this place by now."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A place that this process may read, as it was when it was claimed."""

    row: PollPosition
    public_id: str

    @property
    def fence(self) -> int:
        return int(self.row.fence)


def poll_due() -> int:
    """Read what is due in all organizations; returns how many places were read."""
    organizations = due_organizations("polls")
    done = 0
    for organization_id in random.sample(organizations, len(organizations)):
        with organization_scope(organization_id):
            for turn in _claimed(timezone.now()):
                _take(turn)
                done += 1
    return done


def begin_polling(now: datetime) -> int:
    """Begin with the places of new channels that are fetched; returns how many. The scope is open."""
    begun = 0
    with organization_transaction():
        for channel in Channel.objects.filter(kind__in=FOLDERS, is_active=True).order_by("id"):
            adapter = adapter_for(channel)
            if isinstance(adapter, Polls):
                begun += fetching.begin(channel.pk, adapter.places)
    return begun


def _claimed(now: datetime) -> list[Turn]:
    with organization_transaction():
        free = Q(lease_until=None) | Q(lease_until__lte=now)
        due = PollPosition.objects.filter(free, due_at__lte=now, channel__is_active=True)
        rows = due.select_related("channel").select_for_update(of=("self",), skip_locked=True)
        found = list(rows.order_by("due_at", "id")[:BATCH])
        for row in found:
            row.fence += 1
            row.lease_until = now + LEASE
            row.save(update_fields=["fence", "lease_until"])
        return [Turn(row, row.channel.public_id) for row in found]


def _take(turn: Turn) -> None:
    """Read one place; whatever goes wrong is noted there, and the pause grows with every failure in a row."""
    try:
        door = find_door(turn.public_id)
        adapter = make_adapter(door.kind, door.config)
        if not isinstance(adapter, Polls):
            _change(turn, due_at=timezone.now() + NEVER, lease_until=None)
            return
        _read(turn, door, adapter)
    except LeaseLost:
        return
    except NotFound:
        _change(turn, lease_until=None, due_at=timezone.now() + LONGEST_PAUSE)
    except _AWAY as error:
        logger.warning("The database is away: %s", type(error).__name__)
    except HelpdeskError as error:
        with override(turn.row.channel.language):
            _fail(turn, str(error.message))
    except Exception as error:
        logger.exception("Polling failed: channel %s", turn.row.channel_id)
        _fail(turn, type(error).__name__)


def _read(turn: Turn, door: Door, adapter: Polls) -> None:
    position = turn.row.position
    account = recording.account_of(door.organization_id, door.channel_id, door.config)
    for _page in range(MOST_PAGES):
        # The vendor is asked outside of any transaction.
        with recording.calls_of(account, recording.POLL):
            page = adapter.poll(turn.row.place, position, turn.row.hint)
        _keep(turn, door, page)
        position = page.position
        if not page.has_more:
            _rest(turn, adapter.poll_every or NEVER)
            return
    _change(turn, due_at=timezone.now(), lease_until=None, failures=0, error="")


def _keep(turn: Turn, door: Door, page: Polled) -> None:
    """Store a page and how far it brings us, in one transaction. Raises LeaseLost."""
    now = timezone.now()
    with organization_transaction():
        rows = PollPosition.objects.filter(pk=turn.row.pk, fence=turn.fence)
        if not rows.update(position=page.position, lease_until=now + LEASE, read_at=now):
            raise LeaseLost
        for raw, events in page.items:
            ingesting.store(door, events, raw, is_backlog=page.is_backlog)


def _rest(turn: Turn, pause: timedelta) -> None:
    """Give the place back: due after its pause, at once when it was wanted again meanwhile."""
    done = {"lease_until": None, "failures": 0, "error": ""}
    with organization_transaction():
        rows = PollPosition.objects.filter(pk=turn.row.pk, fence=turn.fence)
        rows.filter(wanted=turn.row.wanted).update(due_at=timezone.now() + pause, hint={})
        rows.update(**done)


def _fail(turn: Turn, reason: str) -> None:
    made = turn.row.failures + 1
    pause = min(FIRST_PAUSE * 2 ** min(made - 1, 12), LONGEST_PAUSE)
    try:
        _change(
            turn,
            failures=made,
            error=reason[:300],
            lease_until=None,
            due_at=timezone.now() + pause,
        )
    except LeaseLost:
        return


def _change(turn: Turn, **facts: Any) -> None:  # Any: of the columns' types
    with organization_transaction():
        if not PollPosition.objects.filter(pk=turn.row.pk, fence=turn.fence).update(**facts):
            raise LeaseLost


sweeps.register("polls", Sweep(run=begin_polling, every_seconds=LOOK_SECONDS))
