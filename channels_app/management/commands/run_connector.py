"""The connector process: delivers replies as they come, or within a second."""

import logging
import signal
import time
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, close_old_connections
from psycopg_pool import PoolTimeout

from channels_app.delivery import NOTIFICATION, deliver_due
from helpdesk.bell import Bell

logger = logging.getLogger(__name__)

LONGEST_SLEEP_SECONDS = 1.0
AWAY_SECONDS = 1.0


class Command(BaseCommand):
    help = "Deliver replies to the channels, until stopped."
    is_stopping = False

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        bell = Bell(NOTIFICATION)
        while not self.is_stopping:
            self._deliver()
            bell.wait(LONGEST_SLEEP_SECONDS)
        bell.close()

    def _deliver(self) -> None:
        try:
            deliver_due()
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            logger.warning("The database is away: %s", type(error).__name__)
            time.sleep(AWAY_SECONDS)
        except Exception:
            # One poisoned row must not stop the others' replies for ever: its lease ends, the rest goes on.
            logger.exception("Delivering failed")
            time.sleep(AWAY_SECONDS)
        finally:
            close_old_connections()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.is_stopping = True
