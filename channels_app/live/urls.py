"""Where the sockets are."""

from django.urls import path

from channels_app.live.staff import StaffSocket
from channels_app.live.visitor import VisitorSocket

websocket_urlpatterns = [
    path("live/staff/", StaffSocket.as_asgi()),
    path("live/visitor/<str:public_id>/", VisitorSocket.as_asgi()),
]
