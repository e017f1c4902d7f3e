"""Prove the laws of the data on this database."""

import sys
from collections import Counter
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand

from helpdesk.registries import invariant_checks
from helpdesk.tenancy import all_organizations, organization_transaction

SHOWN = 5


class Command(BaseCommand):
    """Print a count for each invariant; exits with 1 and the first five breaches of each when one is broken."""

    help = "Prove the laws of the data on this database."

    def handle(self, *args: Any, **options: Any) -> None:
        breaches: Counter[str] = Counter()
        shown: dict[str, list[str]] = {}
        for organization_id in all_organizations():
            for name, check in invariant_checks.items():
                with organization_transaction(organization_id):
                    found = check.violations()
                    first = list(islice(found, SHOWN))
                    breaches[name] += len(first) + sum(1 for _more in found)
                lines = [f"organization {organization_id}: {line}" for line in first]
                shown.setdefault(name, []).extend(lines)
        for name, check in invariant_checks.items():
            self.stdout.write(f"{name} {breaches[name]} violations ({check.label})")
            for line in shown.get(name, [])[:SHOWN]:
                self.stdout.write(f"    {line}")
        if breaches.total():
            sys.exit(1)
