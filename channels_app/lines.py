"""Long connections to vendors that report through one: each is held by one process, in a thread of its own.

Who holds a line keeps its lease; when the process dies another one takes over as soon as that ends.
"""

import json
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Event as Flag

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django.utils.translation import override
from psycopg_pool import PoolTimeout

from channels_app.exchange import CallStanding
from channels_app.models import PollPosition
from channels_app.protocol import Event, Listens, RawRequest
from channels_app.registry import FOLDERS, adapter_class, config_of, make_adapter
from channels_app.services import fetching, ingesting, standing
from channels_app.services.doors import Door, find_door
from helpdesk.bell import Bell
from helpdesk.errors import HelpdeskError, NotFound
from helpdesk.models import Channel
from helpdesk.services.organizations import CHANNELS_CHANGED
from helpdesk.tenancy import all_organizations, organization_scope, organization_transaction

logger = logging.getLogger(__name__)

# The row that says who holds the line of a channel, and where it was.
PLACE = fetching.LINE
LEASE = timedelta(seconds=60)
HOLD_ON = timedelta(seconds=20)
LOOK_SECONDS = 10.0
STEP_SECONDS = 1.0
STOP_SECONDS = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
# A line that held so long begins anew at once.
GOOD_SECONDS = 60.0
MOST_LINES = 200
_AWAY = (OperationalError, InterfaceError, PoolTimeout)


class LineLost(Exception):
    """Another process holds the line by now."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A channel whose line is to be held; another fingerprint is another way to hold it."""

    organization_id: int
    channel_id: int
    public_id: str
    fingerprint: int


class HeldLine:
    """What an adapter that listens is given: where things are stored, and whether to go on."""

    def __init__(self, door: Door, row: PollPosition, stopping: Flag) -> None:
        self.door = door
        self.position = row.position
        self._fence = row.fence
        self._stopping = stopping
        self._held_at = timezone.now()

    def is_wanted(self) -> bool:
        """Tell whether to go on listening, and hold the lease on. Raises LineLost."""
        if timezone.now() - self._held_at > HOLD_ON:
            self._hold(read_at=timezone.now())
        return not self._stopping.is_set()

    def take(self, raw: bytes, events: Sequence[Event], *, position: str | None = None) -> None:
        """Store what came, and where the line is by now; the vendor may be told once this returns.

        Raises LineLost when another process holds the line.
        """
        if position is not None:
            self.position = position
        with organization_transaction():
            now = timezone.now()
            self._hold(position=self.position, failures=0, error="", read_at=now)
            ingesting.store(self.door, events, raw)

    def unreadable(self, raw: bytes, *, reason: str) -> None:
        """Keep what came and cannot be read, to be shown. Raises LineLost."""
        self._hold()
        call = RawRequest("WIRE", "", (), {}, raw, timezone.now())
        ingesting.store_unreadable(self.door, call, reason=reason)

    def works(self) -> None:
        """Say that the vendor has let us in. Raises LineLost."""
        self._hold(failures=0, error="", read_at=timezone.now())

    def standing(self, call_id: str, reference: str) -> CallStanding:
        """Return how a phone call stands, for exchanges."""
        return standing.of_call(self.door, call_id, reference)

    def _hold(self, **facts: object) -> None:
        now = timezone.now()
        with organization_transaction():
            rows = PollPosition.objects.filter(
                channel_id=self.door.channel_id, place=PLACE, fence=self._fence
            )
            if not rows.update(lease_until=now + LEASE, **facts):
                raise LineLost
        self._held_at = now


class Listener:
    """Holds the line of one channel until told to stop, and takes it up again whenever it breaks."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.stopping = Flag()
        self.thread = threading.Thread(
            target=self._run, name=f"line-{wanted.channel_id}", daemon=True
        )

    def _run(self) -> None:
        failures = 0
        while not self.stopping.is_set():
            began = time.monotonic()
            failed = self._once()
            connection.close()
            failures = failures + 1 if failed else 0
            if time.monotonic() - began > GOOD_SECONDS:
                failures = min(failures, 1)
            self.stopping.wait(min(FIRST_PAUSE * 2 ** min(failures, 12), LONGEST_PAUSE))

    def _once(self) -> bool:
        """Hold the line once; tells whether it failed."""
        try:
            door = find_door(self.wanted.public_id)
            with organization_scope(door.organization_id):
                return self._hold(door)
        except NotFound:
            return False
        except _AWAY as error:
            logger.warning("The database is away: %s", type(error).__name__)
            return True

    def _hold(self, door: Door) -> bool:
        row = _leased(door.channel_id)
        if row is None:
            return True
        line = HeldLine(door, row, self.stopping)
        try:
            adapter = make_adapter(door.kind, door.config)
            if isinstance(adapter, Listens):
                # What is said of it is said to whoever administers the channel.
                with override(door.language):
                    adapter.listen(line)
        except LineLost:
            return False
        except _AWAY:
            raise
        except HelpdeskError as error:
            _note(door.channel_id, row.fence, str(error.message))
            return True
        except Exception as error:
            logger.exception("A line broke: channel %s", door.channel_id)
            _note(door.channel_id, row.fence, type(error).__name__)
            return True
        finally:
            _release(door.channel_id, row.fence)
        return False


class Lines:
    """Keeps a listener at every channel that has a line, of every organization."""

    def __init__(self) -> None:
        self._stopping = Flag()
        self._running: dict[int, Listener] = {}
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Tell every listener to end and wait for them, not for ever."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)
        self.stop_listening()

    def stop_listening(self) -> None:
        """End every line that is held now."""
        deadline = time.monotonic() + STOP_SECONDS
        for listener in self._running.values():
            listener.stopping.set()
        for listener in self._running.values():
            listener.thread.join(max(0.0, deadline - time.monotonic()))

    def look(self) -> None:
        """Start and end listeners, so that those run that should."""
        wanted = {each.channel_id: each for each in wanted_lines()}
        for channel_id, listener in list(self._running.items()):
            if wanted.get(channel_id) != listener.wanted:
                listener.stopping.set()
            if not listener.thread.is_alive():
                del self._running[channel_id]
        for channel_id, each in wanted.items():
            if channel_id not in self._running and len(self._running) < MOST_LINES:
                listener = self._running[channel_id] = Listener(each)
                listener.thread.start()

    def _run(self) -> None:
        bell = Bell(CHANNELS_CHANGED)
        while not self._stopping.is_set():
            try:
                self.look()
            except _AWAY as error:
                logger.warning("The database is away: %s", type(error).__name__)
            except Exception:
                # Whatever it is, the lines that are held go on, and the next look may succeed.
                logger.exception("Looking for lines failed")
            finally:
                connection.close()
            self._rest(bell)
        bell.close()

    def _rest(self, bell: Bell) -> None:
        until = time.monotonic() + LOOK_SECONDS
        while not self._stopping.is_set() and time.monotonic() < until:
            if bell.wait(STEP_SECONDS) or any(
                each.stopping.is_set() and not each.thread.is_alive()
                for each in self._running.values()
            ):
                return


def wanted_lines() -> list[Wanted]:
    """Return the active channels of all organizations that have a line, as they are set up."""
    kinds = [kind for kind in FOLDERS if hasattr(adapter_class(kind), "listen")]
    found: list[Wanted] = []
    for organization_id in all_organizations() if kinds else ():
        with organization_scope(organization_id), organization_transaction():
            channels = Channel.objects.filter(kind__in=kinds, is_active=True).order_by("id")
            found += [_wanted(each) for each in channels if _has_line(each)]
    return found


def _has_line(channel: Channel) -> bool:
    adapter = make_adapter(channel.kind, config_of(channel))
    return isinstance(adapter, Listens) and adapter.has_line


def _wanted(channel: Channel) -> Wanted:
    told = json.dumps([channel.settings, channel.secret, channel.language], sort_keys=True)
    return Wanted(channel.organization_id, channel.pk, channel.public_id, hash(told))


def _leased(channel_id: int) -> PollPosition | None:
    """Return the row under whose fencing number this process may listen; None while another one does."""
    now = timezone.now()
    with organization_transaction():
        PollPosition.objects.bulk_create(
            [PollPosition(channel_id=channel_id, place=PLACE)], ignore_conflicts=True
        )
        rows = PollPosition.objects.select_for_update().filter(channel_id=channel_id)
        row: PollPosition = rows.get(place=PLACE)
        if row.lease_until is not None and row.lease_until > now:
            return None
        row.fence += 1
        row.lease_until = now + LEASE
        row.save(update_fields=["fence", "lease_until"])
        return row


def _note(channel_id: int, fence: int, reason: str) -> None:
    with organization_transaction():
        rows = PollPosition.objects.filter(channel_id=channel_id, place=PLACE, fence=fence)
        row = rows.first()
        if row is not None:
            rows.update(failures=row.failures + 1, error=reason[:300])


def _release(channel_id: int, fence: int) -> None:
    try:
        with organization_transaction():
            rows = PollPosition.objects.filter(channel_id=channel_id, place=PLACE, fence=fence)
            rows.update(lease_until=None)
    except _AWAY as error:
        logger.warning("The lease of a line ends by itself: %s", type(error).__name__)
