"""The machine-readable description of the API, and the page that shows it without any other host."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.views import SpectacularAPIView

from helpdesk.api.authentication import TokenAuthentication


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
