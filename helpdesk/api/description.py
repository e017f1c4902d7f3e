"""What the schema says of every operation: its problems, and how a call is made only once.

What it says is in the reader's language: `messages` collects these texts and the docstrings that the
schema shows, and `translate` puts their translations in their places.
"""

from typing import Any, Literal

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": _("Stable; decide by it, not by the text.")},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
PROBLEMS = {
    (status, "application/problem+json"): OpenApiResponse(PROBLEM, description=description)
    for status, description in [
        (400, _("The body or a parameter is wrong; `errors` names the fields.")),
        (401, _("No valid token.")),
        (403, _("The token or its person may not do this.")),
        (404, _("Absent or forbidden: the two answer alike.")),
        (409, _("The conversation has moved on.")),
        (413, _("The body is too large.")),
        (422, _("The idempotency key was used with another body.")),
        (429, _("Too many calls; wait as Retry-After says.")),
    ]
}
IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=_(
        "Any 1 to 80 visible characters of yours. The same key with the same body gets the same "
        "answer for a day and changes nothing twice."
    ),
)


class ApiSchema(AutoSchema):
    """Adds to every operation the problems that it can answer with."""

    def _get_response_bodies(
        self, direction: Literal["request", "response"] = "response"
    ) -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for (status, kind), response in PROBLEMS.items():
            body = self._get_response_for_code(  # type: ignore[no-untyped-call]  # untyped package
                response, str(status), [kind]
            )
            bodies.setdefault(str(status), body)
        return bodies


def translate(result: Any, **context: Any) -> Any:  # Any: JSON, and what the generator tells
    """Return the schema with its descriptions in the reader's language."""
    if isinstance(result, list):
        return [translate(part) for part in result]
    if not isinstance(result, dict):
        return result
    return {
        name: gettext(part)
        if name == "description" and isinstance(part, str) and part
        else translate(part)
        for name, part in result.items()
    }
