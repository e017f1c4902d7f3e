"""What apps ask for, below /api/app/v1/<public id>/; `events` is answered before Django, in `live.urls`."""

from django.urls import path, re_path

from channels_app.app_api import views

_one = "<str:public_id>/conversations/<int:conversation_id>"

urlpatterns = [
    path("<str:public_id>/channel", views.channel, name="app-channel"),
    path("<str:public_id>/messages", views.messages, name="app-messages"),
    path("<str:public_id>/files", views.upload, name="app-files"),
    path("<str:public_id>/conversations", views.conversations, name="app-conversations"),
    path(f"{_one}/messages", views.history, name="app-history"),
    path(f"{_one}/receipts", views.receipts, name="app-receipts"),
    path(f"{_one}/typing", views.typing, name="app-typing"),
    path(f"{_one}/rating", views.rating, name="app-rating"),
    path(f"{_one}/end", views.end, name="app-end"),
    path("<str:public_id>/devices", views.devices, name="app-devices"),
    path("<str:public_id>/devices/<int:device_id>", views.device, name="app-device"),
    re_path(r"^(?P<rest>.*)$", views.not_found),
]
