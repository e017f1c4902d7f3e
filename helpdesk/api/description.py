"""What the schema says of every operation: its problems, and how a call is made only once."""

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; decide by it, not by the text."},
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
        (400, "The body or a parameter is wrong; `errors` names the fields."),
        (401, "No valid token."),
        (403, "The token or its person may not do this."),
        (404, "Absent or forbidden: the two answer alike."),
        (409, "The conversation has moved on."),
        (413, "The body is too large."),
        (422, "The idempotency key was used with another body."),
        (429, "Too many calls; wait as Retry-After says."),
    ]
}
IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Any 1 to 80 visible characters of yours. The same key with the same body gets the "
    "same answer for a day and changes nothing twice.",
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
