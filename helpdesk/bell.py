"""Waits for a hint from the database, and never longer than asked: hints may be lost."""

import logging
import time
from contextlib import suppress

import psycopg
from django.db import connection
from psycopg import sql
from psycopg.conninfo import make_conninfo

logger = logging.getLogger(__name__)
RETRY_SECONDS = 5.0


class Bell:
    """Listens on one notification channel over a connection of its own.

    Behind a transaction pooler nothing is ever heard; the pause between looks stays as asked.
    """

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self._listener: psycopg.Connection[tuple[object, ...]] | None = None
        self._try_again_at = 0.0

    def wait(self, seconds: float) -> bool:
        """Return True as soon as somebody rings, False when the time is over."""
        deadline = time.monotonic() + seconds
        listener = self._listening()
        if listener is None:
            time.sleep(seconds)
            return False
        try:
            rung = list(listener.notifies(timeout=seconds, stop_after=1))
        except psycopg.Error:
            logger.warning("lost the connection that listens on %s", self.channel)
            self.close()
            time.sleep(max(0.0, deadline - time.monotonic()))
            return False
        return bool(rung)

    def close(self) -> None:
        """Hang up; the next wait listens anew."""
        if self._listener is not None:
            with suppress(psycopg.Error):
                self._listener.close()
        self._listener = None

    def _listening(self) -> "psycopg.Connection[tuple[object, ...]] | None":
        if self._listener is None and time.monotonic() >= self._try_again_at:
            try:
                self._listener = psycopg.connect(_address(), autocommit=True)
                self._listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self.channel)))
            except psycopg.Error:
                self._try_again_at = time.monotonic() + RETRY_SECONDS
                self.close()
        return self._listener


def ring(channel: str) -> None:
    """Wake whoever listens on the channel; a lost ring costs no more than their longest pause."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [channel])


def _address() -> str:
    wanted = ("dbname", "user", "password", "host", "port", "sslmode", "connect_timeout")
    known = connection.get_connection_params()
    return make_conninfo(**{name: known[name] for name in wanted if known.get(name)})
