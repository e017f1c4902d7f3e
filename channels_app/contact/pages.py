"""The pages of contact forms: the form and its thanks, and the button that confirms an address.

Whatever is posted, known and unknown addresses are answered alike: a posting is stored, and only later,
elsewhere, is looked who that was.
"""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from channels_app import limits
from channels_app.adapters.form.posting import TYPE
from channels_app.contact import framing, tickets
from channels_app.contact.captchas import captchas
from channels_app.contact.fields import TRAP, PostingForm
from channels_app.live.database import DATABASE_AWAY
from channels_app.protocol import Attachment, Event, RawRequest
from channels_app.registry import make_adapter
from channels_app.services import ingesting, proving
from channels_app.services.doors import Door, find_door
from channels_app.services.visiting import fingerprint
from helpdesk.errors import NotFound, TooMany
from helpdesk.models import Organization
from helpdesk.tenancy import organization_transaction

KIND = "form"
# In a minute: of one mail address and of one network address; of one page and of the whole form.
OF_SOMEBODY = (5, 30)
OF_A_FORM = (10, 600)


class _Refused(Exception):
    """The posting is not taken as it is; the page says what to do."""

    def __init__(self, message: str, status: int, *, needs_ticket: bool = False) -> None:
        super().__init__(message)
        self.message, self.status, self.needs_ticket = message, status, needs_ticket


@csrf_exempt  # shown in other sites' frames, where no cookie comes along: a signed ticket does
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show a form, or take what was posted with it."""
    try:
        door = find_door(public_id, kind=KIND)
    except NotFound:
        return _not_there(request, "channels_app/form_missing.html")
    with translation.override(_language(request, door)):
        answered = _post(request, door) if request.method == "POST" else _show(request, door)
        return framing.allow(answered, door)


@csrf_exempt  # the address itself is the proof, and mail programs' own browsers keep no cookies
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show the button that confirms an address, since programs follow links; pressed, confirm it."""
    try:
        is_done = request.method == "POST"
        found = proving.prove(token) if is_done else proving.pending(token)
    except NotFound:
        return _not_there(request, "channels_app/form_not_confirmed.html")
    context = {"organization": found.organization.label, "is_done": is_done}
    return _unkept(render(request, "channels_app/form_confirm.html", context))


def _show(request: HttpRequest, door: Door) -> HttpResponse:
    fields = PostingForm(door, is_english=_is_english())
    return _page(request, door, fields, tickets.issue(door.public_id, timezone.now()))


def _post(request: HttpRequest, door: Door) -> HttpResponse:
    now = timezone.now()
    posted = {**request.POST.dict()}
    fields = PostingForm(
        door,
        posted,
        {"attachments": request.FILES.getlist("attachments")},
        is_english=_is_english(),
    )
    try:
        ticket = _checked_ticket(door, posted)
        if not fields.is_valid():
            return _page(request, door, fields, ticket, status=422)
        _spend(request, door, ticket, fields.cleaned_data["email"])
        _refuse_machines(request, posted)
        _store(door, ticket, fields.cleaned_data)
    except _Refused as refused:
        ticket = (
            tickets.issue(door.public_id, now)
            if refused.needs_ticket
            else tickets.Ticket("", posted.get("ticket", ""))
        )
        return _page(request, door, fields, ticket, status=refused.status, problem=refused.message)
    return _unkept(render(request, "channels_app/form_thanks.html", _looks(request, door)))


def _checked_ticket(door: Door, posted: dict[str, str]) -> tickets.Ticket:
    try:
        ticket = tickets.redeem(posted.get("ticket", ""), door.public_id, timezone.now())
    except tickets.TicketRefused as refused:
        words = {
            "forged": _("This page could not be recognised. Please send your message once more."),
            "too_quick": _("That was quicker than we expected. Please send it once more."),
            "too_slow": _("This page was open for more than a day. Please send it once more."),
        }
        raise _Refused(words[refused.why], 422, needs_ticket=True) from refused
    if posted.get(TRAP):
        # Said, not swallowed: a browser that fills in everything may have a person in front of it.
        raise _Refused(_("Please send your message once more."), 422, needs_ticket=True)
    return ticket


def _spend(request: HttpRequest, door: Door, ticket: tickets.Ticket, email: str) -> None:
    address = str(request.META.get("REMOTE_ADDR", ""))
    try:
        limits.spend(
            "form",
            OF_SOMEBODY,
            who=fingerprint(email),
            address=address,
            public_id=door.public_id,
        )
        limits.spend(
            "posting",
            OF_A_FORM,
            who=ticket.posting_id,
            address=door.public_id,
            public_id=door.public_id,
        )
    except TooMany as error:
        raise _Refused(_("Too much at once. Please send it again in a minute."), 429) from error


def _refuse_machines(request: HttpRequest, posted: dict[str, str]) -> None:
    address = str(request.META.get("REMOTE_ADDR", ""))
    if not all(captcha.passes(posted, address) for _name, captcha in captchas.items()):
        raise _Refused(_("Please answer the check above the button."), 422)


def _store(door: Door, ticket: tickets.Ticket, values: dict[str, Any]) -> None:
    """Keep what was posted, as its own server's calls are kept; it becomes a message behind."""
    files = values.pop("attachments", [])
    data = {**values, "id": ticket.posting_id, "language": translation.get_language() or ""}
    attached = tuple(_attachment(name, content) for name, content in files)
    raw = json.dumps({"type": TYPE, "data": data}, ensure_ascii=False).encode()
    try:
        event = replace(_read(door, raw), attachments=attached)
        ingesting.store(door, [event], raw)
    except DATABASE_AWAY as error:
        words = _("Your message could not be kept just now. Please send it again in a moment.")
        raise _Refused(words, 503) from error


def _read(door: Door, raw: bytes) -> Event:
    request = RawRequest("POST", "", (), {}, raw, timezone.now())
    event: Event = make_adapter(KIND, door.config).parse(request)[0]
    return event


def _attachment(name: str, content: bytes) -> Attachment:
    return Attachment(kind="file", filename=name, size=len(content), data=content)


def _page(
    request: HttpRequest,
    door: Door,
    fields: PostingForm,
    ticket: tickets.Ticket,
    *,
    status: int = 200,
    problem: str = "",
) -> HttpResponse:
    context = {
        **_looks(request, door),
        "form": fields,
        "ticket": ticket.text,
        "trap": TRAP,
        "problem": problem,
        "captchas": [captcha.template for _name, captcha in captchas.items()],
        "file_bytes": settings.ATTACHMENT_MAX_BYTES,
        "has_lost_files": bool(request.FILES),
    }
    response = render(request, "channels_app/form.html", context, status=status)
    if status in {429, 503}:
        response["Retry-After"] = "60" if status == 429 else "5"
    return _unkept(response)


def _looks(request: HttpRequest, door: Door) -> dict[str, Any]:
    language = "en" if _is_english() else "zh"
    with organization_transaction(door.organization_id):
        organization = Organization.objects.get(pk=door.organization_id).label
    privacy = str(door.settings.get("privacy_url") or "")
    theme = request.GET.get("theme", "")
    own = {
        name: str(door.settings.get(f"{name}_{language}") or "")
        for name in ("title", "intro", "thanks")
    }
    return {
        **own,
        "organization": organization,
        "privacy_url": privacy if urlsplit(privacy).scheme in {"http", "https"} else "",
        "is_embedded": request.GET.get("embedded") == "1",
        "theme": theme if theme in {"light", "dark"} else "",
        "is_english": _is_english(),
        "query": request.META.get("QUERY_STRING", "")[:200],
        "public_id": door.public_id,
    }


def _language(request: HttpRequest, door: Door) -> str:
    """Return what the page asks for, else what the browser prefers of ours, else the channel's own."""
    asked = request.GET.get("language", "")
    if asked in dict(settings.LANGUAGES):
        return asked
    for part in request.headers.get("Accept-Language", "").lower().split(","):
        for code in ("zh", "en"):
            if part.strip().startswith(code):
                return "en" if code == "en" else "zh-hans"
    return door.language


def _is_english() -> bool:
    return (translation.get_language() or "").startswith("en")


def _not_there(request: HttpRequest, template: str) -> HttpResponse:
    return _unkept(render(request, template, status=404))


def _unkept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
