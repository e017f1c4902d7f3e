"""Keeps the Chinese catalogues of the texts shown to people."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from deploy import catalogues
from deploy.translations import compile_translations


class Command(BaseCommand):
    help = "Bring the catalogues in line with the code, check them, or compile them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="fail when a translation is missing"
        )
        parser.add_argument("--compile", action="store_true", help="compile what has changed")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's own signature
        if options["check"]:
            self._check()
        elif not options["compile"]:
            for area, waiting in sorted(catalogues.update().items()):
                self.stdout.write(f"{area}: {waiting} to translate")
        if options["compile"]:
            self.stdout.write(f"{compile_translations()} catalogues compiled")

    def _check(self) -> None:
        found = catalogues.problems()
        if found:
            raise CommandError("\n".join([*found, f"{len(found)} texts need a translator"]))
        self.stdout.write("Every text is translated")
