"""Issues an API token from the command line; prints it once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from helpdesk.errors import HelpdeskError
from helpdesk.models import Organization, Staff
from helpdesk.services.api_tokens import SCOPES, issue_token
from helpdesk.tenancy import organization_transaction, platform_transaction


class Command(BaseCommand):
    """`manage.py api_token --organization SLUG --staff EMAIL --scopes ...`"""

    help = (
        "Issue an API token that acts for one member of staff, and print it: it is shown only now."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", required=True, help="short name of the organization")
        parser.add_argument("--staff", required=True, help="mail address of the member of staff")
        parser.add_argument("--scopes", required=True, nargs="+", choices=sorted(SCOPES))
        parser.add_argument("--name", default="command line", help="what the token is for")
        parser.add_argument("--days", type=int, help="how long it is valid; for ever when left out")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's own signature
        """Print the token; raises CommandError for an unknown organization or person."""
        with platform_transaction():
            slug = options["organization"]
            organization = Organization.objects.filter(slug=slug).first()
        if organization is None:
            raise CommandError("There is no organization with this short name.")
        days = options["days"]
        with organization_transaction(organization.pk):
            email = options["staff"].strip().lower()
            staff = Staff.objects.filter(user__email=email, is_active=True).first()
            if staff is None:
                raise CommandError("Nobody with this mail address works there.")
            try:
                token = issue_token(
                    None,
                    staff.pk,
                    name=options["name"],
                    scopes=options["scopes"],
                    expires_at=timezone.now() + timedelta(days=days) if days else None,
                )
            except HelpdeskError as error:
                raise CommandError(str(error.message)) from error
        self.stdout.write(token)
