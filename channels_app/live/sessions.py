"""Whose staff socket it is: the session of its cookie, looked at once when the socket opens.

Channels' own session middleware stands between a socket and its server and looks at the session again
for each message that is sent, which costs more than sending it.
"""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.http.cookie import parse_cookie

from channels_app.live.staff_view import Reader, enter


def session_key(scope: dict[str, Any]) -> str:  # Any: ASGI
    """Return the key in the session's cookie; empty without one."""
    cookies = "; ".join(
        value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"
    )
    return parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME, "")


def reader_of(key: str) -> Reader:
    """Return who has signed in under a session's key, and note that they are here. Raises NotFound."""
    request = HttpRequest()
    store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    request.session = store(key or None)
    return enter(request.session, get_user(request))
