"""What every request of the portal passes: size, language, a database that may be away, and who is asking."""

from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import get_supported_language_variant
from psycopg_pool import PoolTimeout

from helpdesk.access import access_of
from helpdesk.errors import HelpdeskError, TooLarge, Unavailable
from helpdesk.models import Staff, User
from helpdesk.portal.errors import answer
from helpdesk.prepared import Argument, prepared
from helpdesk.reports.running_calls import has_calls
from helpdesk.services.calendars import recent, with_calendars
from helpdesk.tenancy import memberships, organization_scope, organization_transaction

GetResponse = Callable[[HttpRequest], HttpResponse]
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
# Organization in the session; read again at every request, because memberships end.
SESSION_KEY = "organization_id"


def _with_room(get_response: GetResponse, request: HttpRequest) -> HttpResponse:
    return get_response(request)


# CPython keeps frames in chunks of 16 KiB and maps and unmaps one at every call that crosses an edge.
# A template's loop that happens to run at an edge makes a page cost twice as much. The chunk of a frame
# as large as this one holds all calls of a page.
_with_room.__code__ = _with_room.__code__.replace(co_stacksize=16_000)


class RoomMiddleware:
    """Gives each request a stack without edges."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return _with_room(self.get_response, request)


class AddressMiddleware:
    """Knows a caller behind our own proxy by the address that the proxy names last."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        named = request.META.get("HTTP_X_FORWARDED_FOR", "")
        if settings.SECURE_PROXY_SSL_HEADER and named:
            request.META["REMOTE_ADDR"] = named.rpartition(",")[2].strip()
        return self.get_response(request)


class SizeMiddleware:
    """Refuses a body that says it is larger than we take, before any of it is read."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _declared_bytes(request) > _allowed_bytes(request):
            return answer(request, TooLarge())
        return self.get_response(request)


class LanguageMiddleware:
    """Speaks the reader's language: as preferred, else as chosen before signing in, else as the browser asks."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_away = False
        try:
            language = _preferred_language(request)
        except DATABASE_AWAY:
            # Whoever goes on would wait as long again.
            language, is_away = translation.get_language_from_request(request), True
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = answer(request, Unavailable()) if is_away else self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response


class UnavailableMiddleware:
    """Answers 503 with a time to come back while the database is away."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turn what services and the database raise into an answer."""
        if isinstance(exception, DATABASE_AWAY):
            return answer(request, Unavailable())
        if isinstance(exception, HelpdeskError):
            return answer(request, exception)
        return None


class StaffMiddleware:
    """Names the member of staff and their access, and opens the scope of their organization.

    A GET is one read transaction including rendering; a writing service opens its own.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.staff = None  # type: ignore[attr-defined]
        request.access = None  # type: ignore[attr-defined]
        try:
            organization_id = _organization_of(request)
            response = (
                self._scoped(request, organization_id)
                if organization_id
                else self.get_response(request)
            )
        except DATABASE_AWAY:
            response = answer(request, Unavailable())
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response

    def _scoped(self, request: HttpRequest, organization_id: int) -> HttpResponse:
        with organization_scope(organization_id):
            if request.method in {"GET", "HEAD"}:
                with organization_transaction():
                    return self._as_staff(request)
            with organization_transaction():
                _recognise(request)
            return self._respond(request)

    def _as_staff(self, request: HttpRequest) -> HttpResponse:
        _recognise(request)
        return self._respond(request)

    def _respond(self, request: HttpRequest) -> HttpResponse:
        staff: Staff | None = request.staff  # type: ignore[attr-defined]
        if staff is None:
            return self.get_response(request)
        with timezone.override(ZoneInfo(staff.timezone)):
            return self.get_response(request)


def _declared_bytes(request: HttpRequest) -> float:
    """Return how large the body says it is; one that comes in pieces may be endless."""
    if "HTTP_TRANSFER_ENCODING" in request.META:
        return inf
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _allowed_bytes(request: HttpRequest) -> int:
    if request.content_type == "multipart/form-data":
        return int(settings.REQUEST_MAX_BYTES)
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def _preferred_language(request: HttpRequest) -> str:
    chosen = request.user.language if request.user.is_authenticated else ""
    chosen = chosen or request.session.get("language", "")
    if chosen:
        with suppress(LookupError):
            return get_supported_language_variant(chosen)
    return translation.get_language_from_request(request)


def _organization_of(request: HttpRequest) -> int | None:
    if not request.user.is_authenticated:
        return None
    organization_id: int | None = request.session.get(SESSION_KEY)
    if organization_id is None:
        # Somebody who came in by another door, such as the platform site, works where they first belong.
        organization_id = next((row[0] for row in memberships(request.user.pk)), None)
        if organization_id is not None:
            request.session[SESSION_KEY] = organization_id
    return organization_id


@prepared
def _working(user_id: Argument, since: Argument) -> QuerySet[Staff]:
    """Return who the user is here, with the calendar, since nearly every page shows the own card."""
    rows = with_calendars(Staff.objects.select_related("department", "position", "presence"), since)
    rows = rows.annotate(has_calls=has_calls())
    return rows.filter(user_id=user_id, is_active=True, organization__is_active=True)


def _recognise(request: HttpRequest) -> None:
    user = cast("User", request.user)
    staff = next(iter(_working(user.pk, recent())), None)
    if staff is None:
        # The membership ended: the next request asks which are left.
        request.session.pop(SESSION_KEY, None)
        return
    staff.user = user
    request.staff = staff  # type: ignore[attr-defined]
    request.access = access_of(staff)  # type: ignore[attr-defined]
