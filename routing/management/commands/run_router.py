"""The router process: wakes on a notification, or after at most one second, unless told otherwise."""

import logging
import os
import signal
import socket
import time
from types import FrameType
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connections

from helpdesk.bell import Bell
from helpdesk.tenancy import due_organizations, organization_scope
from routing import engine, leases
from routing.handlers import CHANNEL

logger = logging.getLogger(__name__)
LONGEST_PAUSE_SECONDS = 1.0
# A burst of notifications is one reason to look, not a hundred; it also lets a batch gather.
SHORTEST_PAUSE_SECONDS = 0.02


class Command(BaseCommand):
    help = "Judge new messages and assign waiting conversations, until stopped."
    is_stopping = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--no-lease",
            action="store_true",
            help="Work beside other routers without a lease; capacity is guarded all the same.",
        )
        parser.add_argument(
            "--longest-pause",
            type=float,
            default=LONGEST_PAUSE_SECONDS,
            metavar="SECONDS",
            help="Look after this time even when nobody rings (default: %(default)s).",
        )
        parser.add_argument("--once", action="store_true", help="Look once at everybody and end.")

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self.with_lease = not options["no_lease"]
        self.holder = f"{socket.gethostname()[:30]}:{os.getpid()}:{uuid4().hex[:8]}"
        self.seen: set[int] = set()
        if options["once"]:
            self._look()
            self._give_up_leases()
            return
        bell = Bell(CHANNEL)
        # Listens from here on: what rings during the first look is heard after it.
        bell.wait(0)
        while not self.is_stopping:
            is_unfinished = self._look()
            if not is_unfinished and bell.wait(options["longest_pause"]):
                time.sleep(SHORTEST_PAUSE_SECONDS)
        bell.close()
        self._give_up_leases()

    def _look(self) -> bool:
        """Look at every organization with something to do; tells whether some of it is left."""
        try:
            due = sorted({*due_organizations("route"), *due_organizations("waiting")})
        except DatabaseError:
            logger.exception("could not ask who is due")
            connections.close_all()
            return False
        is_unfinished = False
        for organization_id in due:
            if self.is_stopping:
                break
            is_unfinished |= self._work(organization_id)
        connections.close_all()
        return is_unfinished

    def _work(self, organization_id: int) -> bool:
        """Look at one organization; a failure stops nobody else."""
        self.seen.add(organization_id)
        try:
            outcome = engine.work(organization_id, self.holder, with_lease=self.with_lease)
        except Exception:
            logger.exception("routing failed for organization %s", organization_id)
            return False
        return outcome.is_unfinished

    def _give_up_leases(self) -> None:
        for organization_id in self.seen if self.with_lease else ():
            try:
                with organization_scope(organization_id):
                    leases.release(self.holder)
            except DatabaseError:
                logger.warning("could not give up the lease of organization %s", organization_id)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.is_stopping = True
