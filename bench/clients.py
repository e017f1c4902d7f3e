"""Scripted visitors and staff: they speak to the product as browsers do, and come back after every fault."""

import asyncio
import json
import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

ANSWER_SECONDS = 10.0
# How often an open screen says that somebody sits before it.
HERE_SECONDS = 20.0
AWAY = (OSError, WebSocketException, InvalidHandshake, TimeoutError, ValueError)


def channel_of(url: str) -> str:
    """Return the public id of the web chat on the demo shop."""
    page = httpx.get(f"{url}shop/", timeout=30).text
    found = re.search(r'data-channel="([^"]+)"', page)
    if found is None:
        raise LookupError("the shop has no widget")
    return found[1]


def socket_url(url: str, path: str) -> str:
    return url.replace("http", "ws", 1).rstrip("/") + path


async def pause(tries: int) -> None:
    """Wait before the next attempt; longer the more there were, never the same for two."""
    await asyncio.sleep(min(3.0, 0.2 * 2**tries) * (0.5 + random.random()))


class VisitorClient:
    """One visitor: says things until each is stored, over as many sockets as that takes."""

    def __init__(self, url: str, public_id: str) -> None:
        self.origin = url.rstrip("/")
        self.url = socket_url(url, f"/live/visitor/{public_id}/")
        self.token = ""
        self.last_number = 0
        self.conversation = 0
        self.stored: list[str] = []
        self.answers: set[int] = set()
        self.socket: ClientConnection | None = None

    async def say(self, text: str, client_ref: str = "") -> str:
        """Have one message stored; return its reference."""
        reference = client_ref or str(uuid4())
        tries = 0
        while True:
            try:
                socket = await self._connected()
                await socket.send(_frame(type="message", client_ref=reference, text=text))
                await self._until_stored(socket, reference)
            except AWAY:
                await self.close()
                tries += 1
                await pause(tries)
            else:
                self.stored.append(reference)
                return reference

    async def close(self) -> None:
        socket, self.socket = self.socket, None
        if socket is not None:
            with suppress(*AWAY):
                await asyncio.wait_for(socket.close(), 1)

    async def _connected(self) -> ClientConnection:
        if self.socket is None:
            origin: Any = self.origin  # Any: a plain string is what it takes
            socket = await connect(self.url, origin=origin, open_timeout=ANSWER_SECONDS, proxy=None)
            token = {"token": self.token} if self.token else {}
            self.socket = socket
            await socket.send(_frame(type="hello", language="zh", **token))
            while (await self._heard(socket))["type"] != "welcome":
                continue
        return self.socket

    async def _until_stored(self, socket: ClientConnection, reference: str) -> None:
        while True:
            frame = await self._heard(socket)
            if frame["type"] == "stored" and frame["client_ref"] == reference:
                self.conversation = int(frame["conversation"])
                return
            if frame["type"] == "error" and frame.get("client_ref") == reference:
                await asyncio.sleep(min(5, frame.get("retry_after", 1)))
                raise TimeoutError(frame["code"])

    async def _heard(self, socket: ClientConnection) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), ANSWER_SECONDS))
        if frame["type"] == "welcome":
            self.token = frame.get("token", self.token)
        if frame["type"] == "entry" and frame["entry"].get("direction") == "out":
            self.answers.add(int(frame["entry"]["number"]))
        return frame


class StaffClient:
    """One colleague with a session; screens are sockets that use it."""

    def __init__(self, url: str, login: str, password: str) -> None:
        self.url, self.login, self.password = url, login, password
        self.http = httpx.AsyncClient(base_url=url, timeout=30, follow_redirects=True)

    async def sign_in(self) -> None:
        await self.http.get("/sign-in/")
        form = {"username": self.login, "password": self.password, "next": "/", **self._csrf()}
        response = await self.http.post("/sign-in/", data=form, headers=self._headers())
        if "everydesk_session" not in self.http.cookies:
            raise LookupError(f"{self.login} could not sign in: {response.status_code}")

    async def go_online(self) -> None:
        form = {"status": "online", **self._csrf()}
        (await self.http.post("/presence/", data=form, headers=self._headers())).raise_for_status()

    async def reply(self, conversation_id: int, text: str, reference: str) -> int:
        """Send one reply; return the status of the answer."""
        form = {"kind": "reply", "text": text, "client_key": reference, **self._csrf()}
        response = await self.http.post(
            f"/conversations/{conversation_id}/write/",
            data=form,
            headers={**self._headers(), "HX-Request": "true"},
        )
        return response.status_code

    async def to_answer(self) -> list[int]:
        """Return the conversations of this person in which a customer waits."""
        page = await self.http.get("/parts/list/?view=mine")
        page.raise_for_status()
        rows = re.findall(r'<a id="conversation-(\d+)"[^>]*data-state="(\w+)"', page.text)
        return [int(found) for found, state in rows if state == "open"]

    async def screen(self, url: str = "", **options: Any) -> ClientConnection:
        """Open a staff socket, at another process of the installation when one is named."""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.http.cookies.jar)
        where = url or self.url
        origin: Any = where.rstrip("/")  # Any: a plain string is what it takes
        return await connect(
            socket_url(where, "/live/staff/"),
            origin=origin,
            additional_headers={"Cookie": cookies},
            open_timeout=30,
            max_size=None,
            proxy=None,
            **options,
        )

    async def stay(self, is_over: Callable[[], bool]) -> None:
        """Keep a screen open, whatever happens to it."""
        tries = 0
        while not is_over():
            try:
                async with await self.screen() as socket:
                    tries, told_at = 0, 0.0
                    while not is_over():
                        if time.monotonic() - told_at > HERE_SECONDS:
                            told_at = time.monotonic()
                            await socket.send(_frame(type="here", active=True))
                        with suppress(TimeoutError):
                            await asyncio.wait_for(socket.recv(), 1)
            except AWAY:
                tries += 1
                await pause(tries)

    def _csrf(self) -> dict[str, str]:
        return {"csrfmiddlewaretoken": self.http.cookies.get("csrftoken") or ""}

    def _headers(self) -> dict[str, str]:
        return {"Origin": self.url.rstrip("/"), "Referer": self.url}


def _frame(**values: object) -> str:
    return json.dumps(values, ensure_ascii=False)
