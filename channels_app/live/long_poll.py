"""`/api/app/v1/<public id>/events`: news for an app that has no socket, held open until there is some.

An ASGI application of its own: behind Django's middleware a request that waits would hold a thread.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from channels_app.app_api import answers, asking
from channels_app.app_api.asking import Caller
from channels_app.live.database import DATABASE_AWAY, in_database
from channels_app.live.gate import caller_address
from channels_app.live.hub import Hub, hub
from channels_app.live.waiters import Waiter
from channels_app.services import asked_for
from helpdesk.errors import HelpdeskError, Invalid, TooMany, Unavailable

logger = logging.getLogger(__name__)

LONGEST_WAIT = 25
# What comes together is told together.
GATHER_SECONDS = 0.03
BUSY_SECONDS = 5
MOST_GOT = 200
_LAST = 2**31 - 1

Scope = dict[str, Any]  # Any: ASGI
Receive = Callable[[], Awaitable[dict[str, Any]]]  # Any: ASGI
Send = Callable[[dict[str, Any]], Awaitable[None]]  # Any: ASGI
Body = dict[str, Any]  # Any: plain JSON values


async def events(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with news as soon as there is some, or with how things stand when the time is over."""
    if scope["method"] != "GET":
        await _answer(send, 405, {"error": "method_not_allowed"}, {"Allow": "GET"})
        return
    try:
        body = await _news(scope, receive)
    except HelpdeskError as error:
        await _answer(send, *answers.refusal(error))
    except DATABASE_AWAY:
        await _answer(send, *answers.refusal(Unavailable(retry_after_seconds=3)))
    except Exception:
        logger.exception("An app was not told its news")
        await _answer(send, 500, {"error": "failed"}, {})
    else:
        if body is not None:
            await _answer(send, 200, body, {})


async def _news(scope: Scope, receive: Receive) -> Body | None:
    """Return what the app is told; None when it has gone away meanwhile."""
    asked = _Asked(scope)
    caller, conversation_id = await in_database(
        _enter, scope["url_route"]["kwargs"]["public_id"], _request(scope)
    )
    here = hub()
    if here.waiters.is_full:
        raise TooMany(retry_after_seconds=BUSY_SECONDS)
    deadline = time.monotonic() + asked.wait
    organization_id, visitor = caller.door.organization_id, caller.visitor
    with here.waiters.waiting(organization_id, visitor.short_name, visitor.language) as waiter:
        # Before the first look: what happens from now on is heard.
        _wait_for(here, waiter, caller, conversation_id)
        gone = asyncio.ensure_future(_left(receive))
        try:
            return await _first_news(here, waiter, caller, asked, gone, deadline)
        finally:
            gone.cancel()


async def _first_news(
    here: Hub,
    waiter: Waiter,
    caller: Caller,
    asked: "_Asked",
    gone: "asyncio.Future[None]",
    deadline: float,
) -> Body | None:
    while True:
        waiter.heard.clear()
        body = await in_database(
            asked_for.news,
            caller.door,
            caller.visitor,
            conversation_id=asked.conversation_id,
            after=asked.after,
            got=asked.got,
        )
        _wait_for(here, waiter, caller, body["conversation"])
        left = deadline - time.monotonic()
        is_news = bool(body["entries"]) or body["version"] != asked.version
        if is_news or waiter.writing or waiter.is_released or left <= 0:
            return body | {"typing": waiter.writing}
        heard = asyncio.ensure_future(waiter.heard.wait())
        either: set[asyncio.Future[Any]] = {heard, gone}  # Any: what they return is not asked for
        await asyncio.wait(either, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        heard.cancel()
        if gone.done():
            return None
        await asyncio.sleep(GATHER_SECONDS)


def _wait_for(here: Hub, waiter: Waiter, caller: Caller, conversation_id: int | None) -> None:
    organization_id, customer = caller.door.organization_id, caller.visitor.short_name
    keys: list[int | str] = [customer]
    if conversation_id is not None:
        keys.append(conversation_id)
    here.waiters.move(waiter, *((organization_id, key) for key in keys))


def _enter(public_id: str, request: asking.Request) -> tuple[Caller, int | None]:
    caller = asking.caller_of(public_id, request)
    asking.require_signature(caller, request)
    return caller, asked_for.current(caller.door, caller.visitor)


class _Asked:
    """What the app says of itself in the query. Raises Invalid."""

    def __init__(self, scope: Scope) -> None:
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
        self._query = {name: values[-1] for name, values in query.items()}
        self.after = self._number("after", 0)
        self.conversation_id = self._number("conversation", 0)
        self.wait = min(self._number("wait", 0), LONGEST_WAIT)
        self.version = self._query.get("version", "")[:40]
        named = [each for each in self._query.get("got", "").split(",") if each]
        if len(named) > MOST_GOT:
            raise Invalid(field="got")
        self.got = [_whole(each, "got") for each in named]

    def _number(self, name: str, default: int) -> int:
        text = self._query.get(name, "")
        return _whole(text, name) if text else default


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise Invalid(field=name)
    return min(int(text), _LAST)


async def _left(receive: Receive) -> None:
    """Return when whoever asked has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _request(scope: Scope) -> asking.Request:
    query = scope["query_string"].decode("latin-1")
    # As it was written: a signature covers it.
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    return asking.Request(
        method=scope["method"],
        path=f"{path}?{query}" if query else path,
        headers={
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        },
        address=caller_address(scope),
    )


async def _answer(send: Send, status: int, body: Body, headers: Any) -> None:  # Any: a mapping
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    known = {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(content)),
        **answers.HEADERS,
        **headers,
    }
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in known.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": content})
