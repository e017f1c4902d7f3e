"""Lives through many made-up experiments, and says how often they claim what is not so, or find what is."""

import json
from argparse import ArgumentParser
from statistics import fmean
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Live through experiments of a made-up company in which the draft changes nothing, then through as "
        "many in which it resolves more, and say how often each claimed a difference."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--runs", type=int, default=1000, metavar="N", help="of each sort")
        parser.add_argument(
            "--effect",
            type=float,
            default=10.0,
            metavar="PERCENT",
            help="by which the draft resolves more, of what is resolved without it",
        )
        parser.add_argument("--days", type=int, metavar="N", help="of each experiment")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--json", action="store_true", help="end with one JSON object")

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        from routing.laboratory import trying  # noqa: PLC0415  (the statistics are slow to load)
        from routing.laboratory.statistics import Verdict  # noqa: PLC0415

        runs, days = options["runs"], options["days"] or trying.DAYS
        if not (1 <= runs <= 100_000 and 2 <= days <= 365 and abs(options["effect"]) <= 30):
            raise CommandError("runs from 1, days from 2 to 365, effect from -30 to 30")
        alike = list(trying.experiments(runs, 0.0, options["seed"], days))
        other = list(trying.experiments(runs, options["effect"] / 100, options["seed"] + 1, days))
        meant = Verdict.BETTER if options["effect"] > 0 else Verdict.WORSE
        found = {
            "runs": runs,
            "alpha": trying.ALPHA,
            "effect_percent": options["effect"],
            "days": days,
            "slice_minutes": trying.SLICE_MINUTES,
            "washout_minutes": trying.WASHOUT_MINUTES,
            "conversations_a_day": trying.A_DAY,
            "alike_claimed": trying.share(alike, lambda one: one.is_difference),
            "alike_rail_stops": trying.share(alike, lambda one: bool(one.broken)),
            "alike_claimed_by_conversations": trying.share(
                alike, lambda one: one.naive_p < trying.ALPHA
            ),
            "interval_holds_zero": trying.share(alike, lambda one: one.low <= 0 <= one.high),
            "effect_found": trying.share(other, lambda one: one.verdict == meant),
            "effect_mean": round(fmean(one.difference for one in other), 4),
        }
        for name, value in found.items():
            self.stdout.write(f"{name:32} {value}")
        if options["json"]:
            self.stdout.write(json.dumps(found))
