"""What an app is answered: JSON, and for each refusal a code that programs read."""

from collections.abc import Mapping
from typing import Any

from helpdesk.errors import HelpdeskError

# Nobody stores what is a customer's, and nobody takes it for a page.
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def refusal(error: HelpdeskError) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    """Return status, body and headers of a refusal."""
    body: dict[str, Any] = {"error": error.code, "reason": str(error.message)}
    if "field" in error.details:
        body["field"] = error.details["field"]
    headers = {}
    if "retry_after_seconds" in error.details:
        headers["Retry-After"] = str(error.details["retry_after_seconds"])
    return error.status, body, headers
