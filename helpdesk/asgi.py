"""The application that the web processes serve: pages over HTTP, live screens over sockets."""

import os
from typing import Any, cast

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.urls import re_path
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
pages = get_asgi_application()  # loads the apps, which the sockets below need


def _refuse_privileged_role() -> None:
    """Serve nobody as a role that sees every organization's rows."""
    from helpdesk.checks import application_role_errors  # noqa: PLC0415  (needs loaded apps)

    for error in application_role_errors():
        raise ImproperlyConfigured(f"{error.id}: {error.msg} {error.hint}")
    connections.close_all()


_refuse_privileged_role()
sockets = import_string("channels_app.live.urls.websocket_urlpatterns")
# Any: Django types its own views only.
waiting = import_string("channels_app.live.urls.http_urlpatterns")
application = ProtocolTypeRouter(
    {"http": URLRouter([*waiting, re_path("", cast(Any, pages))]), "websocket": URLRouter(sockets)}
)
