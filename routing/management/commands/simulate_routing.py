"""Plays an afternoon of a company with the engine, and writes down who began to answer what, when."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from helpdesk.errors import Invalid


class Command(BaseCommand):
    help = (
        "Play a world (people, arrivals and luck drawn beforehand, as JSON, packed or not) by the "
        "engine's own rules or those of a policy, and say what it was worth."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--world", type=Path, required=True, metavar="FILE")
        parser.add_argument(
            "--log", type=Path, required=True, metavar="FILE", help="one JSON line for each start"
        )
        parser.add_argument(
            "--policy", type=Path, metavar="FILE", help="rules as JSON; else as delivered"
        )
        parser.add_argument("--json", action="store_true", help="end with one JSON object")

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        from routing.deciding.rules import Rules  # noqa: PLC0415  (the solver is slow to load)
        from routing.laboratory.figures import figures  # noqa: PLC0415
        from routing.laboratory.policies import read_rules  # noqa: PLC0415
        from routing.laboratory.world import Play, read_world  # noqa: PLC0415

        try:
            world = read_world(options["world"])
            rules = read_rules(options["policy"]) if options["policy"] else Rules()
        except Invalid as error:
            raise CommandError(f"{error.details['field']}: {error.message}") from error
        starts = list(Play(world, rules).starts())
        lines = [
            {
                "conversation": start.conversation,
                "repeat": int(start.is_second),
                "staff": start.person,
                "start": start.at,
            }
            for start in starts
        ]
        try:
            options["log"].write_text("".join(json.dumps(line) + "\n" for line in lines))
        except OSError as error:
            raise CommandError(f"log: {error.strerror}") from error
        found = asdict(figures(world, starts))
        for name, value in found.items():
            self.stdout.write(f"{name:26} {value}")
        if options["json"]:
            self.stdout.write(json.dumps(found))
