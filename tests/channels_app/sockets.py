"""Sockets as tests use them: a visitor's tab and a colleague's screen."""

import asyncio
import json
import re
import uuid
from typing import Any

from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from channels_app.live.hub import hub
from channels_app.live.urls import websocket_urlpatterns
from helpdesk.models import Staff
from tests.delivering import deliver_due
from tests.factories import World

PATIENCE_SECONDS = 10
application = URLRouter(websocket_urlpatterns)


def host() -> bytes:
    return settings.PUBLIC_URL.partition("//")[2].encode()


def headers(origin: str | None) -> list[tuple[bytes, bytes]]:
    named = [(b"origin", origin.encode())] if origin is not None else []
    return [(b"host", host()), *named]


class Tab:
    """A browser tab with the widget."""

    def __init__(self, public_id: str, origin: str | None = "own") -> None:
        origin = settings.PUBLIC_URL if origin == "own" else origin
        self.socket = WebsocketCommunicator(
            application, f"/live/visitor/{public_id}/", headers=headers(origin)
        )
        self.socket.scope["client"] = ["203.0.113.7", 4711]
        self.token = ""
        self.heard: list[dict[str, Any]] = []

    async def connect(self) -> bool:
        connected, _code = await self.socket.connect(timeout=PATIENCE_SECONDS)
        return bool(connected)

    async def hello(self, **values: Any) -> dict[str, Any]:
        """Say who we are and return the welcome."""
        known = {"token": self.token} if self.token else {}
        await self.tell(type="hello", **{**known, **values})
        welcome = await self.hear("welcome")
        self.token = welcome.get("token", self.token)
        return welcome

    async def arrive(self, **values: Any) -> dict[str, Any]:
        assert await self.connect()
        return await self.hello(**values)

    async def say(self, text: str, reference: str | None = None, **values: Any) -> dict[str, Any]:
        """Send a message and return what the server says of it."""
        reference = reference or str(uuid.uuid4())
        await self.tell(type="message", client_ref=reference, text=text, **values)
        return await self.hear("stored", "error")

    async def tell(self, **frame: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(frame))

    async def hear(self, *kinds: str, **wanted: Any) -> dict[str, Any]:
        """Return the next frame of one of these kinds with these values."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                frame = json.loads(await self.socket.receive_from(timeout=PATIENCE_SECONDS))
                self.heard.append(frame)
                fits = all(frame.get(name) == value for name, value in wanted.items())
                if frame["type"] in kinds and fits:
                    return frame

    async def hear_message(self, text: str) -> dict[str, Any]:
        while True:
            entry = (await self.hear("entry"))["entry"]
            if entry.get("text") == text:
                return entry

    async def closing_code(self) -> int:
        """Return with which code the server closed the socket."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                output = await self.socket.receive_output(timeout=PATIENCE_SECONDS)
                if output["type"] == "websocket.close":
                    return int(output.get("code", 1000))

    async def leave(self) -> None:
        await self.socket.disconnect(timeout=PATIENCE_SECONDS)


class Screen:
    """A colleague's open screen."""

    def __init__(self, cookie: str, origin: str | None = "own") -> None:
        self.cookie = cookie
        origin = settings.PUBLIC_URL if origin == "own" else origin
        cookies = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode())]
        self.socket = WebsocketCommunicator(
            application, "/live/staff/", headers=[*headers(origin), *cookies]
        )
        self.seen = ""

    async def connect(self) -> bool:
        """Open the socket, and wait until the process knows whose it is or closes it."""
        connected, _code = await self.socket.connect(timeout=PATIENCE_SECONDS)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while connected and not (self._is_known() or self.socket.output_queue.qsize()):
                await asyncio.sleep(0.01)
        return bool(connected)

    def _is_known(self) -> bool:
        here = [socket.reader for socket in hub().all_staff() if socket.reader]
        return any(reader.session_key == self.cookie for reader in here)

    async def open(self, conversation_id: int | None, after: int = 0) -> None:
        await self.tell(type="open", conversation=conversation_id, after=after)

    async def tell(self, **frame: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(frame))

    async def see(self, pattern: str) -> str:
        """Wait until something that fits was pushed; returns that push."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                html = await self.socket.receive_from(timeout=PATIENCE_SECONDS)
                self.seen += html
                if re.search(pattern, html, re.DOTALL):
                    return str(html)

    async def rest(self) -> str:
        """Return what else is pushed, once nothing has been for a moment."""
        html = ""
        while not await self.socket.receive_nothing(timeout=0.4):
            html += await self.socket.receive_from(timeout=PATIENCE_SECONDS)
        self.seen += html
        return html

    async def closing_code(self) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                output = await self.socket.receive_output(timeout=PATIENCE_SECONDS)
                if output["type"] == "websocket.close":
                    return int(output.get("code", 1000))
                self.seen += output.get("text", "")

    async def leave(self) -> None:
        await self.socket.disconnect(timeout=PATIENCE_SECONDS)


def signed_in(world: World, name: str) -> str:
    """Return the session cookie of somebody who has signed in."""
    staff: Staff = world.people[name]
    client = Client()
    client.force_login(staff.user, backend="django.contrib.auth.backends.ModelBackend")
    session = SessionStore(client.cookies[settings.SESSION_COOKIE_NAME].value)
    session["organization_id"] = world.organization.pk
    session.save()
    return str(session.session_key)


async def in_thread(work: Any, *arguments: Any, **named: Any) -> Any:
    """Do database work of a test beside the running loop."""
    return await sync_to_async(work, thread_sensitive=True)(*arguments, **named)


async def deliver() -> int:
    """Be the connector once."""
    return int(await in_thread(deliver_due))
