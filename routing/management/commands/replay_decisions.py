"""Decides again what was decided, from what each decision keeps, and says whether all of it comes out the same."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from helpdesk.tenancy import all_organizations, organization_scope, organization_transaction

SHOWN = 5
BATCH = 500


class Command(BaseCommand):
    help = (
        "Score the kept candidates of all decisions since a moment again; exits with 1 when one comes "
        "out differently than it was kept. What an older engine decided is counted and left out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            type=_moment,
            required=True,
            metavar="MOMENT",
            help="as 2026-03-12 or 2026-03-12T08:00:00+08:00; UTC unless it says otherwise",
        )
        parser.add_argument("--json", action="store_true", help="end with one JSON object")

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        found: Counter[str] = Counter(identical=0, different=0, older_engine=0)
        for organization_id in all_organizations():
            with organization_scope(organization_id):
                for pk, outcome in _replayed(options["since"]):
                    found[outcome] += 1
                    if outcome == "different" and found[outcome] <= SHOWN:
                        self.stderr.write(f"organization {organization_id}: decision {pk} differs")
        figures = {"decisions": found.total(), **found}
        for name, count in figures.items():
            self.stdout.write(f"{name:14} {count}")
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        if found["different"]:
            sys.exit(1)


def _replayed(since: datetime) -> Any:  # Any: an iterator, whose module is slow to load
    from routing.models import Decision  # noqa: PLC0415  (the apps load it)
    from routing.recording import NotReplayable, is_reproduced  # noqa: PLC0415

    last = 0
    while True:
        with organization_transaction():
            rows = Decision.objects.filter(pk__gt=last, at__gte=since).order_by("pk")
            batch = list(rows[:BATCH])
        for decision in batch:
            try:
                yield decision.pk, "identical" if is_reproduced(decision) else "different"
            except NotReplayable:
                yield decision.pk, "older_engine"
        if len(batch) < BATCH:
            return
        last = batch[-1].pk


def _moment(given: str) -> datetime:
    try:
        found = datetime.fromisoformat(given)
    except ValueError as error:
        raise ArgumentTypeError(f"{given} is no moment") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
