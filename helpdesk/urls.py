"""Where every page, call and webhook is found."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

from helpdesk.health import healthz


def _app(prefix: str, module: str) -> list[URLResolver]:
    # Remove once every app named below has its pages.
    return [path(prefix, include(module))] if find_spec(module) else []


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    *_app("routing/", "routing.urls"),
    *_app("api/", "helpdesk.api.urls"),
    *_app("", "helpdesk.admin.urls"),
    *_app("", "channels_app.urls"),
    *_app("", "helpdesk.portal.urls"),
]

handler404 = "helpdesk.portal.errors.not_found"
handler500 = "helpdesk.portal.errors.server_error"
