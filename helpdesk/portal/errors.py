"""Turns what went wrong into a page, a fragment or a status, in the reader's words."""

import secrets
import sys

from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from psycopg_pool import PoolTimeout

from helpdesk.errors import HelpdeskError, NotFound, TooMany, Unavailable


def answer(request: HttpRequest, error: HelpdeskError) -> HttpResponse:
    """Return the answer to a request that met `error`: a toast inside a page, else a page of its own."""
    if isinstance(error, Unavailable):
        # What asks who this is while the answer is made would wait for the database once more.
        request.user = AnonymousUser()
    context = {"error": error, "status": error.status}
    if request.headers.get("HX-Request"):
        response = render(request, "portal/fragments/error.html", context, status=error.status)
        response["HX-Retarget"] = "#toasts"
        response["HX-Reswap"] = "beforeend"
    else:
        response = render(request, page_of(error), context, status=error.status)
    if isinstance(error, Unavailable):
        response["Retry-After"] = "5"
        response["Cache-Control"] = "private, no-store"
    if isinstance(error, TooMany):
        response["Retry-After"] = str(error.details.get("retry_after_seconds", 30))
    return response


def page_of(error: HelpdeskError) -> str:
    """Return the template of the page for an error."""
    if isinstance(error, NotFound):
        return "404.html"
    if isinstance(error, Unavailable):
        return "503.html"
    return "portal/refused.html"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for absent and forbidden alike."""
    return answer(request, NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for what nobody foresaw; a database that is away is not our mistake and says when to come back."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError, PoolTimeout)):
        return answer(request, Unavailable())
    return render(request, "500.html", {"reference": secrets.token_hex(3).upper()}, status=500)
