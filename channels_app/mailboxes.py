"""The mailboxes of all organizations are watched here, each in a thread of its own."""

import json
import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass
from threading import Event as Flag

from django.db import connection

from channels_app.mailbox import AWAY_SECONDS, DATABASE_AWAY, Mailbox
from channels_app.services.doors import Door, find_door
from helpdesk.bell import Bell
from helpdesk.errors import NotFound
from helpdesk.models import Channel
from helpdesk.services.organizations import CHANNELS_CHANGED
from helpdesk.tenancy import all_organizations, organization_scope, organization_transaction

logger = logging.getLogger(__name__)

KIND = "mail"
LOOK_SECONDS = 10.0
# How long nobody looks whether to end.
STEP_SECONDS = 1.0
MOST_AT_ONCE = 50
# Longer than any one command may take: what a turn began with, it can end.
TURN_SECONDS = 600.0
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A channel whose mailbox is to be read; another fingerprint is another way to read it."""

    organization_id: int
    channel_id: int
    public_id: str
    fingerprint: int


class Watcher:
    """Reads one mailbox until told to stop, or once where too many wait for their turn."""

    def __init__(self, wanted: Wanted, *, once: bool, before: "Watcher | None" = None) -> None:
        self.wanted = wanted
        self.once = once
        self.stopping = Flag()
        self.began_at = self.due_at = time.monotonic()
        # Remembers from turn to turn how often it failed, and which mails were the reason.
        self._mailbox: Mailbox | None = before._mailbox if before is not None else None
        self.thread = threading.Thread(
            target=self._run, name=f"mailbox-{wanted.channel_id}", daemon=True
        )

    @property
    def has_ended(self) -> bool:
        """Tell whether it ended because it was told to."""
        return self.stopping.is_set() and not self.thread.is_alive()

    def _run(self) -> None:
        try:
            door = find_door(self.wanted.public_id, kind=KIND)
            with organization_scope(door.organization_id):
                self._read(door)
        except NotFound:
            logger.info("A mailbox was switched off: channel %s", self.wanted.channel_id)
        except DATABASE_AWAY as error:
            logger.warning("The database is away: %s", type(error).__name__)
        finally:
            connection.close()

    def _read(self, door: Door) -> None:
        mailbox = self._mailbox = self._mailbox or Mailbox(door, self.stopping)
        mailbox.stopping = self.stopping
        while not self.stopping.is_set():
            pause = mailbox.read(once=self.once)
            self.due_at = time.monotonic() + pause
            connection.close()
            if self.once:
                return
            self.stopping.wait(pause)


class Watchers:
    """Keeps a watcher at every active mailbox of every organization."""

    def __init__(self) -> None:
        self._stopping = Flag()
        self._running: dict[int, Watcher] = {}
        self._ended: dict[int, Watcher] = {}
        self._thread = threading.Thread(target=self._run, name="mailboxes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Tell every watcher to end and wait for them, not for ever: what they read is read again."""
        self._stopping.set()
        deadline = time.monotonic() + STOP_SECONDS
        self._thread.join(STOP_SECONDS)
        for watcher in self._running.values():
            watcher.stopping.set()
        for watcher in self._running.values():
            watcher.thread.join(max(0.0, deadline - time.monotonic()))

    def look(self) -> None:
        """Start and end watchers, so that those run that should."""
        wanted = {each.channel_id: each for each in wanted_mailboxes()}
        takes_turns = len(wanted) > MOST_AT_ONCE
        self._end(wanted, takes_turns=takes_turns)
        self._begin(wanted, takes_turns=takes_turns)

    def _end(self, wanted: dict[int, Wanted], *, takes_turns: bool) -> None:
        for channel_id, watcher in list(self._running.items()):
            is_over = takes_turns and time.monotonic() - watcher.began_at > TURN_SECONDS
            is_other = wanted.get(channel_id) != watcher.wanted or watcher.once != takes_turns
            if is_over or is_other:
                watcher.stopping.set()
            if not watcher.thread.is_alive():
                del self._running[channel_id]
                self._ended[channel_id] = watcher
        # One that is to be read in another way begins anew.
        self._ended = {
            key: each for key, each in self._ended.items() if each.wanted == wanted.get(key)
        }

    def _begin(self, wanted: dict[int, Wanted], *, takes_turns: bool) -> None:
        """Fill the room with those that are due: of whom the fewest are read now, and the longest due."""
        now = time.monotonic()
        due = {key: self._ended[key].due_at if key in self._ended else 0.0 for key in wanted}
        waiting = [key for key in wanted if key not in self._running and due[key] <= now]
        running = Counter(each.wanted.organization_id for each in self._running.values())
        while waiting and len(self._running) < MOST_AT_ONCE:
            key = min(waiting, key=lambda key: (running[wanted[key].organization_id], due[key]))
            waiting.remove(key)
            running[wanted[key].organization_id] += 1
            watcher = Watcher(wanted[key], once=takes_turns, before=self._ended.get(key))
            self._running[key] = watcher
            watcher.thread.start()

    def _run(self) -> None:
        bell = Bell(CHANNELS_CHANGED)
        while not self._stopping.is_set():
            try:
                self.look()
            except DATABASE_AWAY as error:
                logger.warning("The database is away: %s", type(error).__name__)
                self._stopping.wait(AWAY_SECONDS)
            except Exception:
                # Whatever it is, the mailboxes that are watched go on, and the next look may succeed.
                logger.exception("Looking for mailboxes failed")
            finally:
                connection.close()
            self._rest(bell)
        bell.close()

    def _rest(self, bell: Bell) -> None:
        """Wait until it is time to look again: soon when a channel was saved or makes room for its successor."""
        until = time.monotonic() + LOOK_SECONDS
        while not self._stopping.is_set() and time.monotonic() < until:
            if bell.wait(STEP_SECONDS) or any(each.has_ended for each in self._running.values()):
                return


def wanted_mailboxes() -> list[Wanted]:
    """Return the active mail channels of all organizations that name a server to fetch from."""
    found = []
    for organization_id in all_organizations():
        with organization_scope(organization_id), organization_transaction():
            channels = Channel.objects.filter(kind=KIND, is_active=True).order_by("id")
            found += [_wanted(each) for each in channels if each.settings.get("imap_host")]
    return found


def _wanted(channel: Channel) -> Wanted:
    told = json.dumps([channel.settings, channel.secret, channel.language], sort_keys=True)
    return Wanted(channel.organization_id, channel.pk, channel.public_id, hash(told))
