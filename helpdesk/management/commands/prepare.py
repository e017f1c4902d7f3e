"""Brings an installation up to date in one process: schema, translations, static files, demo."""

import gc
import time
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand, CommandParser

from deploy import fingerprints
from deploy.role_check import role_problems
from deploy.translations import compile_translations


class Command(BaseCommand):
    help = (
        "Migrate, compile translations, collect static files, load the demo company: what changed."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="leave the demo company out")
        parser.add_argument("--all", action="store_true", help="run every step, changed or not")

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        steps = list(fingerprints.STEPS) if options["all"] else fingerprints.changed(settings.HOME)
        # The models of every migration are made and dropped by the thousand: collecting them in
        # between takes a quarter of the time, and this process ends soon.
        gc.disable()
        for step in steps:
            if step == "demo" and (options["no_demo"] or not settings.IS_LOOPBACK):
                continue
            started = time.monotonic()
            getattr(self, f"_prepare_{step}")()
            fingerprints.remember(settings.HOME, step)
            self.stdout.write(f"{step}: done in {time.monotonic() - started:.1f} s")

    def _prepare_migrations(self) -> None:
        problems = role_problems()
        if problems:
            raise CommandError("The database is not ready:\n- " + "\n- ".join(problems))
        call_command("migrate", database="owner", interactive=False, verbosity=0)

    def _prepare_translations(self) -> None:
        compile_translations()

    def _prepare_static(self) -> None:
        call_command("collectstatic", interactive=False, verbosity=0)

    def _prepare_demo(self) -> None:
        call_command("demo")
