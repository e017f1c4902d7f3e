"""The application that the web processes serve: pages over HTTP, live screens over sockets."""

import os
from importlib.util import find_spec

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
pages = get_asgi_application()  # loads the apps, which the sockets below need


def _sockets() -> list[object]:
    # Remove the condition once channels_app has its sockets.
    if not find_spec("channels_app.live") or not find_spec("channels_app.live.urls"):
        return []
    from channels_app.live.urls import websocket_urlpatterns  # noqa: PLC0415

    return list(websocket_urlpatterns)


application = ProtocolTypeRouter(
    {"http": pages, "websocket": AuthMiddlewareStack(URLRouter(_sockets()))}
)
