"""The widget's script and its files: the only pages that other sites' pages may ask."""

import hashlib
import json
import uuid
from functools import cache
from pathlib import Path
from urllib.parse import quote

from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from channels_app import limits
from channels_app.live.database import DATABASE_AWAY
from channels_app.protocol import BadSignature
from channels_app.services import files, visiting
from channels_app.services.doors import Door, find_door, may_embed
from helpdesk.errors import HelpdeskError, Invalid, NotFound, Unavailable
from helpdesk.models import Attachment
from helpdesk.tenancy import organization_scope, organization_transaction

PARTS = Path(__file__).parent / "widget_parts"
ORDER = ("strings", "dom", "memory", "connection", "timeline", "composer", "chat")


@cache
def widget_script() -> tuple[bytes, str]:
    """Return the widget as one script, and its hash."""
    style = (PARTS / "style.css").read_text(encoding="utf-8")
    parts = [(PARTS / f"{name}.js").read_text(encoding="utf-8") for name in ORDER]
    code = "\n".join(
        ['(() => {\n"use strict";', f"const STYLE = {json.dumps(style)};", *parts, "})();\n"]
    )
    body = code.encode()
    return body, hashlib.sha256(body).hexdigest()[:16]


@require_GET
def script(request: HttpRequest) -> HttpResponse:
    """Serve the widget: for good under its hash, for an hour under its plain name."""
    body, version = widget_script()
    tag = f'"{version}"'
    is_versioned = request.GET.get("v") == version
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(body, content_type="text/javascript; charset=utf-8")
    response["ETag"] = tag
    response["Cache-Control"] = (
        "public, max-age=31536000, immutable"
        if is_versioned
        else "public, max-age=3600, stale-while-revalidate=86400"
    )
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@csrf_exempt  # carries the visitor's own token and no cookie
@require_http_methods(["POST", "OPTIONS"])
def upload(request: HttpRequest, public_id: str) -> HttpResponse:
    """Keep a visitor's file until a message claims it."""
    try:
        door = find_door(public_id, kind="webchat")
        origin = request.headers.get("Origin")
        if not may_embed(door, origin):
            raise NotFound
        response = (
            HttpResponse(status=204) if request.method == "OPTIONS" else _upload(request, door)
        )
    except HelpdeskError as error:
        return _refusal(error, request.headers.get("Origin"))
    except DATABASE_AWAY:
        # A page of ours would tell another site's page nothing: it may not even read it.
        return _refusal(Unavailable(retry_after_seconds=3), request.headers.get("Origin"))
    return _shared_with(response, request.headers.get("Origin"))


@require_GET
def visitor_file(
    request: HttpRequest, public_id: str, file_id: uuid.UUID
) -> HttpResponse | FileResponse:
    """Give a customer's side a file of their conversation, for the proof in the link."""
    try:
        # Of any kind: other systems fetch the files of our answers here too.
        door = find_door(public_id)
        with organization_scope(door.organization_id), organization_transaction():
            found = files.visitor_file(door.channel_id, file_id, request.GET.get("key", ""))
            path = files.path_of(found)
    except HelpdeskError as error:
        return HttpResponse(status=error.status, content_type="text/plain; charset=utf-8")
    response = file_response(found, path)
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def file_response(found: Attachment, path: Path) -> FileResponse:
    """Return a file so that no browser runs it: named, sandboxed, never stored by others."""
    response = FileResponse(path.open("rb"), content_type=found.mime)
    plain = found.name.encode("ascii", "replace").decode().replace("?", "_")
    plain = "".join(each if each not in '"\\' else "_" for each in plain)
    response["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(found.name, safe='')}"
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _upload(request: HttpRequest, door: Door) -> HttpResponse:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotFound
    address = str(request.META.get("REMOTE_ADDR", ""))
    limits.spend(
        "upload",
        limits.UPLOADS,
        who=visiting.fingerprint(token),
        address=address,
        public_id=door.public_id,
    )
    visitor = _visitor(door, token)
    file = request.FILES.get("file")
    if file is None:
        raise Invalid(field="file")
    with organization_scope(door.organization_id):
        visitor = visiting.settle(visitor)
        kept = files.store(file.read(), file.name or "", identity_id=visitor.identity_id)
    return JsonResponse(
        {"id": str(kept.public_id), "name": kept.name, "mime": kept.mime, "size": kept.size_bytes}
    )


def _visitor(door: Door, token: str) -> visiting.Visitor:
    """Return whose token it is: the visitor's own, or an identity that the page signed."""
    try:
        if token.count(".") == 2:
            return visiting.recognise(door, identity=token)
        visitor = visiting.recognise(door, token=token)
    except BadSignature as error:
        raise NotFound from error
    if visitor.new_token:  # nobody we know
        raise NotFound
    return visitor


def _refusal(error: HelpdeskError, origin: str | None) -> HttpResponse:
    response = JsonResponse(
        {"error": error.code, "reason": str(error.message)}, status=error.status
    )
    if "retry_after_seconds" in error.details:
        response["Retry-After"] = str(error.details["retry_after_seconds"])
    return _shared_with(response, origin)


def _shared_with(response: HttpResponse, origin: str | None) -> HttpResponse:
    if origin:
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
        response["Access-Control-Allow-Headers"] = "Authorization"
        response["Access-Control-Max-Age"] = "600"
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Origin"])
    return response
