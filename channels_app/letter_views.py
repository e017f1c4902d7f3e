"""Letters as they were sent, their pictures, and what could not be read: strangers' bytes on our address.

The document of a letter has an opaque origin: it runs nothing, and what it loads carries no cookie. Its
pictures are therefore asked for with a key that says who looks, at what, and for how long, and what that
person may see is looked up again each time.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, cast

import httpx
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from channels_app import http
from channels_app.letters import sanitising
from channels_app.models import InboundEvent
from channels_app.services.ingesting import raw_of
from helpdesk import access as rows
from helpdesk.access import Access, access_of_id
from helpdesk.errors import HelpdeskError, NotFound, UnsupportedFile
from helpdesk.models import Attachment, Letter
from helpdesk.portal.pages import access_of, staff_only
from helpdesk.services import files
from helpdesk.tenancy import organization_scope, organization_transaction

P = ParamSpec("P")
KEY_SECONDS = 600
PICTURE_TIMEOUT = httpx.Timeout(5)
MOST_PICTURE_BYTES = 5 * 2**20
# How many pictures a process fetches from other servers at once; who waits too long gets none.
_fetches = threading.BoundedSemaphore(4)
_FETCH_PATIENCE_SECONDS = 10
# Letters are written for white paper, whatever the reader's theme.
_STYLE = (
    ":root{color-scheme:light}body{margin:12px;background:#fff;color:#15201e;"
    "font:14px/1.55 system-ui,'Noto Sans CJK SC',sans-serif;overflow-wrap:anywhere}"
    "img{max-width:100%;height:auto}table{max-width:100%}"
    "pre{white-space:pre-wrap;font:inherit;margin:0}blockquote{margin-inline:8px;"
    "padding-inline-start:10px;border-inline-start:2px solid #c8d3d1}"
)
_DOCUMENT = (
    '<!doctype html><html><head><meta charset="utf-8"><base target="_blank">'
    '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
    "<title>%(title)s</title><style>%(style)s</style></head><body>%(body)s</body></html>"
)
PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks at one picture of a letter, until when."""

    organization_id: int
    staff_id: int
    message_id: int
    picture: str
    until: int

    @property
    def key(self) -> str:
        """Return what proves it, for an address."""
        return f"{self.organization_id}.{self.staff_id}.{self.until}.{self._mark}"

    @property
    def _mark(self) -> str:
        signed = (
            f"{self.organization_id}:{self.staff_id}:{self.message_id}:{self.picture}:{self.until}"
        )
        mark = salted_hmac("everydesk.letter_picture", signed, algorithm="sha256")
        return mark.hexdigest()[:40]

    @classmethod
    def read(cls, key: str, message_id: int, picture: str) -> "Look":
        """Return whom a key was made for. Raises NotFound when it was made for none or is too old."""
        parts = key.split(".")
        if len(parts) != 4 or not all(part.isdecimal() and len(part) < 19 for part in parts[:3]):
            raise NotFound
        organization_id, staff_id, until = map(int, parts[:3])
        look = cls(organization_id, staff_id, message_id, picture, until)
        if not constant_time_compare(key, look.key) or until < timezone.now().timestamp():
            raise NotFound
        return look


def _picture_view(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Answer what went wrong with few words: the reader sees a picture that is missing."""

    @wraps(view)
    def small(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except HelpdeskError:
            return _private(HttpResponse("No picture", status=404, content_type="text/plain"))

    return cast(Callable[Concatenate[HttpRequest, P], HttpResponseBase], require_safe(small))


@require_safe
@staff_only
def letter(request: HttpRequest, message_id: int) -> HttpResponse:
    """Show a letter as it was sent, or its whole text; pictures of other servers only when asked for."""
    found = rows.letter(access_of(request), message_id)
    response = HttpResponse(
        _DOCUMENT
        % {
            "title": escape(found.subject or _("Letter")),
            "style": _STYLE,
            "body": _body(request, found),
        }
    )
    own = f"{request.scheme}://{request.get_host()}"
    response["Content-Security-Policy"] = (
        f"default-src 'none'; img-src {own} data:; style-src 'unsafe-inline'; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    response["X-Frame-Options"] = "SAMEORIGIN"
    _private(response)
    return response


@_picture_view
def inline_picture(request: HttpRequest, message_id: int, public_id: str) -> HttpResponseBase:
    """Give out a picture that came with a letter."""
    look = Look.read(request.GET.get("key", ""), message_id, str(public_id))
    with organization_scope(look.organization_id), organization_transaction():
        found = rows.attachment(_person(look), str(public_id))
        if found.message_id != message_id or found.is_unchecked or found.mime not in PICTURES:
            raise NotFound
        file = files.path_of(found).open("rb")
    return _private(FileResponse(file, content_type=found.mime))


@_picture_view
def remote_picture(request: HttpRequest, message_id: int, number: int) -> HttpResponseBase:
    """Fetch a picture of a letter from another server, so that its owner learns nothing of the reader."""
    if getattr(request, "staff", None) is not None:
        # A letter's document sends no cookie. With one, a transaction is open, in which nothing is fetched.
        raise NotFound
    look = Look.read(request.GET.get("key", ""), message_id, str(number))
    with organization_scope(look.organization_id), organization_transaction():
        address = _remote_addresses(rows.letter(_person(look), message_id)).get(number)
    if address is None:
        raise NotFound
    data, mime = _fetch(address)
    return _private(HttpResponse(data, content_type=mime))


@require_safe
@staff_only
def raw(request: HttpRequest, event_id: int) -> HttpResponseBase:
    """Give out what could not be read, as it came, to whoever sees its conversation.

    What became a message is its message: edited since, or taken back.
    """
    found = (
        InboundEvent.objects.select_related("entry", "raw_of")
        .filter(pk=event_id, state=InboundEvent.State.QUARANTINED, entry__isnull=False)
        .first()
    )
    if found is None:
        raise NotFound
    rows.conversation(access_of(request), found.entry.conversation_id)
    try:
        data = raw_of(found)
    except OSError as error:
        raise NotFound from error
    response = HttpResponse(data, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="message-{found.pk}.eml"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return _private(response)


def _body(request: HttpRequest, found: Letter) -> str:
    if request.GET.get("as") == "text" or not found.html:
        return f"<pre>{escape(found.full_text or found.message.text)}</pre>"
    remote = _remote_addresses(found) if request.GET.get("pictures") == "1" else {}
    return sanitising.show(
        found.html,
        inline=_inline_addresses(request, found),
        remote={
            number: _address(request, found, "remote-picture", str(number)) for number in remote
        },
    )


def _inline_addresses(request: HttpRequest, found: Letter) -> dict[str, str]:
    pictures = Attachment.objects.filter(
        message_id=found.pk, mime__in=PICTURES, is_unchecked=False
    ).exclude(content_id="")
    return {
        picture.content_id: _address(request, found, "inline-picture", str(picture.public_id))
        for picture in pictures.order_by("id")[:200]
    }


def _remote_addresses(found: Letter) -> Mapping[int, str]:
    listed = found.remote_pictures if isinstance(found.remote_pictures, list) else []
    return {number: str(address) for number, address in enumerate(listed)}


def _address(request: HttpRequest, found: Letter, view: str, picture: str) -> str:
    by = access_of(request)
    until = int(timezone.now().timestamp()) + KEY_SECONDS
    look = Look(by.organization_id, by.staff_id, found.pk, picture, until)
    path = reverse(f"channels:{view}", args=[found.pk, picture])
    return request.build_absolute_uri(f"{path}?key={look.key}")


def _person(look: Look) -> Access:
    """Return what the person may do now. Raises NotFound for somebody who has left."""
    by = access_of_id(look.staff_id)
    if not by.is_active:
        raise NotFound
    return by


def _fetch(address: str) -> tuple[bytes, str]:
    """Return a picture from another server and what it is. Raises NotFound for anything else."""
    if not _fetches.acquire(timeout=_FETCH_PATIENCE_SECONDS):
        raise NotFound
    try:
        reply = http.call("GET", address, max_bytes=MOST_PICTURE_BYTES, timeout=PICTURE_TIMEOUT)
        checked = files.check(reply.content) if reply.status == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL, UnsupportedFile) as error:
        raise NotFound from error
    finally:
        _fetches.release()
    if checked is None or checked.mime not in PICTURES:
        raise NotFound
    return reply.content, checked.mime


def _private(response: HttpResponseBase) -> HttpResponseBase:
    """Have a browser guess nothing of it, keep nothing of it and tell nobody where it was."""
    response.headers.setdefault("Content-Security-Policy", "default-src 'none'; sandbox")
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response
