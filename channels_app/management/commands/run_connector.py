"""The connector process: what channels report is fetched, heard and becomes messages, and replies leave."""

import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from channels_app.connector import Loop
from channels_app.delivery import NOTIFICATION as LEAVING
from channels_app.leaving.crew import Crew
from channels_app.lines import Lines
from channels_app.mailboxes import Watchers
from channels_app.placing import NOTIFICATION as CALLING
from channels_app.placing import place_due
from channels_app.polling import poll_due
from channels_app.processing import process_due
from channels_app.services.fetching import NOTIFICATION as HINTED
from channels_app.services.ingesting import NOTIFICATION as ARRIVED

PROCESSING = 3
POLLING = 2


class Command(BaseCommand):
    help = "Read mailboxes, process what channels report, deliver replies and place calls, until stopped."

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()

        def stop(number: int, frame: FrameType | None) -> None:
            stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        crew = Crew()
        loops = [
            # Several, so that one slow file of one message holds up its own sender only.
            *(Loop(f"processing-{number}", process_due, ARRIVED) for number in range(PROCESSING)),
            Loop("delivering", crew.send_due, LEAVING),
            # Several, so that a slow vendor holds up no other.
            *(Loop(f"polling-{number}", poll_due, HINTED) for number in range(POLLING)),
            Loop("calling", place_due, CALLING),
        ]
        watchers, lines = Watchers(), Lines()
        watchers.start()
        lines.start()
        for loop in loops:
            loop.start()
        stopping.wait()
        for loop in loops:
            loop.stop()
        lines.stop()
        watchers.stop()
        for loop in loops:
            loop.join()
        crew.close()
