"""`/channels/<public id>/`: where vendors and embedding sites call. Stored first, then answered."""

import hashlib
import logging
from dataclasses import asdict
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from psycopg_pool import PoolTimeout

from channels_app.models import InboundEvent
from channels_app.protocol import Adapter, BadPayload, BadSignature, Event, RawRequest
from channels_app.registry import make_adapter
from channels_app.services.doors import Door, find_door
from helpdesk.errors import HelpdeskError, NotFound
from helpdesk.models import Channel
from helpdesk.services.receiving import Sender, receive
from helpdesk.tenancy import organization_scope, organization_transaction

logger = logging.getLogger(__name__)

MOST_BYTES = 3 * 1024 * 1024
_AWAY = (OperationalError, InterfaceError, PoolTimeout)


@csrf_exempt  # vendors sign the raw body instead
@require_http_methods(["GET", "POST"])
def receive_call(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer a vendor: 200 only once everything that the call reports is stored."""
    if _declared_bytes(request) > MOST_BYTES:
        return _plain(413)
    try:
        door = find_door(public_id)
        raw = _raw(request)
        if len(raw.body) > MOST_BYTES:
            return _plain(413)
        return _answer(door, make_adapter(door.kind, door.config), raw)
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
        return HttpResponse(
            greeting.body, status=greeting.status, content_type=greeting.content_type
        )
    adapter.verify(raw)
    try:
        events = adapter.parse(raw)
        stored = [store(door, event, raw.body) for event in events if event.kind == "message"]
    except (BadPayload, HelpdeskError) as error:
        if not isinstance(error, BadPayload) and error.status != 400:
            raise
        return JsonResponse({"error": error.code, "reason": str(error.message)}, status=400)
    return JsonResponse({"stored": stored})


def store(door: Door, event: Event, body: bytes) -> dict[str, Any]:
    """Make a message of an event, once; the raw call is kept in the same transaction."""
    sender = event.sender
    if sender is None:
        raise BadPayload("The event names no sender")
    who = hashlib.sha256(f"{sender.scope}\n{sender.external_id}".encode()).hexdigest()
    with organization_scope(door.organization_id), organization_transaction():
        kept, is_new = InboundEvent.objects.get_or_create(
            channel_id=door.channel_id,
            dedup_key=f"{who}:{event.dedup_key}"[:200],
            defaults={"raw": body, "received_at": timezone.now()},
        )
        if is_new:
            _receive(door, event, kept)
        kept.refresh_from_db()
        entry = kept.entry
        return {"client_ref": event.client_ref, "number": entry.number if entry else None}


def _receive(door: Door, event: Event, kept: InboundEvent) -> None:
    sender = event.sender
    if sender is None:
        return
    known = {
        name: value
        for name, value in asdict(sender).items()
        if name in {"email", "phone"} and value
    }
    stored = receive(
        Channel.objects.get(pk=door.channel_id),
        Sender(
            external_id=sender.external_id,
            display_name=sender.display_name,
            is_verified=sender.verified,
            profile=known if sender.verified else {},
        ),
        text=event.text,
        client_ref=event.client_ref or event.dedup_key,
        thread_key=event.thread_key,
        subject=event.subject,
        provider_id=event.provider_id,
    )
    InboundEvent.objects.filter(pk=kept.pk).update(
        entry_id=stored.message_id, processed_at=timezone.now()
    )


def _raw(request: HttpRequest) -> RawRequest:
    return RawRequest(
        method=request.method or "GET",
        url=request.build_absolute_uri(),
        query=tuple((name, value) for name, values in request.GET.lists() for value in values),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.body,
        received_at=timezone.now(),
    )


def _declared_bytes(request: HttpRequest) -> int:
    length = request.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else 0


def _plain(status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(status=status, content_type="text/plain; charset=utf-8", headers=headers)
