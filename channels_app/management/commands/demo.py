"""Loads the demo companies and says how to sign in."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from channels_app.demo.accounts import accounts_file
from channels_app.demo.loading import load_demo
from helpdesk.errors import Refused


class Command(BaseCommand):
    help = (
        "Load the demo companies with their people, conversations and accounts; on loopback only."
    )

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's own signature
        try:
            accounts = load_demo()
        except Refused as refused:
            raise CommandError(str(refused.message)) from refused
        self.stdout.write(f"{len(accounts)} demo accounts in {accounts_file()}")
