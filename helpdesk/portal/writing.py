"""Replies, notes and files."""

import re
from pathlib import Path
from urllib.parse import quote

from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from helpdesk.access import attachment as visible_attachment
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import HelpdeskError, Invalid, NotFound
from helpdesk.portal.errors import answer
from helpdesk.portal.happenings import Names
from helpdesk.portal.letter_form import fields_in
from helpdesk.portal.pages import access_of, is_fragment, staff_of, staff_only
from helpdesk.portal.threads import read_thread, thread_of
from helpdesk.portal.timeline import entries_of, line_of
from helpdesk.portal.views import desk_context
from helpdesk.services import files, replying
from helpdesk.services.replying import Written
from helpdesk.tenancy import organization_transaction

MOST_FILES = 10
# One part of a file, from a byte on.
_RANGE = re.compile("bytes=([0-9]{1,15})-([0-9]{1,15})?")
# What a browser may show on its own; everything else is downloaded.
SHOWN_TYPES = {"image/png", "image/jpeg", "image/gif", "image/webp"}


@require_POST
@staff_only
def write(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Send a reply or save a note; a refusal keeps what was typed."""
    with organization_transaction():
        visible_conversation(access_of(request), conversation_id)
    try:
        written = _write(request, conversation_id)
    except NotFound:
        raise
    except HelpdeskError as error:
        return (
            answer(request, error)
            if is_fragment(request)
            else _keep(request, conversation_id, error)
        )
    if not is_fragment(request):
        return redirect("portal:conversation", conversation_id)
    return _written(request, conversation_id, written)


def _write(request: HttpRequest, conversation_id: int) -> Written:
    access = access_of(request)
    # The database keeps no NUL.
    text = request.POST.get("text", "").replace("\x00", "")
    reference = request.POST.get("client_key", "").replace("\x00", "")[:64]
    uploads = [
        upload for upload in request.FILES.getlist("files") if isinstance(upload, UploadedFile)
    ]
    if len(uploads) > MOST_FILES:
        raise Invalid(field="files")
    stored = [
        files.store(upload.read(), upload.name or "", staff_id=access.staff_id)
        for upload in uploads
    ]
    ids = [str(one.public_id) for one in stored]
    if request.POST.get("kind") == "note":
        called = [
            int(one) for one in request.POST.getlist("mention") if one.isdecimal() and len(one) < 15
        ]
        return replying.note(
            access,
            conversation_id,
            text=text,
            client_ref=reference,
            attachment_ids=ids,
            mention_ids=called,
        )
    return replying.reply(
        access,
        conversation_id,
        text=text,
        client_ref=reference,
        attachment_ids=ids,
        letter=fields_in(request.POST),
    )


def _written(request: HttpRequest, conversation_id: int, written: Written) -> HttpResponse:
    """Return what was written and what came before it in the same step, such as taking the conversation."""
    with organization_transaction():
        found = visible_conversation(access_of(request), conversation_id)
        first = max(0, written.number - 3)
        entries = list(entries_of(conversation_id, after=first, up_to=found.last_number))
        names = Names.of(entries)
        thread = thread_of(access_of(request), found)
        lines = [line_of(entry, names, found.customer.label) for entry in entries]
        return render(request, "portal/fragments/written.html", {"thread": thread, "lines": lines})


def _keep(request: HttpRequest, conversation_id: int, error: HelpdeskError) -> HttpResponse:
    with organization_transaction():
        access = access_of(request)
        found = visible_conversation(access, conversation_id)
        thread = read_thread(access, found, writer=staff_of(request))
        fields = fields_in(request.POST)
        if thread.letter and fields:
            thread.letter.keep(fields)
        thread.draft, thread.error = request.POST.get("text", ""), str(error.message)
        thread.wanted_mode = request.POST.get("kind", "")
        context = desk_context(request, thread)
        return render(request, "portal/workspace.html", context, status=error.status)


@require_POST
@staff_only
def withdraw(request: HttpRequest, conversation_id: int, number: int) -> HttpResponse:
    """Take a held reply back."""
    replying.take_back(access_of(request), conversation_id, number)
    return _line(request, conversation_id, number)


@require_POST
@staff_only
def resend(request: HttpRequest, conversation_id: int, number: int) -> HttpResponse:
    """Send a reply again that did not arrive."""
    replying.resend(access_of(request), conversation_id, number)
    return _line(request, conversation_id, number)


def _line(request: HttpRequest, conversation_id: int, number: int) -> HttpResponse:
    if not is_fragment(request):
        return redirect("portal:conversation", conversation_id)
    with organization_transaction():
        found = visible_conversation(access_of(request), conversation_id)
        entries = list(entries_of(conversation_id, after=number - 1, up_to=number))
        line = line_of(entries[0], Names.of(entries), found.customer.label)
        return render(request, "portal/fragments/entry.html", {"e": line})


@require_GET
@staff_only
def attachment(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Give out a file: never as a page of ours, whatever it claims to be."""
    found = visible_attachment(access_of(request), public_id)
    # What nobody has looked into is bytes, whatever it claims to be.
    kind = "application/octet-stream" if found.is_unchecked else found.mime
    response = _bytes(request, files.path_of(found), kind)
    is_shown = found.mime in SHOWN_TYPES and not found.is_unchecked
    how = "inline" if is_shown else "attachment"
    response["Content-Disposition"] = f"{how}; filename*=UTF-8''{quote(found.name, safe='')}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    return response


def _bytes(request: HttpRequest, path: Path, kind: str) -> HttpResponseBase:
    """Return a file, or the one part of it that a player asks for."""
    size = path.stat().st_size
    wanted = _RANGE.fullmatch(request.headers.get("Range", ""))
    start = int(wanted[1]) if wanted else size
    if start >= size or (wanted and wanted[2] and int(wanted[2]) < start):
        response = FileResponse(path.open("rb"), content_type=kind)
        response["Accept-Ranges"] = "bytes"
        return response
    last = min(int(wanted[2]) if wanted and wanted[2] else size - 1, size - 1)
    with path.open("rb") as file:
        file.seek(start)
        part = file.read(max(0, last + 1 - start))
    partial = HttpResponse(part, status=206, content_type=kind)
    partial["Accept-Ranges"] = "bytes"
    partial["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{size}"
    return partial
