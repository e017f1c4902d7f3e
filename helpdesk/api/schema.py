"""The machine-readable description of the API, and the page that shows it without any other host."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from drf_spectacular.views import SpectacularAPIView

from helpdesk.api.authentication import TokenAuthentication

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


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped base
    """Describes the token in the schema."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class Schema(SpectacularAPIView):
    """The OpenAPI schema; the same for everybody, so it needs no token."""

    throttle_classes = []
    permission_classes = []
    authentication_classes = []


def docs(request: HttpRequest) -> HttpResponse:
    """Show the schema as a page; its scripts and styles are served from here."""
    return render(request, "api/docs.html", {"version": settings.SPECTACULAR_SETTINGS["VERSION"]})
