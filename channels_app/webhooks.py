"""`/channels/<public id>/`: where vendors and embedding sites call. Stored, then answered, then processed."""

import logging

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from psycopg_pool import PoolTimeout

from channels_app.protocol import (
    Adapter,
    AnswersCalls,
    BadPayload,
    BadSignature,
    HttpReply,
    RawRequest,
    ReadsBehind,
)
from channels_app.registry import make_adapter
from channels_app.services import ingesting
from channels_app.services.doors import Door, find_door
from helpdesk.errors import NotFound

logger = logging.getLogger(__name__)

MOST_BYTES = 3 * 1024 * 1024
# Of the moment only.
_NEVER_STORED = {"typing"}
_AWAY = (OperationalError, InterfaceError, PoolTimeout)


@csrf_exempt  # vendors sign the raw body instead
@require_http_methods(["GET", "POST"])
def receive_call(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer a vendor: 200 only once everything that the call reports is stored."""
    try:
        door = find_door(public_id)
        adapter = make_adapter(door.kind, door.config)
        most = settings.REQUEST_MAX_BYTES if isinstance(adapter, ReadsBehind) else MOST_BYTES
        # Not `request.body`, which has one limit for all.
        body = request.read(most + 1)
        if len(body) > most:
            return _plain(413)
        return _answer(door, adapter, _raw(request, body))
    except NotFound:
        return _plain(404)
    except BadSignature:
        logger.warning("A call was not signed by its channel")
        return _plain(401)
    except _AWAY:
        return _plain(503, {"Retry-After": "5"})


def _answer(door: Door, adapter: Adapter, raw: RawRequest) -> HttpResponse:
    greeting = adapter.handshake(raw)
    if greeting is not None:
        return _http(greeting)
    adapter.verify(raw)
    try:
        events = [event for event in adapter.parse(raw) if event.kind not in _NEVER_STORED]
    except BadPayload as error:
        # A vendor would send it again for days: it is kept, shown, and done with.
        ingesting.store_unreadable(door, raw, reason=str(error.message))
        return _taken(adapter, raw) or JsonResponse({"accepted": 0, "reason": str(error.message)})
    ingesting.store(door, events, raw.body)
    return _taken(adapter, raw) or JsonResponse({"accepted": len(events)})


def _taken(adapter: Adapter, raw: RawRequest) -> HttpResponse | None:
    """Return the answer that a vendor insists on, if it does."""
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


def _plain(status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(status=status, content_type="text/plain; charset=utf-8", headers=headers)
