"""The loops of the connector: each does one kind of work as it comes, or within a second, and stops no other."""

import logging
import threading
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, close_old_connections
from psycopg_pool import PoolTimeout

from helpdesk.bell import Bell

logger = logging.getLogger(__name__)

LONGEST_SLEEP_SECONDS = 1.0
AWAY_SECONDS = 1.0
STOP_SECONDS = 20.0


class Loop:
    """Calls `work` whenever the bell rings and at least once a second, in a thread of its own."""

    def __init__(self, name: str, work: Callable[[], object], notification: str) -> None:
        self.name = name
        self._work = work
        self._notification = notification
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to stop after what it is doing."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until it has stopped; what is not done by then is found again by its lease."""
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        bell = Bell(self._notification)
        while not self._stopping.is_set():
            self._once()
            bell.wait(LONGEST_SLEEP_SECONDS)
        bell.close()

    def _once(self) -> None:
        try:
            self._work()
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            logger.warning("The database is away: %s", type(error).__name__)
            self._stopping.wait(AWAY_SECONDS)
        except Exception:
            # One poisoned row must not stop the others for ever: its lease ends, the rest goes on.
            logger.exception("%s failed", self.name)
            self._stopping.wait(AWAY_SECONDS)
        finally:
            close_old_connections()
