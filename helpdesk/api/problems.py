"""Turns every refusal into an RFC 9457 problem: type, title, status, code, detail and errors for each field."""

import logging
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from psycopg_pool import PoolTimeout
from rest_framework import exceptions

from helpdesk import errors
from helpdesk.errors import HelpdeskError

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)


class Unauthorized(HelpdeskError):
    """No token, or one that is unknown, expired, revoked or of somebody who left: all alike."""

    code = "unauthorized"
    status = 401


class ReusedKey(HelpdeskError):
    """An idempotency key came again with another body."""

    code = "idempotency_key_reused"
    status = 422


def handle(error: Exception, context: dict[str, Any]) -> HttpResponse:  # Any: DRF's own signature
    """Return the problem for whatever a REST view raised; what nobody foresaw is logged."""
    if isinstance(error, exceptions.APIException):
        return _from_framework(error)
    return problem(_known(error))


def problem(error: HelpdeskError, found: list[dict[str, str]] | None = None) -> HttpResponse:
    """Return the problem that describes the error, in the caller's language."""
    details = {name: str(value) for name, value in error.details.items()}
    field = details.pop("field", None)
    if field and not found:
        found = [{"field": field, "code": error.code, "message": str(error.message)}]
    response = _response(
        status=error.status,
        code=error.code,
        title=str(_title(error)),
        detail=str(error.message),
        **({"errors": found} if found else {}),
        **({"details": details} if details else {}),
    )
    if error.status == errors.Unavailable.status:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if "retry_after_seconds" in details:
        response["Retry-After"] = details["retry_after_seconds"]
    if error.status == Unauthorized.status:
        response["WWW-Authenticate"] = 'Bearer realm="everydesk"'
    return response


def meaning(request: HttpRequest, code: str) -> HttpResponse:
    """Say what kind of problem a code stands for: where the `type` of a problem leads."""
    kinds: list[type[HelpdeskError]] = [HelpdeskError, *_kinds(HelpdeskError)]
    title = next((str(_title(kind())) for kind in kinds if kind.code == code), None)
    if title is None:
        return not_found(request)
    return HttpResponse(f"{code}: {title}\n", content_type="text/plain; charset=utf-8")


def not_found(request: HttpRequest, **path: str) -> HttpResponse:
    """Answer calls to addresses that the API does not have."""
    return problem(errors.NotFound())


def _kinds(kind: type[HelpdeskError]) -> Iterator[type[HelpdeskError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


def _title(error: HelpdeskError) -> object:
    if isinstance(error, Unauthorized):
        return _("A valid token is needed.")
    if isinstance(error, ReusedKey):
        return _("This idempotency key was used for another call.")
    return type(error).message


def _known(error: Exception) -> HelpdeskError:
    if isinstance(error, HelpdeskError):
        return error
    if isinstance(error, Http404 | PermissionDenied):
        return errors.NotFound()
    if isinstance(error, RequestDataTooBig | TooManyFilesSent):
        return errors.TooLarge(_("The body is larger than allowed."))
    if isinstance(error, DATABASE_AWAY):
        logger.warning("The database does not answer")
        return errors.Unavailable()
    logger.error("A call failed", exc_info=error)
    return _Unforeseen()


class _Unforeseen(HelpdeskError):
    """What nobody foresaw; the log knows more."""

    code = "error"
    status = 500


def _from_framework(error: exceptions.APIException) -> HttpResponse:
    if isinstance(error, exceptions.AuthenticationFailed | exceptions.NotAuthenticated):
        return problem(Unauthorized(_("A valid token is needed.")))
    if isinstance(error, exceptions.ValidationError):
        return problem(errors.Invalid(), found=list(_fields(error.detail)))
    if isinstance(error, exceptions.Throttled):
        return problem(
            errors.TooMany(retry_after_seconds=max(1, round(getattr(error, "wait", None) or 1)))
        )
    if isinstance(error, exceptions.NotFound):
        return problem(errors.NotFound())
    code = str(getattr(error.detail, "code", error.default_code))
    return _response(
        status=error.status_code,
        code=code,
        title=str(error.default_detail),
        detail=str(error.detail),
    )


def _fields(detail: Any, name: str = "") -> Iterator[dict[str, str]]:  # Any: DRF nests freely
    if isinstance(detail, dict):
        for key, inner in detail.items():
            own = "" if key == "non_field_errors" else str(key)
            yield from _fields(inner, ".".join(part for part in (name, own) if part))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _fields(inner, name)
    else:
        yield {
            "field": name,
            "code": str(getattr(detail, "code", "invalid")),
            "message": str(detail),
        }


def _response(*, status: int, code: str, **members: object) -> HttpResponse:
    body = {
        "type": f"{settings.PUBLIC_URL}/api/problems/{code}/",
        "status": status,
        "code": code,
        **members,
    }
    return JsonResponse(
        body,
        status=status,
        content_type="application/problem+json",
        json_dumps_params={"ensure_ascii": False},
    )
