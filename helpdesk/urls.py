"""Where every page, call and webhook is found."""

from django.urls import URLPattern, URLResolver, include, path

from helpdesk.health import healthz

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("routing/", include("routing.urls")),
    path("api/", include("helpdesk.api.urls")),
    path("", include("helpdesk.admin.urls")),
    path("", include("channels_app.urls")),
    path("", include("helpdesk.portal.urls")),
]

handler404 = "helpdesk.portal.errors.not_found"
handler500 = "helpdesk.portal.errors.server_error"
