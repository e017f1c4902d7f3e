"""The threads of a connector that send: one channel each, so that a slow vendor holds nobody else up."""

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from django.db import connection

from channels_app import delivery

logger = logging.getLogger(__name__)

WORKERS = 8


class Crew:
    """Sends what is due, each channel in a thread of its own, as many at once as there are threads."""

    def __init__(self, workers: int = WORKERS) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="leaving")
        self._busy: set[tuple[int, int] | tuple[int, int, str]] = set()
        self._lock = Lock()

    def send_due(self) -> int:
        """Start on every channel with something due that nobody is busy with; returns how many."""
        started = 0
        for place in delivery.due():
            with self._lock:
                if place in self._busy:
                    continue
                self._busy.add(place)
            self._threads.submit(self._send, place)
            started += 1
        return started

    def close(self) -> None:
        """Wait for the calls that are running, and start no more."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _send(self, place: tuple[int, int] | tuple[int, int, str]) -> None:
        try:
            delivery.deliver_channel(*place)
        except delivery.AWAY as error:
            logger.warning("The database is away: %s", type(error).__name__)
        finally:
            connection.close()
            with self._lock:
                self._busy.discard(place)
