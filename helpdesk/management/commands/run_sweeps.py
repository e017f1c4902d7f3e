"""The sweeper process: wakes on a notification, or after at most one second."""

import signal
import time
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from helpdesk.bell import Bell
from helpdesk.sweeper import Sweeper

CHANNEL = "everydesk_sweep"
LONGEST_SLEEP_SECONDS = 1.0
# A burst of notifications is one reason to look, not a hundred.
SHORTEST_SLEEP_SECONDS = 0.05


class Command(BaseCommand):
    help = "Run everything that becomes due, until stopped."
    is_stopping = False

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        sweeper = Sweeper(should_stop=lambda: self.is_stopping)
        bell = Bell(CHANNEL)
        is_woken = False
        while not self.is_stopping:
            sweeper.run_due(is_woken=is_woken)
            pause = min(sweeper.seconds_until_next(), LONGEST_SLEEP_SECONDS)
            is_woken = bell.wait(max(pause, SHORTEST_SLEEP_SECONDS))
            if is_woken:
                time.sleep(SHORTEST_SLEEP_SECONDS)
        bell.close()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.is_stopping = True
