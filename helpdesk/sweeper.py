"""Runs what has become due, again and again: the net under every hint that was lost."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import DatabaseError, connections
from django.utils import timezone

from helpdesk.registries import Sweep, sweeps
from helpdesk.tenancy import due_organizations, organization_scope

logger = logging.getLogger(__name__)
LONGEST_PAUSE_SECONDS = 60.0


@dataclass
class Failure:
    """How often one sweep has failed in a row for one organization, and when it may try again."""

    count: int = 0
    again_at: float = 0.0

    def note(self, now: float) -> None:
        self.count += 1
        self.again_at = now + min(2.0**self.count, LONGEST_PAUSE_SECONDS)


@dataclass
class Sweeper:
    """Knows when each sweep is next; time is monotonic, so a changed clock neither stops nor floods."""

    clock: Callable[[], float] = time.monotonic
    should_stop: Callable[[], bool] = lambda: False
    _next: dict[str, float] = field(default_factory=dict)
    _failures: dict[tuple[str, int], Failure] = field(default_factory=dict)

    def run_due(self, *, is_woken: bool = False) -> int:
        """Run every sweep whose time has come, or each frequent one when woken; return what they did."""
        done = 0
        for name, sweep in sweeps.items():
            if self.should_stop():
                break
            now = self.clock()
            if now >= self._next.get(name, 0.0) or (is_woken and sweep.every_seconds <= 1.0):
                self._next[name] = now + sweep.every_seconds
                done += self._run(name, sweep)
        connections.close_all()
        return done

    def seconds_until_next(self) -> float:
        """Return how long nothing is due."""
        now = self.clock()
        return max(
            0.0, min((self._next.get(name, now) - now for name in sweeps.names()), default=1.0)
        )

    def _run(self, name: str, sweep: Sweep) -> int:
        """Run one sweep for each organization that needs it; one failure stops nobody else."""
        try:
            organizations = due_organizations(sweep.queue)
        except DatabaseError as error:
            self._note(name, 0, error)
            return 0
        self._failures.pop((name, 0), None)
        return sum(self._run_for(name, sweep, organization) for organization in organizations)

    def _run_for(self, name: str, sweep: Sweep, organization_id: int) -> int:
        failure = self._failures.get((name, organization_id))
        if self.should_stop() or (failure is not None and self.clock() < failure.again_at):
            return 0
        try:
            with organization_scope(organization_id):
                done = sweep.run(timezone.now())
        except Exception as error:
            self._note(name, organization_id, error)
            return 0
        self._failures.pop((name, organization_id), None)
        return done

    def _note(self, name: str, organization_id: int, error: Exception) -> None:
        failure = self._failures.setdefault((name, organization_id), Failure())
        failure.note(self.clock())
        logger.error(
            "sweep %s failed for organization %s, %s in a row",
            name,
            organization_id,
            failure.count,
            exc_info=error,
        )
