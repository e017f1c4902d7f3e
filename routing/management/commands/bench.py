"""Measures speed beside limits that are measured in the same run; the same as `make bench`."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Measure speed and size against the goals, on services of its own; takes some minutes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "only", nargs="*", help="what to measure, such as routing; all of it else"
        )
        parser.add_argument("--json", action="store_true", help="end with one JSON object")

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        json = ["--json"] if options["json"] else []
        os.chdir(settings.BASE_DIR)
        command = [sys.executable, "-m", "bench", *options["only"], *json]
        os.execv(sys.executable, command)  # noqa: S606  (our own, of words)
