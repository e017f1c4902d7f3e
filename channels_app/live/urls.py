"""Where the sockets are, and what is asked for and waits as they do."""

from typing import Any, cast

from django.urls import path

from channels_app.live.long_poll import events
from channels_app.live.staff import StaffSocket
from channels_app.live.visitor import VisitorSocket

websocket_urlpatterns = [
    path("live/staff/", StaffSocket.as_asgi()),
    path("live/visitor/<str:public_id>/", VisitorSocket.as_asgi()),
]
# Any: Django types its own views only.
http_urlpatterns = [path("api/app/v1/<str:public_id>/events", cast(Any, events))]
