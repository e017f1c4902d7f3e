"""Limits how often one token may call."""

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from helpdesk.api.authentication import credential_of
from helpdesk.counting import count, seconds_left, window_key
from helpdesk.tenancy import current_organization_id

if TYPE_CHECKING:  # imports these classes itself
    from rest_framework.views import APIView


class TokenThrottle(BaseThrottle):
    """Allows each token a number of calls a minute."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        key = window_key("calls", current_organization_id(), credential_of(request).token_id)
        return count(key) <= int(settings.API_CALLS_PER_MINUTE)

    def wait(self) -> float:
        """Return the seconds until the next window begins."""
        return seconds_left()
