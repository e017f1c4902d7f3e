"""`/channels/<public id>/`: where vendors and embedding sites call. Stored, then answered, then processed."""

import logging
import time

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from psycopg_pool import PoolTimeout

from channels_app.calls.recording import MOST_EVENTS, Body, Call, account_of, note
from channels_app.exchange import DirectsCalls
from channels_app.protocol import (
    Adapter,
    AnswersCalls,
    BadPayload,
    BadSignature,
    HttpReply,
    RawRequest,
    ReadsBehind,
    UnknownKey,
)
from channels_app.registry import make_adapter
from channels_app.services import fetching, ingesting, standing
from channels_app.services.doors import Door, find_door
from helpdesk.errors import NotFound

logger = logging.getLogger(__name__)

MOST_BYTES = 3 * 1024 * 1024
# Of the moment only.
_NEVER_STORED = {"typing"}
_AWAY = (OperationalError, InterfaceError, PoolTimeout)


class _Visit:
    """One call while it is answered, and what is told of it afterwards in the list of its channel."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.began_at, self._started = time.time(), time.perf_counter()
        self.door: Door | None = None
        self.size = self.count = 0
        self.keys: tuple[str, ...] = ()
        self.reason = ""

    def tell(self, response: HttpResponse) -> None:
        """Have it listed; what it said is kept with its events, and of who was refused not at all."""
        if self.door is None:
            return
        call = Call(
            account=account_of(self.door.organization_id, self.door.channel_id, self.door.config),
            purpose="",
            method=self.request.method or "GET",
            url=self.request.get_full_path(),
            asked=Body(self.request.headers, size=self.size),
            answered=Body.of(response.headers, response.content),
            status=response.status_code,
            began_at=self.began_at,
            seconds=time.perf_counter() - self._started,
            reason=self.reason,
            count=self.count,
            keys=self.keys,
        )
        note(call)


@csrf_exempt  # vendors sign the raw body instead
@require_http_methods(["GET", "POST"])
def receive_call(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer a vendor: 200 only once everything that the call reports is stored."""
    visit = _Visit(request)
    try:
        response = _response(visit, public_id)
    except Exception as error:
        visit.reason = type(error).__name__
        visit.tell(_plain(500))
        raise
    visit.tell(response)
    return response


def _response(visit: _Visit, public_id: str) -> HttpResponse:
    try:
        visit.door = door = find_door(public_id)
        adapter = make_adapter(door.kind, door.config)
        most = settings.REQUEST_MAX_BYTES if isinstance(adapter, ReadsBehind) else MOST_BYTES
        # Not `request.body`, which has one limit for all.
        body = visit.request.read(most + 1)
        visit.size = len(body)
        if len(body) > most:
            return _plain(413)
        return _answer(visit, door, adapter, _raw(visit.request, body))
    except NotFound:
        return _plain(404)
    except BadSignature as error:
        logger.warning("A call was not signed by its channel")
        visit.reason = str(error.message)
        return _plain(401)
    except _AWAY as error:
        visit.reason = type(error).__name__
        return _later()


def _answer(visit: _Visit, door: Door, adapter: Adapter, raw: RawRequest) -> HttpResponse:
    greeting = adapter.handshake(raw)
    if greeting is not None:
        return _http(greeting)
    try:
        adapter.verify(raw)
    except UnknownKey as error:
        if not fetching.await_vendor_keys(door.organization_id, door.channel_id, timezone.now()):
            raise
        visit.reason = str(error.message)
        return _later()
    try:
        events = [event for event in adapter.parse(raw) if event.kind not in _NEVER_STORED]
    except BadPayload as error:
        # A vendor would send it again for days: it is kept, shown, and done with.
        reason = visit.reason = str(error.message)
        ingesting.store_unreadable(door, raw, reason=reason)
        visit.count, visit.keys = 1, (ingesting.unreadable_key(raw.body),)
        return _taken(door, adapter, raw) or JsonResponse({"accepted": 0, "reason": reason})
    ingesting.store(door, events, raw.body)
    visit.count = len(events)
    visit.keys = tuple(map(ingesting.key_of, events[:MOST_EVENTS]))
    return _taken(door, adapter, raw) or JsonResponse({"accepted": len(events)})


def _taken(door: Door, adapter: Adapter, raw: RawRequest) -> HttpResponse | None:
    """Return the answer that a vendor insists on, if it does."""
    if isinstance(adapter, DirectsCalls):
        call_id, reference = adapter.call_in(raw)
        return _http(adapter.direct(raw, standing.of_call(door, call_id, reference)))
    return _http(adapter.accepted(raw)) if isinstance(adapter, AnswersCalls) else None


def _http(reply: HttpReply) -> HttpResponse:
    return HttpResponse(reply.body, status=reply.status, content_type=reply.content_type)


def _raw(request: HttpRequest, body: bytes) -> RawRequest:
    return RawRequest(
        method=request.method or "GET",
        # As the vendor knows it, whatever stands in between: some sign it.
        url=f"{settings.PUBLIC_URL}{request.get_full_path()}",
        query=tuple((name, value) for name, values in request.GET.lists() for value in values),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        received_at=timezone.now(),
        address=str(request.META.get("REMOTE_ADDR") or ""),
    )


def _later() -> HttpResponse:
    return _plain(503, {"Retry-After": "5"})


def _plain(status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(status=status, content_type="text/plain; charset=utf-8", headers=headers)
